"""What stages learn on validation: by which model, and who gets it afterwards."""

import json

import numpy as np
import pytest
from planted import TEST, VALID, First, PutsFirst, experiment

from recweave.bundle import Bundle
from recweave.data.interactions import join
from recweave.experiment.fit import fit
from recweave.experiment.prepare import prepare
from recweave.experiment.run import run
from recweave.models.popularity import Popularity
from recweave.report.audit.run import audit
from recweave.runs.layout import RESULT, read_json
from recweave.runs.spec import read_recipe

FAVORS = {"kind": "planted:Favors"}
PUTS = {"kind": "planted:PutsFirst"}
BLEND = [
    {"kind": "popularity"},
    FAVORS | {"item": TEST},
    {"kind": "blend", "members": ["popularity", "Favors"], "stages": [PUTS]},
]


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_a_stage_learns_by_a_model_of_train_alone_and_is_applied_to_the_reported_one(
    planted, stage_contexts, refit
):
    asked = experiment(refit=refit, models=[{"kind": "popularity", "stages": [PUTS]}])
    found = run(asked, planted / "run", base_dir=planted)
    split = prepare(asked, planted).split
    (context,) = stage_contexts
    assert context.valid.digest() == split.valid.digest()
    np.testing.assert_array_equal(context.model.value, Popularity().fit(split.train).value)
    whole = split.train if refit == "train" else join(split.train, split.valid)
    assert read_json(planted / "run/cells/popularity.0" / RESULT)["learned_from"] == whole.digest()
    assert [stage.item for stage in found.row("popularity").stages] == [VALID]
    assert found.row("popularity").to_json()["stage_settings"] == [PUTS | {"item": VALID}]


def test_a_model_that_was_tried_on_validation_is_the_one_that_stages_learn_by(planted, handed):
    entry = FAVORS | {"search": {"item": [TEST, VALID]}, "stages": [PUTS]}
    run(experiment(refit="train+valid", models=[entry]), planted / "run", base_dir=planted)
    assert len(handed) == 3, "two tried, one reported"


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_a_stage_after_a_blend_learns_by_members_of_train_alone(planted, stage_contexts, refit):
    asked = experiment(refit=refit, models=BLEND)
    found = run(asked, planted / "run", base_dir=planted)
    (context,) = stage_contexts
    train = prepare(asked, planted).split.train
    member = context.model.members[0]
    np.testing.assert_array_equal(member.value, Popularity().fit(train).value)
    assert [stage.item for stage in found.row("blend").stages] == [VALID]


def test_fit_takes_what_the_stages_of_a_run_have_learned(planted, handed, stage_contexts):
    asked = experiment(models=[FAVORS | {"stages": [PUTS]}])
    run(asked, planted / "run", base_dir=planted)
    handed.clear()
    stage_contexts.clear()
    bundle = fit(asked, run=planted / "run", base_dir=planted)
    assert len(handed) == 1
    assert [context.valid for context in stage_contexts] == [None]
    assert bundle.stages == (First(VALID),)
    assert bundle.about["stages"] == [PUTS | {"item": VALID}]


def test_fit_without_a_run_or_with_one_of_an_earlier_version_lets_stages_learn_first(
    planted, handed, stage_contexts
):
    asked = experiment(models=[FAVORS | {"stages": [PUTS]}])
    run(asked, planted / "run", base_dir=planted)
    cell = planted / "run/cells/Favors.0" / RESULT
    older = {k: v for k, v in read_json(cell).items() if k != "stage_settings"}
    cell.write_text(json.dumps(older))
    split = prepare(asked, planted).split
    for finished in (None, planted / "run"):
        handed.clear()
        stage_contexts.clear()
        bundle = fit(asked, run=finished, base_dir=planted)
        learned, applied = stage_contexts
        assert learned.valid.digest() == split.valid.digest()
        assert applied.valid is None
        assert handed[0].data.train.digest() == split.train.digest()
        assert bundle.stages == (First(VALID),)


def test_fit_of_a_blend_lets_its_stages_learn_by_the_members_that_were_weighed(
    planted, stage_contexts
):
    asked = experiment(models=BLEND)
    bundle = fit(asked, "blend", base_dir=planted)
    learned, _ = stage_contexts
    train = prepare(asked, planted).split.train
    member = learned.model.members[0]
    np.testing.assert_array_equal(member.value, Popularity().fit(train).value)
    assert bundle.stages == (First(VALID),)


def test_an_audit_looks_at_stages_as_they_are_settled(planted, monkeypatch):
    run(experiment(models=[FAVORS | {"stages": [PUTS]}]), planted / "run", base_dir=planted)
    seen, fit_stage = [], PutsFirst.fit

    def fitted(recipe, context):
        seen.append(recipe.item)
        return fit_stage(recipe, context)

    monkeypatch.setattr(PutsFirst, "fit", fitted)
    audit(planted / "run")
    assert set(seen) == {VALID}


VISION = """
refit = "train+valid"
[[models]]
kind = "item_knn"
row = "seen"
stages = [{ kind = "vision", feature = "categories" }]
"""


def test_the_vision_stage_goes_from_a_run_that_refits_to_a_bundle_that_is_saved(recipe, tmp_path):
    head, _, _ = recipe.read_text().partition("[[models]]")
    recipe.write_text(head.replace('baseline = "random"', "") + VISION)
    asked = read_recipe(recipe)
    found = run(asked, tmp_path / "run", base_dir=recipe.parent)
    (stage,) = found.row("seen").stages
    assert stage.strength in stage.strengths
    fit(asked, run=found.path, base_dir=recipe.parent).save(tmp_path / "live")
    for folder in (tmp_path / "live", found.path / "bundles" / "seen"):
        bundle = Bundle.load(folder)
        assert bundle.stages[0].strength == stage.strength
        assert len(bundle.recommend(["u0"], 3).table) == 3
    checks = {one.check for one in audit(found.path, refit=True).findings}
    assert "trained again" not in checks
