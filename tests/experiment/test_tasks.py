"""Tasks and folds, from a recipe file to the report."""

import json

import numpy as np
import polars as pl
import pytest
from plugin_parts import Watched

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.experiment import run as run_module
from recweave.experiment.run import run
from recweave.report.audit import audit
from recweave.report.compare import table_of
from recweave.report.page import page
from recweave.report.plots import plots
from recweave.runs.spec import Experiment
from recweave.runs.summary import read_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """400 ratings of 40 users and 15 films, some liked by all; what was shown to whom."""
    rng = np.random.default_rng(0)
    pairs = rng.choice(40 * 15, 400, replace=False)
    user, item = pairs // 15, pairs % 15
    value = np.where(item % 3 == 0, 5, rng.integers(1, 6, 400)).astype(np.float32)
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in user],
            "item_id": [f"i{i}" for i in item],
            "value": value,
            "time": rng.integers(0, 1000, 400),
        }
    )
    shown = [rng.choice(15, 4, replace=False) for _ in range(60)]
    impressions = pl.DataFrame(
        {
            "impression_id": [str(n) for n in range(60)],
            "user_id": [f"u{n % 40}" for n in range(60)],
            "time": [15 * n + 50 for n in range(60)],
            "shown": [[f"i{i}" for i in one] for one in shown],
            "clicked": [[bool(i % 3 == 0) for i in one] for one in shown],
        }
    )
    folder = tmp_path_factory.mktemp("data")
    Dataset("films", events=events, impressions=impressions).save(folder / "films")
    return folder


def recipe(task, models=("popularity", "random"), **more):
    rows = [{"name": one} if isinstance(one, str) else one for one in models]
    return Experiment.parse({"task": task, "data": "films", "models": rows} | more, "here")


STATISTICS = {of: {"kind": "statistics", "of": of, "share_from": 4} for of in ("item", "user")}
LOGISTIC = {"name": "logistic", "features": ["item", "user"]}
CLICKS = {
    "positive_from": 4,
    "features": STATISTICS,
    "split": {"kind": "random_warm", "valid": 0.1, "keep": 1},
}


def test_clicks_are_evaluated_by_probabilities_and_popularity_by_its_order(data, tmp_path):
    asked = recipe("clicks", [LOGISTIC, "popularity", "biased_mf"], **CLICKS)
    payload = run(asked, tmp_path / "run", base_dir=data).to_json()
    assert payload["task"] == "clicks"
    assert [row["judged_by"] for row in payload["models"]] == ["probability", "score", "rating"]
    assert set(payload["models"][0]["metrics"]) == {"auc", "log_loss"}
    assert set(payload["models"][1]["metrics"]) == {"auc"}
    auc = payload["models"][0]["metrics"]["auc"]
    assert auc["low"] < auc["mean"] < auc["high"]
    assert auc["mean"] > 0.6
    assert audit(tmp_path / "run").findings == []


def test_a_finished_run_of_clicks_reads_back_the_same(data, tmp_path):
    first = run(recipe("clicks", [LOGISTIC], **CLICKS), tmp_path / "run", base_dir=data)
    assert read_run(tmp_path / "run").to_json() == json.loads(json.dumps(first.to_json()))


def test_settings_of_a_click_model_are_chosen_on_validation(data, tmp_path):
    searched = LOGISTIC | {"search": {"reg": [1e-2, 1e6]}}
    asked = recipe("clicks", [searched], choose="log_loss", **CLICKS)
    found = run(asked, tmp_path / "run", base_dir=data)
    assert found.rows[0].tried == 2
    assert found.rows[0].settings["reg"] == 1e-2


def test_impressions_are_evaluated_as_they_were_shown(data, tmp_path):
    split = {"kind": "global_time", "valid_from": 600, "test_from": 700}
    found = run(recipe("impressions", split=split), tmp_path / "run", base_dir=data)
    payload = found.to_json()
    assert set(payload["models"][0]["metrics"]) == {"auc", "mrr", "ndcg@10"}
    counts = payload["data"]["impressions"]
    assert counts["train"] + counts["valid"] + counts["test"] == 60
    assert "impressions" in page(found)


def test_ratings_are_evaluated_alone_and_only_of_models_that_predict_them(data, tmp_path):
    split = {"kind": "random_warm", "keep": 1}
    found = run(recipe("ratings", ["biased_mf"], split=split), tmp_path / "run", base_dir=data)
    assert set(found.rows[0].means) == {"rmse", "mae"}
    with pytest.raises(BadSetting, match="predicts none"):
        run(recipe("ratings", ["popularity"], split=split), tmp_path / "other", base_dir=data)


@pytest.mark.parametrize("task", ["ratings", "clicks", "impressions"])
def test_metrics_of_another_task_are_refused(task):
    with pytest.raises(BadSetting, match=f"no metric of the task {task}"):
        recipe(task, metrics=["recall@5"])


def test_stages_are_for_lists_alone():
    staged = {"name": "popularity", "stages": [{"kind": "mmr"}]}
    with pytest.raises(BadSetting, match="stages"):
        recipe("clicks", [staged], positive_from=4)


@pytest.mark.parametrize("task", ["clicks", "ratings", "impressions"])
def test_the_report_page_is_written_for_every_task(data, tmp_path, task):
    more = {"clicks": {"positive_from": 4, "split": {"kind": "random_warm", "keep": 1}}}
    rows = {"ratings": ["biased_mf"]}
    asked = recipe(task, rows.get(task, ["popularity", "random"]), **more.get(task, {}))
    made = page(run(asked, tmp_path / "run", base_dir=data))
    assert "whole catalogue" not in made
    assert "popularity" in made or task == "ratings"


FOLDS = {"split": {"kind": "k_fold", "n": 3}, "seeds": [0, 1], "metrics": ["hit@5", "coverage@5"]}


def cells(folder):
    return sorted(path.parent.name for path in folder.glob("cells/*/result.json"))


def test_every_row_runs_with_every_seed_on_every_fold(data, tmp_path):
    found = run(recipe("lists", **FOLDS), tmp_path / "run", base_dir=data)
    expected = [
        f"{row}.{seed}.{fold}"
        for row in ("popularity", "random")
        for seed in (0, 1)
        for fold in (0, 1, 2)
    ]
    assert cells(tmp_path / "run") == expected
    assert found.data["folds"] == 3
    assert found.rows[0].means["hit@5"].mean > 0
    assert any(line.startswith("fold 2: ") for line in audit(tmp_path / "run").checked)


def test_a_run_that_is_killed_between_cells_is_resumed_there(data, tmp_path, monkeypatch):
    whole = run(recipe("lists", **FOLDS), tmp_path / "whole", base_dir=data).to_json()
    real, done = run_module._run_cell, []

    def killed(*args):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(args[2:])
        real(*args)

    monkeypatch.setattr(run_module, "_run_cell", killed)
    with pytest.raises(KeyboardInterrupt):
        run(recipe("lists", **FOLDS), tmp_path / "run", base_dir=data)
    assert len(cells(tmp_path / "run")) == 5
    monkeypatch.setattr(run_module, "_run_cell", lambda *args: (done.append(1), real(*args)))
    again = run(recipe("lists", **FOLDS), tmp_path / "run", base_dir=data).to_json()
    assert len(done) == 12
    for one in (whole, again):
        for row in one["models"]:
            row.pop("fit_seconds"), row.pop("peak_mb"), row.pop("stage_ms")
    assert again["models"] == whole["models"]


def test_settings_are_chosen_on_the_first_fold_alone(data, tmp_path):
    searched = {"name": "item_knn", "search": {"k": [2, 10]}}
    asked = recipe("lists", [searched], split={"kind": "k_fold", "n": 3}, metrics=["ndcg@10"])
    run(asked, tmp_path / "run", base_dir=data)
    results = [
        json.loads((tmp_path / f"run/cells/item_knn.0.{fold}/result.json").read_text())
        for fold in range(3)
    ]
    assert [len(one["tried"]) for one in results] == [2, 0, 0]
    assert len({json.dumps(one["recipe"]) for one in results}) == 1
    assert len(list((tmp_path / "run/trials").iterdir())) == 2


@pytest.mark.parametrize(("protocol", "share"), [("paper", 100), ("rigorous", 0)])
def test_only_the_paper_protocol_stops_on_test(data, tmp_path, monkeypatch, protocol, share):
    monkeypatch.setattr(Watched, "seen", [])
    asked = recipe(
        "clicks",
        [{"name": "plugin_parts:Watched"}],
        protocol=protocol,
        **CLICKS | {"split": {"kind": "random_warm", "keep": 1}},
        save=False,
    )
    summary = run(asked, tmp_path / "run", base_dir=data)
    assert Watched.seen == [share]
    told = "selected by the test events" in page(summary)
    assert told == (protocol == "paper")


def test_with_validation_events_the_paper_protocol_stops_on_these(data, tmp_path, monkeypatch):
    monkeypatch.setattr(Watched, "seen", [])
    more = CLICKS | {"protocol": "paper", "save": False}
    run(recipe("clicks", [{"name": "plugin_parts:Watched"}], **more), tmp_path / "r", base_dir=data)
    assert Watched.seen == [40]


def test_a_rate_decides_on_validation_and_the_page_says_so(data, tmp_path):
    more = CLICKS | {"decide_at": "tpr0.9", "metrics": ["tpr", "fpr", "auc"]}
    summary = run(recipe("clicks", [LOGISTIC], **more), tmp_path / "run", base_dir=data)
    row = summary.to_json()["models"][0]
    assert 0 < row["decided_at"] < 1 and len(row["roc"]) == 101
    shown = page(summary)
    assert "finds 90% of the liked pairs of validation" in shown
    charts = plots(table_of(summary), "auc")
    assert {"ROC curves", "False-positive rate at a TPR"} <= set(charts)
    with pytest.raises(BadSetting, match="refit"):
        recipe("clicks", [LOGISTIC], **more, refit="train+valid")
    with pytest.raises(BadSetting, match="decide_at"):
        recipe("clicks", [LOGISTIC], **more | {"decide_at": "often"})


@pytest.mark.parametrize(("least", "which"), [(9, "negative"), (0, "positive")])
def test_events_of_one_class_alone_are_refused(data, tmp_path, least, which):
    more = CLICKS | {"positive_from": least}
    with pytest.raises(
        BadSetting, match=rf"every training event is {which}: values go from 1 to 5"
    ):
        run(recipe("clicks", [LOGISTIC], **more), tmp_path / "run", base_dir=data)
