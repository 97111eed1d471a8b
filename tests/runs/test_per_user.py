"""per_user.parquet: the values behind every mean, by user id."""

import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.experiment.run import run
from recweave.runs.layout import PER_USER
from recweave.runs.spec import read_recipe


def test_each_user_s_values_stand_by_their_id_and_give_the_means(recipe, tmp_path):
    found = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    table = pl.read_parquet(tmp_path / "run" / PER_USER)
    assert table.columns[:3] == ["row", "user_id", "relevant"]
    for row in found.rows:
        own = table.filter(row=row.name)
        assert own["ndcg@5"].mean() == pytest.approx(row.means["ndcg@5"].mean)
        assert own["user_id"].n_unique() == len(own) == 150


def test_a_value_is_that_of_the_user_whose_id_it_stands_by(recipe, tmp_path):
    """By hand: the last purchase is found if fewer than five unseen items are as popular."""
    experiment = read_recipe(recipe)
    run(experiment, tmp_path / "run", base_dir=recipe.parent)
    lines = pl.read_parquet(tmp_path / "run" / PER_USER).filter(row="popularity")
    values = dict(lines.select("user_id", "recall@5").iter_rows())
    events = Dataset.load(recipe.parent / "shop").events.sort("time")
    bought = {u: part["item_id"].to_list() for (u,), part in events.group_by("user_id")}
    count = {item: 0 for items in bought.values() for item in items}
    for items in bought.values():
        for item in items[:-2]:
            count[item] += 1
    sure = 0
    for user, items in bought.items():
        others = [c for item, c in count.items() if item not in items]
        mine = count[items[-1]]
        if sum(c >= mine for c in others) < 5:
            sure += 1
            assert values[user] == 1
        elif sum(c > mine for c in others) >= 5:
            sure += 1
            assert values[user] == 0
    assert sure > 100
    assert 0 < sum(values.values()) < 150
