"""What the audit must find: every cell, every row behind a feature, every way to read a feature."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from planted import USERS, VALID, experiment

from recweave.core.errors import BadArtifact, BadSetting
from recweave.data.split import TRAIN
from recweave.evaluate import Report
from recweave.evaluate.text_map import learned_vectors
from recweave.experiment.prepare import prepare
from recweave.experiment.run import run
from recweave.models.kinds import Factors
from recweave.models.unified.recipe import Unified
from recweave.report.audit import audit
from recweave.runs.layout import read_json
from recweave.runs.provenance import PROVENANCE
from recweave.runs.spec import Experiment
from recweave.runs.summary import Row, Summary

FAVORS, DRAWS = "planted:Favors", "planted:Draws"
COUNTS = {"kind": "planted:EventCounts"}
ROWS = [{"name": FAVORS}, {"name": DRAWS}]


def tampered(folder, row, seed, **changes):
    file = folder / "cells" / f"{row}.{seed}" / "result.json"
    whole = file.read_text()
    file.write_text(json.dumps(json.loads(whole) | changes))
    return file, whole


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_each_seed_of_each_row_must_have_learned_from_its_part_alone(planted, refit):
    asked = experiment(seeds=[3, 4], refit=refit, models=ROWS)
    run(asked, planted / "run", base_dir=planted)
    assert audit(planted / "run").findings == []
    split = prepare(asked, planted).split
    other = split.known if refit == "train" else split.train
    for row in ("Favors", "Draws"):
        for seed in (3, 4):
            file, whole = tampered(planted / "run", row, seed, learned_from=other.digest())
            with pytest.raises(BadArtifact, match=rf"'{row}' \(seed {seed}\) was not fitted on"):
                audit(planted / "run")
            file.write_text(whole)
    assert audit(planted / "run").checked[1].startswith("4 fitted models")


def test_a_cell_that_does_not_say_what_it_learned_from_is_found(planted):
    run(experiment(models=ROWS), planted / "run", base_dir=planted)
    tampered(planted / "run", "Draws", 0, learned_from=None)
    with pytest.raises(BadArtifact, match="'Draws'"):
        audit(planted / "run")


def test_statistics_of_train_and_validation_are_found(planted):
    from recweave.core.arrays import digest
    from recweave.evaluate import Catalogue

    asked = experiment(models=ROWS)
    run(asked, planted / "run", base_dir=planted)
    made = read_json(planted / "run" / "made_from.json")
    split = prepare(asked, planted).split
    for part in (split.known, split.valid):
        counted = Catalogue.of(part)
        made["data"]["statistics"] = digest(counted.events, counted.owners)
        (planted / "run" / "made_from.json").write_text(json.dumps(made))
        with pytest.raises(BadArtifact, match="not counted in train alone"):
            audit(planted / "run")


def test_the_rows_behind_a_feature_are_written_down_line_by_line(planted):
    asked = experiment(features={"counts": COUNTS}, models=ROWS)
    run(asked, planted / "run", base_dir=planted)
    prepared = prepare(asked, planted)
    behind = pl.read_parquet(planted / "run" / PROVENANCE)
    assert set(behind["feature"]) == {"counts"}
    assert set(behind["table"]) == {"events"}
    rows = np.flatnonzero(prepared.split.part == TRAIN)
    found_rows = sorted(behind.select("line", "row").iter_rows())
    assert found_rows == sorted(zip(prepared.split.train.item.tolist(), rows.tolist(), strict=True))
    assert audit(planted / "run").findings == []


@pytest.mark.parametrize(
    ("leak", "parts"),
    [((2,), {"valid": 1}), ((3,), {"test": 1}), ((3, 6, 7, 11), {"valid": 1, "test": 3})],
)
def test_one_held_out_row_behind_a_feature_is_enough(planted, leak, parts):
    """Of each user's four rows the third is validation, the fourth test."""
    features = {"clean": COUNTS, "leaky": COUNTS | {"leak": leak}}
    run(experiment(features=features, models=ROWS), planted / "run", base_dir=planted)
    (found,) = audit(planted / "run").findings
    assert (found.features[0], found.evidence["table"]) == ("leaky", "events")
    assert found.evidence["rows"] == list(leak)
    assert found.evidence["parts"] == parts
    user = leak[0] // 4
    assert found.evidence["examples"][0]["user_id"] == f"u{user}"
    assert found.evidence["examples"][0]["item_id"] == ("valid" if leak[0] % 4 == 2 else "test")


def test_a_validation_row_behind_a_feature_is_a_leak_also_where_models_are_refitted(planted):
    features = {"leaky": COUNTS | {"leak": (2,)}}
    asked = experiment(features=features, refit="train+valid", models=ROWS)
    run(asked, planted / "run", base_dir=planted)
    assert [f.evidence["parts"] for f in audit(planted / "run").findings] == [{"valid": 1}]


def test_what_features_cost_and_cover_is_written_down(planted):
    asked = experiment(features={"counts": COUNTS}, models=ROWS)
    found = run(asked, planted / "run", base_dir=planted)
    counts = found.features["counts"]
    assert (counts["present"], counts["encoder"], counts["source"]) == (8, "counts/1", "events")
    assert counts["seconds"] >= 0


READS = {
    "features": (("text",), ("text",)),
    "user_feature": ("profile", ("profile",)),
    "numbers": (("price", "length"), ("price", "length")),
}


@pytest.mark.parametrize("setting", ["features", "user_feature", "numbers"])
def test_every_feature_that_the_unified_model_reads_is_named(setting):
    value, names = READS[setting]
    recipe = Unified.parse({setting: value}, "here")
    assert recipe.features_used() == names


def test_a_feature_that_is_read_in_several_ways_is_named_once():
    given = {"features": ("a", "b"), "user_feature": "c", "numbers": ("b", "d")}
    assert Unified.parse(given, "here").features_used() == ("a", "b", "c", "d")


def test_what_a_scorer_of_the_unified_model_reads_is_named():
    given = {"scorers": [{"name": "content_knn", "feature": "photo"}]}
    assert Unified.parse(given, "here").features_used() == ("photo",)


@pytest.mark.parametrize("setting", ["user_feature", "numbers"])
def test_a_network_that_was_given_any_feature_is_no_witness_for_texts(setting):
    recipe = Unified.parse({"represent": "id", setting: READS[setting][0]}, "here")
    factors = Factors(np.zeros((2, 3), np.float32), np.ones((4, 3), np.float32))
    with pytest.raises(BadSetting, match="circular"):
        learned_vectors(factors, recipe)
    plain = Unified.parse({"represent": "id", "denoise": False, "features": ["text"]}, "here")
    assert learned_vectors(factors, plain) is factors.item


def summary_of(features, models, **settings):
    """A finished run of which only the settings are known."""
    asked = Experiment.parse({"data": "x", "features": features, "models": models}, "here")
    table = pl.DataFrame({"user": [0, 1], "relevant": [1, 1], "ndcg@10": [0.0, 1.0]})
    rows = [
        Row(name, e.kind, e.variant, settings.get(name, e.settings), 0, 1.0, None, Report(table))
        for name, e in zip(asked.rows(), asked.models, strict=True)
    ]
    return Summary(asked, {"name": "x"}, {}, rows, Path())


@pytest.mark.parametrize("setting", ["features", "user_feature", "numbers"])
def test_a_row_reads_all_that_its_model_reads(setting):
    value, names = READS[setting]
    features = {name: COUNTS for name in ("text", "profile", "price", "length")}
    found = summary_of(features, [{"name": "unified", setting: value}, {"name": "ease"}])
    assert found.drawn_on("unified") == names
    assert found.drawn_on("ease") == ()


def test_a_row_reads_what_its_stages_read_and_a_blend_what_its_members_read():
    stage = {"kind": "mmr", "feature": "photo"}
    models = [
        {"name": "unified", "user_feature": "profile"},
        {"name": "ease", "stages": [stage]},
        {"name": "blend", "members": ["unified", "ease"]},
    ]
    found = summary_of(
        {"photo": COUNTS, "profile": COUNTS}, models, blend={"weights": {"unified": 1.0}}
    )
    assert found.drawn_on("ease") == ("photo",)
    assert set(found.drawn_on("blend")) >= {"profile"}


def test_lists_of_a_run_are_those_of_its_test_part(planted):
    """A planted answer for the audit's other half: the numbers belong to the digest."""
    asked = experiment(models=[{"name": FAVORS, "item": VALID}])
    run(asked, planted / "run", base_dir=planted)
    data = read_json(planted / "run" / "made_from.json")["data"]
    split = prepare(asked, planted).split
    assert data["held_out"] == split.test.digest()
    counts = (data["train"], data["valid"], data["test"], data["users"], data["items"])
    assert counts == (2 * USERS, USERS, USERS, USERS, 8)
