"""Recipes of impressions: pools, slices and stages reach the report."""

import polars as pl
import pytest
from pydantic import ValidationError

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.experiment.prepare import prepare
from recweave.runs.spec import Experiment

HOUR = 3600
LOG = [  # hour, shown, clicked
    (1, ["old", "x"], "old"),
    (2, ["old", "y"], "old"),
    (3, ["x", "y"], "x"),
    (99, ["z", "w"], "z"),
    (100, ["x", "w"], "x"),
]


@pytest.fixture
def folder(tmp_path):
    shown = pl.DataFrame(
        {
            "impression_id": [str(row) for row in range(len(LOG))],
            "user_id": [f"u{row}" for row in range(len(LOG))],
            "time": [hour * HOUR for hour, _, _ in LOG],
            "shown": [items for _, items, _ in LOG],
            "clicked": [[item == one for item in items] for _, items, one in LOG],
        }
    )
    clicks = shown.explode("shown", "clicked").filter("clicked")
    events = clicks.select("user_id", "time", item_id="shown")
    items = pl.DataFrame(
        {"item_id": ["old", "x", "y", "z", "w"], "categories": [["k"], ["l"]] * 2 + [["k"]]}
    )
    Dataset("news", events=events, items=items, impressions=shown).save(tmp_path / "news")
    return tmp_path


def report(folder, on="test", stages=(), **more):
    settings = {
        "task": "impressions",
        "data": "news",
        "split": {"kind": "global_time", "valid_from": 3 * HOUR, "test_from": 98 * HOUR},
        "metrics": ["auc", "pool_hit@1", "pool_coverage@1"],
        "refit": "train+valid",
        "models": [{"kind": "popularity", "stages": list(stages)}],
    }
    prepared = prepare(Experiment.model_validate(settings | more), folder)
    (entry,) = prepared.experiment.models
    model, _ = prepared.fit(entry.recipes()[0], seed=0, final=True)
    fitted = prepared.fit_stages(entry, model)
    return prepared.evaluate(model, fitted, on=on, metrics=prepared.experiment.metrics)


def test_a_pool_is_what_was_first_shown_lately_in_the_whole_log(folder):
    """`old` has most clicks, and was first shown a hundred hours before."""
    assert report(folder, fresh_hours=48).value("pool_hit@1") == pytest.approx(1 / 2)
    assert report(folder, fresh_hours=200).value("pool_hit@1") == 0
    assert report(folder, fresh_hours=200).whole["pool_coverage@1"] == pytest.approx(1 / 5)


def test_slices_are_those_of_impressions_and_of_test_alone(folder):
    found = report(folder)
    assert set(found.slices) == {"popularity", "item", "history", "age"}
    rows = found.slices["item"].select("label", "relevant").rows()
    assert rows == [("cold", 1), ("cold", 1)]  # x was clicked in the validation part alone
    assert report(folder, slices=["age"]).slices.keys() == {"age"}
    assert report(folder, on="valid").slices == {}


def test_a_stage_changes_what_is_shown(folder):
    plain = report(folder).value("auc")
    turned = report(folder, stages=[{"kind": "popularity", "strength": -5.0}]).value("auc")
    assert plain > 0.7
    assert turned < plain


def test_bad_settings_are_named(folder):
    with pytest.raises(BadSetting, match=r"the task impressions: no slice .* 'decile'; known are"):
        report(folder, slices=["decile"])
    with pytest.raises(ValidationError, match="fresh_hours"):
        report(folder, fresh_hours=0)
