"""Do the words pay? Answers known from synthetic values of users."""

import polars as pl
import pytest

from recweave.core.atomic import write_json
from recweave.core.errors import BadSetting
from recweave.evaluate import Report
from recweave.report.words import words
from recweave.report.words_verdict import words_verdict
from recweave.runs.folder import RunFolder
from recweave.runs.layout import FEATURES
from recweave.runs.spec import Experiment

USERS = 60
FEATURES_ASKED = {
    "text": {"kind": "items"},
    "permuted": {"kind": "shuffled", "feature": "text"},
    "length": {"kind": "length"},
    "noise": {"kind": "random", "feature": "permuted"},
}
SECONDS = {"text": 8.0, "permuted": 2.0, "length": 1.0, "noise": 0.5}


@pytest.fixture
def finished(tmp_path):
    """`finished([row, …])`: a run whose rows are (entry, values of users in turn, seconds)."""

    def make(rows, metric="ndcg@5", cold=None, **asked):
        given = {
            "data": "x",
            "choose": metric,
            "metrics": [metric],
            "features": FEATURES_ASKED,
            "models": [entry for entry, *_ in rows],
        }
        experiment = Experiment.parse(given | asked, "here")
        folder = RunFolder(tmp_path / "run")
        data = {"name": "shop", "fingerprint": "shop"}
        folder.start({"recipe": experiment.model_dump(mode="json"), "data": data}, {})
        write_json(folder.path / FEATURES, {n: {"seconds": s} for n, s in SECONDS.items()})
        for name, (entry, values, seconds) in zip(experiment.rows(), rows, strict=True):
            settings = {k: v for k, v in entry.items() if k not in ("name", "variant")}
            result = {
                "recipe": {"name": entry["name"], "settings": settings},
                "tried": [],
                "fit_seconds": seconds,
                "peak_mb": None,
            }
            whole = table(metric, values)
            slices = {}
            if cold:
                label = pl.lit("cold").alias("label")
                slices["item"] = table(metric, cold[name]).head(10).select(label, pl.all())
            folder.keep_cell(name, 0, result, Report(whole, {}, slices))
        return folder.path

    return make


def table(metric, values):
    columns = {"user": range(USERS), "relevant": [1] * USERS}
    if metric == "mae":
        columns |= {"rated": [1] * USERS, "predicted": [1] * USERS}
    columns[metric] = [float(values[user % len(values)]) for user in range(USERS)]
    return pl.DataFrame(columns)


def ease(variant, *features):
    return {"name": "ease", "variant": variant, "features": list(features)}


def slit(variant, *features):
    return {"name": "slit", "variant": variant, "features": list(features)}


BASE = ({"name": "ease", "variant": "base"}, [1, 2], 3.0)


def by_name(found):
    return {row.row: row for row in found.rows}


@pytest.mark.parametrize(("metric", "better", "worse"), [("ndcg@5", 3, 0), ("mae", 0, 3)])
def test_a_gain_is_positive_where_the_row_is_better(finished, metric, better, worse):
    rows = [BASE, (ease("a", "text"), [better], 3.0), (ease("b", "text"), [worse], 3.0)]
    found = by_name(words(finished(rows, metric)))
    gain, loss = found["ease-a"].gains["all"], found["ease-b"].gains["all"]
    assert (gain.by.mean, loss.by.mean) == (1.5, -1.5)
    assert (gain.sure, loss.sure) == (True, False)
    assert gain.users == USERS
    assert (found["ease-a"].pays, found["ease-b"].pays) == (True, False)


@pytest.mark.parametrize(("metric", "ahead"), [("ndcg@5", "best"), ("mae", "least")])
def test_rows_without_words_that_beat_the_baseline_are_named(finished, metric, ahead):
    rows = [
        BASE,
        ({"name": "popularity", "variant": "best"}, [5], 1.0),
        ({"name": "popularity", "variant": "least"}, [0], 1.0),
        (ease("text", "text"), [9], 1.0),
    ]
    found = words(finished(rows, metric))
    assert found.stronger == [f"popularity-{ahead}"]
    assert f"popularity-{ahead} without text does better" in words_verdict(found)


def test_a_text_pays_only_if_it_beats_its_control_as_well(finished):
    rows = [
        BASE,
        (ease("text", "text"), [3], 1.0),
        (ease("same", "permuted"), [3, 3, 3.1, 2.9], 1.0),
    ]
    found = by_name(words(finished(rows)))
    assert found["ease-text"].gains["all"].sure
    assert found["ease-text"].best_control == "ease-same"
    assert not found["ease-text"].over_control.sure
    assert not found["ease-text"].pays
    assert found["ease-same"].control
    assert found["ease-same"].best_control == ""
    assert not found["ease-same"].pays
    said = words_verdict(words(finished(rows)))
    assert "no text feature pays" in said
    assert "Warning: controls gain significantly as well" in said


@pytest.mark.parametrize(("metric", "values"), [("ndcg@5", (1, 4, 6, 2)), ("mae", (6, 3, 1, 5))])
def test_a_text_is_held_against_the_best_control_of_its_own_model(finished, metric, values):
    low, high, other, text = ([value] for value in values)
    rows = [
        BASE,
        (ease("low", "length"), low, 1.0),
        (ease("high", "permuted"), high, 1.0),
        (slit("other", "noise"), other, 1.0),
        (ease("text", "text"), text, 1.0),
    ]
    found = by_name(words(finished(rows, metric)))
    assert found["ease-text"].best_control == "ease-high"
    assert found["ease-text"].over_control.by.mean == -2


def test_where_its_model_has_no_control_a_text_is_held_against_the_best_of_all(finished):
    rows = [BASE, (ease("low", "length"), [4], 1.0), (slit("text", "text"), [5], 1.0)]
    found = by_name(words(finished(rows)))
    assert found["slit-text"].best_control == "ease-low"
    assert found["slit-text"].over_control.by.mean == 1


def test_a_row_with_a_text_and_a_control_is_no_control(finished):
    rows = [BASE, (ease("both", "text", "length"), [4], 1.0)]
    assert not by_name(words(finished(rows)))["ease-both"].control


def test_seconds_are_of_all_that_a_feature_was_made_from_and_of_the_longer_fit(finished):
    rows = [
        BASE,
        (ease("noise", "noise"), [3], 5.0),
        (ease("two", "text", "permuted"), [3], 1.0),
    ]
    found = by_name(words(finished(rows)))
    # noise is made from permuted, and that from text; the baseline took 3 seconds.
    assert (found["ease-noise"].making, found["ease-noise"].fitting) == (10.5, 2.0)
    assert (found["ease-two"].making, found["ease-two"].fitting) == (10.0, 0.0)
    assert found["ease-noise"].seconds == 12.5
    assert found["ease-noise"].per_gain(12.5) == pytest.approx(12.5 * 0.001 / 1.5)


def test_a_gain_that_may_be_chance_has_no_price(finished):
    rows = [BASE, (ease("text", "text"), [2, 1, 2, 1, 2], 1.0)]
    (found,) = words(finished(rows)).rows
    assert not found.gains["all"].sure
    assert found.per_gain(9.0) is None


def test_gains_on_cold_items_are_of_the_users_who_have_some(finished):
    rows = [BASE, (ease("text", "text"), [1, 2], 1.0)]
    cold = {"ease-base": [0], "ease-text": [1]}
    (found,) = words(finished(rows, cold=cold)).rows
    assert set(found.gains) == {"all", "cold"}
    assert (found.gains["cold"].users, found.gains["cold"].by.mean) == (10, 1.0)
    assert found.gains["all"].by.mean == 0
    said = words_verdict(words(finished(rows, cold=cold)))
    assert "On cold items (10 users) these gain: ease-text" in said


def test_all_gains_of_the_report_are_corrected_together(finished):
    """The smallest p of three comparisons counts three times; that of one alone counts once."""
    rows = [BASE, *((ease(f"r{n}", "text"), values, 1.0) for n, values in enumerate(LOOKS))]
    gains = [row.gains["all"] for row in words(finished(rows)).rows]
    (alone,) = words(finished(rows[:2])).rows
    assert gains[0].p == pytest.approx(3 * alone.gains["all"].p)
    assert gains[0].sure
    assert not gains[1].sure


LOOKS = ([3], [2, 1, 2, 1, 2], [1, 2, 1])
"""Better for all; the same but for chance, twice."""


def test_a_run_without_words_is_refused(finished):
    with pytest.raises(BadSetting, match="no row of"):
        words(finished([BASE]))


def test_a_baseline_that_reads_text_is_refused(finished):
    rows = [(ease("text", "text"), [1], 1.0), BASE]
    with pytest.raises(BadSetting, match="the baseline 'ease-text'"):
        words(finished(rows))


def test_a_metric_that_was_not_reported_is_refused(finished):
    path = finished([BASE, (ease("text", "text"), [1], 1.0)])
    with pytest.raises(BadSetting, match=r"has no recall@5 for each user"):
        words(path, "recall@5")


def test_texts_of_users_count_as_words(finished):
    unified = {"name": "unified", "variant": "user", "user_feature": "text"}
    (found,) = words(finished([BASE, (unified, [3], 1.0)])).rows
    assert (found.row, found.features) == ("unified-user", ("text",))
