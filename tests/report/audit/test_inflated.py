"""How much a leak inflates is compared with the honest twin, not with the first similar row."""

from pathlib import Path

import polars as pl
import pytest

from recweave.evaluate import Report
from recweave.report.audit.finding import Finding
from recweave.report.audit.inflated import inflated
from recweave.runs.spec import Experiment
from recweave.runs.summary import Row, Summary

REVIEWS = {"kind": "reviews", "encoder": "tfidf"}
FEATURES = {
    "title": {"kind": "items", "encoder": "tfidf"},
    "honest": REVIEWS,
    "by_users": REVIEWS | {"of": "user", "encoder": "minilm"},
    "leaky": REVIEWS | {"leak": True},
}
LEAK = Finding("rows behind features", "leak", "the feature", "leaks", 1, features=("leaky",))


def ease(variant, *features, **more):
    return {"name": "ease", "variant": variant, "features": list(features)} | more


def twins(models, finding=LEAK):
    """The twin of each leaking row."""
    asked = Experiment.parse({"data": "x", "features": FEATURES, "models": models}, "here")
    table = pl.DataFrame({"user": [0, 1], "relevant": [1, 1], "ndcg@10": [0.0, 1.0]})
    rows = [
        Row(name, e.kind, e.variant, r.model_dump(mode="json"), 0, 1.0, None, Report(table))
        for name, e in zip(asked.rows(), asked.models, strict=True)
        for r in e.recipes()[:1]
    ]
    summary = Summary(asked, {"name": "x"}, {}, rows, Path())
    return {c.row: twin for twin, c in inflated(summary, [finding])}


def test_the_twin_reads_the_same_feature_without_the_leak_in_any_order():
    rows = [ease("title", "title"), ease("users", "by_users"), ease("honest", "honest")]
    assert twins([*rows, ease("leaky", "leaky")]) == {"ease-leaky": "ease-honest"}
    assert twins([ease("leaky", "leaky"), *rows[::-1]]) == {"ease-leaky": "ease-honest"}


def test_without_the_same_kind_the_twin_is_the_row_without_the_feature():
    rows = [ease("two", "title", "by_users"), ease("one", "title")]
    leaky = ease("leaky", "title", "leaky")
    assert twins([rows[1], leaky]) == {"ease-leaky": "ease-one"}
    assert twins([*rows, leaky]) == {"ease-leaky": "ease-two"}


def test_rows_that_differ_in_anything_else_are_no_twins():
    leaky = ease("leaky", "leaky")
    for other in (ease("a", "honest", reg=7.0), ease("b", "honest", "title"), {"name": "als"}):
        assert twins([other, leaky]) == {}
    staged = ease("c", "honest", stages=[{"kind": "popularity"}])
    assert twins([staged, leaky]) == {}
    both = ease("leaky", "leaky", stages=[{"kind": "popularity"}])
    assert twins([ease("a", "honest"), staged, both]) == {"ease-leaky": "ease-c"}


def test_settings_that_validation_chose_do_not_keep_twins_apart():
    searched = {"search": {"reg": [1.0, 2.0]}}
    rows = [
        ease("honest", "honest", **searched),
        ease("leaky", "leaky", search={"reg": [1.0, 2.0]}),
    ]
    assert twins(rows) == {"ease-leaky": "ease-honest"}
    rows[1]["search"] = {"reg": [1.0, 3.0]}
    assert twins(rows) == {}


@pytest.mark.parametrize("position", [0, 1])
def test_a_stage_that_leaks_is_left_out_of_the_twin(position):
    honest, leaky = {"kind": "popularity"}, {"kind": "boost", "where": "hot == 1", "factor": 2}
    stages = [leaky, honest] if position == 0 else [honest, leaky]
    rows = [ease("bare", "title"), ease("other", "title", stages=[honest])]
    finding = Finding("popularity", "leak", "x", "y", 1, stages=(("ease-boosted", position),))
    boosted = ease("boosted", "title", stages=stages)
    assert twins([*rows, boosted], finding) == {"ease-boosted": "ease-other"}


def test_a_doubt_inflates_nothing():
    doubt = Finding("x", "unverified", "x", "y", 1, features=("leaky",))
    assert twins([ease("honest", "honest"), ease("leaky", "leaky")], doubt) == {}
