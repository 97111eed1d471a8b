"""Who sees which events: a model, a stage, a feature or a choice that sees more is a leak."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from planted import (
    COMMON,
    F0,
    T0,
    TEST,
    USERS,
    VALID,
    Draws,
    Favors,
    experiment,
    turned_over,
)

from recweave.data.dataset import Dataset
from recweave.data.interactions import join
from recweave.data.split import LeaveLastOut
from recweave.evaluate import evaluate_model
from recweave.experiment.blend import fit_blend, learn_weights
from recweave.experiment.choose import Trial, best
from recweave.experiment.fit import fit
from recweave.experiment.prepare import prepare
from recweave.experiment.run import run
from recweave.models.kinds import ItemScores
from recweave.runs.folder import RunFolder
from recweave.runs.layout import read_json

FAVORS, DRAWS = "planted:Favors", "planted:Draws"
CHOICE = {"name": FAVORS, "search": {"item": [F0, TEST, VALID]}}
"""Validation is right with `valid`, test with `test`, nobody with `f0`."""


def result(folder: Path, row: str, seed: int = 0) -> dict:
    return read_json(folder / "cells" / f"{row}.{seed}" / "result.json")


def test_a_metric_that_is_better_when_lower_chooses_the_lowest():
    trials = [Trial(Favors(item=n), value, 0.0) for n, value in enumerate((0.5, 0.2, 0.9))]
    assert best(trials, "mae").recipe.item == 1
    assert best(trials, "gini@10").recipe.item == 1
    assert best(trials, "ndcg@10").recipe.item == 2


def test_the_first_of_equal_trials_is_chosen():
    trials = [Trial(Favors(item=n), 0.5, 0.0) for n in range(3)]
    assert best(trials, "mae").recipe.item == best(trials, "ndcg@10").recipe.item == 0


def test_a_trial_without_a_value_is_never_the_best():
    trials = [Trial(Favors(item=n), v, 0.0) for n, v in enumerate((float("nan"), 0.5, 0.2))]
    assert best(trials, "mae").recipe.item == 2
    assert best(trials, "ndcg@10").recipe.item == 1


def test_settings_can_be_chosen_by_a_metric_of_all_lists(planted):
    """Everybody's best item is hidden from nobody but by their history; gini tells lists apart."""
    asked = experiment(choose="gini@1", models=[{"name": FAVORS, "search": {"item": [F0, T0]}}])
    run(asked, planted / "run", base_dir=planted)
    cell = result(planted / "run", "Favors")
    tried = {one["recipe"]["item"]: one["value"] for one in cell["tried"]}
    # With f0 all lists are alike; with t0 those who bought it are given another item.
    assert tried[F0] > tried[T0]
    assert cell["recipe"]["settings"] == {"item": T0}


def test_run_chooses_settings_on_validation_and_never_on_test(planted):
    run(experiment(models=[CHOICE]), planted / "run", base_dir=planted)
    assert result(planted / "run", "Favors")["recipe"]["settings"] == {"item": VALID}


def test_fit_chooses_settings_on_validation_and_never_on_test(planted):
    bundle = fit(experiment(models=[CHOICE]), base_dir=planted)
    assert bundle.about["recipe"]["settings"] == {"item": VALID}


def test_settings_are_tried_on_train_alone_whatever_is_refitted(planted, handed):
    asked = experiment(refit="train+valid", models=[CHOICE])
    run(asked, planted / "run", base_dir=planted)
    split = prepare(asked, planted).split
    *tried, final = handed
    assert {one.data.train.digest() for one in tried} == {split.train.digest()}
    assert len(tried) == 3
    assert final.data.train.digest() == join(split.train, split.valid).digest()


def test_reports_are_of_the_test_events(planted):
    asked = experiment(
        models=[
            {"name": FAVORS, "variant": "test", "item": TEST},
            {"name": FAVORS, "variant": "valid", "item": VALID},
        ]
    )
    found = run(asked, planted / "run", base_dir=planted)
    assert [row.value("recall@1") for row in found.rows] == [1.0, 0.0]


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_validation_events_are_handed_on_unless_they_are_trained_on(planted, handed, refit):
    prepared = prepare(experiment(refit=refit, models=[{"name": FAVORS}]), planted)
    prepared.fit(Favors(), seed=3, final=False)
    prepared.fit(Favors(), seed=3, final=True)
    tried, final = (one.data for one in handed)
    assert tried.train.digest() == prepared.split.train.digest()
    assert tried.valid.digest() == prepared.split.valid.digest()
    if refit == "train":
        assert final.train.digest() == prepared.split.train.digest()
        assert final.valid.digest() == prepared.split.valid.digest()
    else:
        assert final.train.digest() == join(prepared.split.train, prepared.split.valid).digest()
        assert final.valid is None


@pytest.mark.parametrize("final", [False, True])
def test_rows_of_training_events_lead_to_these_events_in_the_log(planted, handed, final):
    prepared = prepare(experiment(refit="train+valid", models=[{"name": FAVORS}]), planted)
    prepared.fit(Favors(), seed=0, final=final)
    (one,) = handed
    log = prepared.dataset.interactions()
    assert log[one.data.rows].digest() == one.data.train.digest()


def test_training_gets_the_seed_device_and_precision_of_the_recipe(planted, handed):
    asked = experiment(device="cpu", precision="bf16", models=[{"name": FAVORS}])
    prepare(asked, planted).fit(Favors(), seed=7, final=True)
    options = handed[0].options
    assert (options.seed, options.device, options.precision) == (7, "cpu", "bf16")


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_a_popularity_stage_counts_train_alone(planted, refit):
    stage = {"kind": "popularity", "strength": 1.0}
    asked = experiment(refit=refit, models=[{"name": FAVORS, "stages": [stage]}])
    prepared = prepare(asked, planted)
    (made,) = prepared.fit_stages(asked.models[0])
    counts = np.zeros(8)
    counts[:3] = USERS / 2, USERS / 2, USERS
    assert np.allclose(made.popularity, np.log1p(counts) / np.log1p(USERS))


def test_a_freshness_stage_knows_train_events_alone(planted):
    stage = {"kind": "freshness", "half_life": 1.0}
    asked = experiment(models=[{"name": FAVORS, "stages": [stage]}])
    (made,) = prepare(asked, planted).fit_stages(asked.models[0])
    assert np.diff(made.start).tolist() == [USERS // 2, USERS // 2, USERS, 0, 0, 0, 0, 0]


def test_a_stage_that_learns_gets_validation_and_never_test(planted):
    prepared = prepare(experiment(models=[{"name": FAVORS}]), planted)
    seen = []

    class Watching:
        def fit(self, context):
            seen.append(context)
            return turned_over

    entry = prepared.experiment.models[0].model_copy(update={"stages": (Watching(),)})
    model = ItemScores(np.zeros(8, np.float32))
    assert prepared.fit_stages(entry, model) == [turned_over]
    assert seen[0].train.digest() == prepared.split.train.digest()
    assert seen[0].valid.digest() == prepared.split.valid.digest()
    assert seen[0].model is model
    assert seen[0].base_dir == planted


@pytest.mark.parametrize(("depth", "found"), [(3, 1.0), (4, 0.0)])
def test_stages_are_handed_lists_of_the_recipes_depth(planted, depth, found):
    """Upside down, the last of the list comes first; the test item is third of what is left."""
    prepared = prepare(experiment(depth=depth, models=[{"name": FAVORS}]), planted)
    value = np.zeros(8, np.float32)
    value[[F0, F0 + 1, TEST, F0 + 2]] = 4, 3, 2, 1
    report = prepared.evaluate(ItemScores(value), [turned_over], on="test", metrics=["recall@1"])
    assert report.means("normal")["recall@1"].mean == found


BLEND = [
    {"name": FAVORS, "variant": "a", "item": VALID},
    {"name": FAVORS, "variant": "b", "item": TEST},
    {"name": "blend", "members": ["Favors-a", "Favors-b"]},
]


def test_blend_members_are_weighed_with_models_of_train_alone(planted, handed):
    asked = experiment(refit="train+valid", models=BLEND)
    run(asked, planted / "run", base_dir=planted)
    handed.clear()
    prepared = prepare(asked, planted)
    fit_blend(prepared, RunFolder(planted / "run"), asked.models[2], 0)
    train, whole = prepared.split.train, join(prepared.split.train, prepared.split.valid)
    digests = [one.data.train.digest() for one in handed]
    assert digests == [train.digest()] * 2 + [whole.digest()] * 2


@pytest.mark.parametrize("first", [VALID, TEST])
def test_weights_of_a_blend_are_learned_on_validation_and_never_on_test(planted, first):
    prepared = prepare(experiment(models=[{"name": FAVORS}]), planted)
    items = (first, VALID + TEST - first)
    members = [prepared.fit(Favors(item=item), seed=0, final=False)[0] for item in items]
    blend = learn_weights(prepared, members)
    assert blend.weights.tolist() == [float(item == VALID) for item in items]


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_members_of_a_blend_end_up_fitted_on_what_the_recipe_refits_on(planted, handed, refit):
    asked = experiment(refit=refit, models=BLEND)
    run(asked, planted / "run", base_dir=planted)
    split = prepare(asked, planted).split
    train, whole = split.train.digest(), join(split.train, split.valid).digest()
    # The blend takes the models of its members' rows; of train alone they are fitted for weights.
    expected = [train] * 2 if refit == "train" else [whole] * 2 + [train] * 2
    assert [one.data.train.digest() for one in handed] == expected
    settings = result(planted / "run", "blend")["recipe"]["settings"]
    assert settings == {"weights": {"Favors-a": 1.0, "Favors-b": 0.0}}


def test_members_of_a_blend_have_the_settings_and_seed_of_their_own_rows(planted, handed):
    asked = experiment(
        models=[
            {"name": DRAWS, "search": {"item": [F0, VALID]}},
            {"name": "blend", "members": ["Draws"]},
        ],
        seeds=[4, 5],
    )
    run(asked, planted / "run", base_dir=planted)
    prepared = prepare(asked, planted)
    handed.clear()
    blend, _, _ = fit_blend(prepared, RunFolder(planted / "run"), asked.models[1], 5)
    assert [(one.recipe, one.options.seed) for one in handed] == [(Draws(item=VALID), 5)]
    assert blend.names == ("Draws",)


def test_fit_learns_a_blends_weights_on_validation_with_models_of_train(planted, handed):
    bundle = fit(experiment(models=BLEND), "blend", base_dir=planted)
    assert bundle.model.weights.tolist() == [1.0, 0.0]
    assert bundle.about["recipe"]["settings"] == {"weights": {"Favors-a": 1.0, "Favors-b": 0.0}}
    weighed, final = handed[:2], handed[2:]
    assert [len(one.data.train) for one in weighed] == [2 * USERS] * 2
    assert [len(one.data.train) for one in final] == [4 * USERS] * 2


COUNTS = {"counts": {"kind": "planted:EventCounts"}}


def test_features_of_a_run_are_made_from_train_alone(planted, handed, contexts):
    asked = experiment(features=COUNTS, refit="train+valid", models=[{"name": FAVORS}])
    run(asked, planted / "run", base_dir=planted)
    (context,) = contexts
    assert context.split.train.digest() == prepare(asked, planted).split.train.digest()
    counts = handed[0].data.features["counts"].vectors[:, 0]
    assert counts.tolist() == [USERS / 2, USERS / 2, USERS, 0, 0, 0, 0, 0]


def test_features_models_and_stages_of_fit_are_made_from_all_events(planted, handed, contexts):
    stage = {"kind": "popularity", "strength": 1.0}
    asked = experiment(features=COUNTS, models=[{"name": FAVORS, "stages": [stage]}])
    bundle = fit(asked, base_dir=planted)
    counts = [USERS / 2, USERS / 2, USERS, USERS, USERS, 0, 0, 0]
    assert len(contexts) == 1
    assert bundle.features["counts"].vectors[:, 0].tolist() == counts
    (one,) = handed
    assert one.data.features["counts"].vectors[:, 0].tolist() == counts
    assert one.data.train.item_counts().tolist() == counts
    assert np.allclose(bundle.stages[0].popularity, np.log1p(counts) / np.log1p(USERS))


def test_fit_takes_the_settings_that_the_named_run_chose(planted, handed):
    asked = experiment(models=[CHOICE])
    run(asked, planted / "run", base_dir=planted)
    handed.clear()
    bundle = fit(asked, run=planted / "run", base_dir=planted)
    assert [one.recipe for one in handed] == [Favors(item=VALID)]
    assert bundle.about["recipe"]["settings"] == {"item": VALID}


def test_fit_takes_the_best_row_of_a_run(planted):
    models = [
        {"name": FAVORS, "variant": "bad", "item": F0},
        {"name": FAVORS, "variant": "good", "item": TEST},
    ]
    asked = experiment(models=models)
    run(asked, planted / "run", base_dir=planted)
    assert fit(asked, run=planted / "run", base_dir=planted).name == "Favors-good"


def test_what_is_not_random_is_fitted_for_the_first_seed_alone(planted, handed):
    run(experiment(seeds=[4, 5, 6], models=[{"name": FAVORS}]), planted / "run", base_dir=planted)
    assert [one.options.seed for one in handed] == [4]
    assert [result(planted / "run", "Favors", seed)["seed"] for seed in (4, 5, 6)] == [4, 5, 6]


def test_what_is_random_is_fitted_for_every_seed(planted, handed):
    run(experiment(seeds=[4, 5, 6], models=[{"name": DRAWS}]), planted / "run", base_dir=planted)
    assert [one.options.seed for one in handed] == [4, 5, 6]


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_a_cell_names_the_events_that_its_model_was_fitted_on(planted, handed, refit):
    asked = experiment(refit=refit, models=[{"name": FAVORS}])
    run(asked, planted / "run", base_dir=planted)
    split = prepare(asked, planted).split
    fitted = split.train if refit == "train" else join(split.train, split.valid)
    digest = result(planted / "run", "Favors")["learned_from"]
    assert digest == fitted.digest() == handed[0].data.train.digest()


def test_statistics_of_metrics_are_counted_in_train_alone(planted):
    from recweave.core.arrays import digest

    counts = np.array([USERS // 2, USERS // 2, USERS, 0, 0, 0, 0, 0])
    prepared = prepare(experiment(models=[{"name": FAVORS}]), planted)
    assert prepared.catalogue.events.tolist() == counts.tolist()
    assert prepared.about()["statistics"] == digest(counts, counts)


def test_lists_hide_what_was_bought_in_validation(planted):
    """The favoured item is everybody's validation item, so no list of test may hold it."""
    prepared = prepare(experiment(models=[{"name": FAVORS}]), planted)
    value = np.zeros(8, np.float32)
    value[[VALID, COMMON, TEST]] = 3, 2, 1
    report = prepared.evaluate(ItemScores(value), [], on="test", metrics=["recall@1"])
    assert report.means("normal")["recall@1"].mean == 1.0


def test_slices_are_made_on_test_and_not_for_trials(planted):
    prepared = prepare(experiment(models=[{"name": FAVORS}]), planted)
    model = ItemScores(np.zeros(8, np.float32))
    judged = {
        on: prepared.evaluate(model, [], on=on, metrics=["recall@1"]) for on in ("test", "valid")
    }
    assert len(judged["test"].slices) == len(prepared.experiment.slices)
    assert judged["valid"].slices == {}


def test_a_catalogue_sorted_by_what_will_be_bought_gives_nothing_away(planted):
    """All items score the same, so lists go by rows, which once followed the file."""
    rng = np.random.default_rng(0)
    weight = 1 / np.arange(1, 201)
    bought = [rng.choice(200, 4, replace=False, p=weight / weight.sum()) for _ in range(400)]
    events = pl.DataFrame(
        {
            "user_id": [f"u{user}" for user in range(400) for _ in range(4)],
            "item_id": [f"i{item:03}" for row in bought for item in row],
            "time": [user * 10 + place for user in range(400) for place in range(4)],
        }
    )
    best_first = pl.DataFrame({"item_id": [f"i{item:03}" for item in range(200)]})
    found = []
    for items in (best_first, best_first.reverse()):
        split = Dataset("sorted", events=events, items=items).split(LeaveLastOut())
        flat = ItemScores(np.zeros(200, np.float32))
        found.append(evaluate_model(flat, split, ["recall@10"]).means()["recall@10"].mean)
    assert found[0] == found[1]
    assert found[0] < 0.1  # chance gives .051; the ten best sellers are over .4 of the test events
