"""`auto` finds what was planted, says why, and its recipe gives the same numbers again."""

import json
import re

import numpy as np
import polars as pl
import pytest
from raced import news, raced

from recweave.bundle import Bundle
from recweave.core.errors import BadArtifact, BadInput, BadSetting, UnknownName
from recweave.experiment.auto import auto as module
from recweave.experiment.auto import plan
from recweave.experiment.auto.auto import auto, seconds_of
from recweave.experiment.auto.mixture import mixture_of
from recweave.experiment.run import run
from recweave.runs.spec import read_recipe


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr(plan, "network", lambda look: None)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "network", lambda look: None)
        return auto(news(), 8, out=tmp_path_factory.mktemp("auto") / "bundle")


def test_what_is_read_now_is_found_where_articles_live_for_a_day(found):
    chosen = found.summary.row(found.chosen)
    assert chosen.value("ndcg@10") > 4 * found.summary.row("popularity").value("ndcg@10")
    text = found.recipe.read_text()
    assert 'at = "query"' in text
    assert "what was popular right before each query" in text


def test_the_recipe_gives_the_same_numbers_again(found, tmp_path):
    again = run(read_recipe(found.recipe), tmp_path / "again", base_dir=found.recipe.parent)
    assert again.names() == found.summary.names()
    for row in again.rows:
        for metric in ("ndcg@10", "hit@10", "coverage@10"):
            assert row.value(metric) == pytest.approx(
                found.summary.row(row.name).value(metric), abs=1e-9
            )


def test_the_recipe_says_what_was_seen_decided_and_tried(found):
    head = found.recipe.read_text()
    assert "880 events of 110 users" in head
    assert "times, and an order" in head
    assert "each user's last event is for test" in head
    assert f"Validation chose {found.chosen}: ndcg@10" in head
    for row in ("popularity", "popular-now", "ease", "slit", "als", "user_knn"):
        assert re.search(rf"^# - {row}[:;]", head, re.MULTILINE), row


def test_the_bundle_answers_by_itself(found):
    folder = found.recipe.parent.with_name("bundle")
    lists = Bundle.load(folder).recommend(["u7"], k=5).table
    assert len(lists) == 5
    assert found.bundle.name == found.chosen


def test_tried_settings_are_not_tried_again(found, monkeypatch):
    folder = found.recipe.parent.with_name("bundle")
    trials = {file.name for file in (found.recipe.parent / "trials").iterdir()}
    again = auto(news(), 5, out=folder)
    assert trials <= {file.name for file in (found.recipe.parent / "trials").iterdir()}
    assert again.summary.row("popularity").value("ndcg@10") == found.summary.row(
        "popularity"
    ).value("ndcg@10")


def test_a_blend_is_never_below_its_best_member_on_validation(tmp_path):
    race, said = raced(news(), tmp_path, ("popularity", "user_knn", "popular-now"))
    mixture = mixture_of(race)
    assert mixture.value >= race.ranked()[0].value
    assert race.value_of(mixture.model) == pytest.approx(mixture.value)
    assert sum(mixture.weights) == pytest.approx(1)
    assert len(said) > 3


def test_settings_are_searched_until_no_neighbour_is_better(tmp_path):
    race, _ = raced(news(60), tmp_path, ("popular-now",))
    (racer,) = race.racers
    best, knob = racer.climb.best["half_life"], racer.candidate.knobs["half_life"]
    for up in (True, False):
        neighbour = racer.climb.tried[(knob.step(best, up),)]
        assert neighbour <= racer.value


def test_nothing_of_the_test_part_decides(tmp_path):
    shop = news()
    log = shop.interactions()
    order = log.by_user()
    user = log.user[order]
    last = order[np.append(user[1:] != user[:-1], True)]  # what is held out for test
    events = shop.events.with_row_index("row")
    other = events.with_columns(
        item_id=pl.when(pl.col("row").is_in(last.tolist()))
        .then(pl.lit("a0-0"))
        .otherwise(pl.col("item_id"))
    ).drop("row")
    rows = ("popular-now", "newest-now", "item_knn")
    found = []
    for name, dataset in (("one", shop), ("two", shop.replace(events=other))):
        race, _ = raced(dataset, tmp_path / name, rows)
        found.append([(one.candidate.row, one.climb.tried) for one in race.racers])
    assert found[0] == found[1]


def test_a_model_that_fails_is_left_out_and_named(tmp_path, monkeypatch):
    broken = plan.Candidate("broken", "content_knn", "it reads what is not there")
    popular = plan.Candidate("popularity", "popularity", "the least to reach")
    monkeypatch.setattr(plan, "candidates", lambda *_: [broken, popular])
    race, said = raced(news(), tmp_path, ("broken", "popularity"))
    assert "there is no feature 'text'" in race.racers[0].reason
    assert [one.candidate.row for one in race.ranked()] == ["popularity"]
    assert said[0].startswith("broken: ")


def test_without_time_the_first_model_is_tried_and_the_rest_is_named(tmp_path):
    race, said = raced(news(60), tmp_path, ("popularity", "item_knn", "ease"), seconds=1e-6)
    assert len(said) == 1
    assert [one.reason for one in race.racers] == ["", *["no time was left for it"] * 2]


@pytest.mark.parametrize(
    ("budget", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), (30, 30), (" 7 s ", 7)]
)
def test_budgets(budget, seconds):
    assert seconds_of(budget) == seconds


@pytest.mark.parametrize("budget", ["soon", "", "-5m", "10d", "1s", "nan"])
def test_bad_budgets(budget):
    with pytest.raises(BadSetting, match=r"is no time; write it as|is too short"):
        seconds_of(budget)


def test_a_file_that_is_no_dataset_gets_the_command_that_reads_it(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("user_id,item_id,time\n" + "u1,i1,1500000000\n" * 3)
    with pytest.raises(BadInput, match=r"is no dataset yet; read it first.* data read table "):
        auto(file, "1m", out=tmp_path / "bundle")


def test_a_target_that_does_not_occur_is_refused(tmp_path):
    with pytest.raises(BadSetting, match="no event is a purchase; there are rating"):
        auto(news(20), "1m", target="purchase", out=tmp_path / "bundle")
    with pytest.raises(UnknownName, match="bought"):
        auto(news(20), "1m", target="bought", out=tmp_path / "bundle")


def test_a_folder_of_something_else_is_refused_before_anything_is_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "first_recipe", None)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "letter.txt").write_text("dear")
    with pytest.raises(BadArtifact, match="exists and is no bundle"):
        auto(news(20), "1m", out=tmp_path / "bundle")


def test_what_json_prints_names_the_chosen_row(found):
    assert found.chosen in [row["name"] for row in found.summary.to_json()["models"]]
    json.dumps(found.summary.to_json())
