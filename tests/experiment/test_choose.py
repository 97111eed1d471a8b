"""What is better when lower is chosen, ranked and searched for when lower."""

import polars as pl
import pytest

from recweave.evaluate import Report
from recweave.evaluate.statistics import Difference
from recweave.experiment.choose import Trial, best
from recweave.experiment.run import run
from recweave.models.popularity import Popularity
from recweave.report.compare import Table
from recweave.report.ranking import best_row, ranked_rows
from recweave.runs.spec import read_recipe
from recweave.runs.summary import Comparison, Row

LOW = ["mae", "rmse", "gini@10", "fpr>=4"]
HIGH = ["ndcg@10", "coverage@10", "roc_auc>=4"]


def trials(*values):
    return [Trial(Popularity(days=day), value, 1.0) for day, value in enumerate(values, 1)]


@pytest.mark.parametrize("metric", LOW)
def test_the_lowest_is_chosen_where_lower_is_better(metric):
    assert best(trials(0.3, 0.1, 0.2), metric).value == 0.1


@pytest.mark.parametrize("metric", HIGH)
def test_the_highest_is_chosen_where_higher_is_better(metric):
    assert best(trials(0.3, 0.1, 0.4), metric).value == 0.4


@pytest.mark.parametrize("metric", [LOW[0], HIGH[0]])
def test_the_first_of_equals_is_chosen(metric):
    assert best(trials(0.2, 0.2), metric).recipe == Popularity(days=1)


def row(name, metric, value):
    table = pl.DataFrame({"user": range(4), "relevant": 1, "predicted": 1, metric: [value] * 4})
    return Row(name, name, "", {}, 0, 1.0, None, Report(table))


@pytest.mark.parametrize(("metric", "names"), [("mae", "bca"), ("ndcg@10", "acb")])
def test_rows_are_ranked_by_what_is_better(metric, names):
    rows = tuple(row(n, metric, v) for n, v in (("a", 0.3), ("b", 0.1), ("c", 0.2)))
    table = Table({}, (metric,), rows, rows[0], ())
    assert [one.name for one in ranked_rows(table, metric)] == list(names)
    assert best_row(table, metric).name == names[0]


@pytest.mark.parametrize(
    ("metric", "by", "better"),
    [
        ("mae", -0.1, True),
        ("mae", 0.1, False),
        ("mae", 0.0, False),
        ("ndcg@10", 0.1, True),
        ("ndcg@10", -0.1, False),
        ("ndcg@10", 0.0, False),
    ],
)
def test_a_row_is_better_by_the_metrics_own_direction_and_not_by_nothing(metric, by, better):
    difference = Difference(mean=by, low=by, high=by, p=0.01)
    assert Comparison("a", metric, difference, 0.01).better == better


@pytest.mark.parametrize("metric", ["gini@5", "coverage@5"])
def test_settings_are_chosen_by_a_metric_of_all_lists(recipe, tmp_path, metric):
    text = recipe.read_text().replace('choose = "ndcg@5"', f'choose = "{metric}"')
    text = text.replace('"coverage@5"]', '"coverage@5", "gini@5"]')
    recipe.write_text(text + '\n[[models]]\nname = "item_knn"\nsearch = { k = [1, 3, 30] }\n')
    found = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    result = found.path / "cells/item_knn.0/result.json"
    tried = {t["recipe"]["k"]: t["value"] for t in pl.read_json(result)["tried"].to_list()[0]}
    assert len(set(tried.values())) > 1
    wanted = min if metric == "gini@5" else max
    assert found.rows[2].settings["k"] == wanted(tried, key=tried.get)


@pytest.mark.parametrize(("metric", "direction"), [("gini@5", "minimize"), ("ndcg@5", "maximize")])
def test_optuna_searches_in_the_metrics_direction(recipe, tmp_path, monkeypatch, metric, direction):
    optuna = pytest.importorskip("optuna")
    from recweave.experiment.tune import tune

    asked = []
    create = optuna.create_study
    monkeypatch.setattr(
        optuna, "create_study", lambda **how: asked.append(how["direction"]) or create(**how)
    )
    recipe.write_text(recipe.read_text().replace('choose = "ndcg@5"', f'choose = "{metric}"'))
    for _ in tune(read_recipe(recipe), tmp_path / "t", trials=1, base_dir=recipe.parent):
        pass
    assert set(asked) == {direction}
