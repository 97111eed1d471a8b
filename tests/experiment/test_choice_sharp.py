"""The model that is reported, and the one that goes live, is the one that was chosen."""

import pytest
from planted import F0, TEST, VALID, Draws, Favors, experiment

from recweave.core.errors import BadSetting
from recweave.experiment.fit import fit
from recweave.experiment.prepare import prepare
from recweave.experiment.run import run
from recweave.experiment.tune import tune
from recweave.runs.layout import read_json

FAVORS, DRAWS = "planted:Favors", "planted:Draws"
FLIPS = {"kind": "planted:Flips"}


def result(folder, row, seed=0):
    return read_json(folder / "cells" / f"{row}.{seed}" / "result.json")


@pytest.mark.parametrize("order", [[VALID, F0, TEST], [F0, TEST, VALID], [TEST, VALID, F0]])
def test_the_reported_model_is_the_chosen_one_in_any_order_of_trials(planted, order):
    """Validation chooses `valid`, which is wrong on test; a kept model of `test` would be right."""
    asked = experiment(models=[{"name": FAVORS, "search": {"item": order}}])
    found = run(asked, planted / "run", base_dir=planted)
    assert found.rows[0].settings == {"item": VALID}
    assert found.rows[0].value("recall@1") == 0.0
    assert found.rows[0].tried == 3


def test_trials_are_evaluated_with_the_stages_of_their_row(planted):
    """Upside down the favoured item comes last: what is best without the stage is worst with it."""
    search = {"item": [VALID, F0]}
    asked = experiment(
        models=[
            {"name": FAVORS, "variant": "plain", "search": search},
            {"name": FAVORS, "variant": "flipped", "search": search, "stages": [FLIPS]},
        ]
    )
    run(asked, planted / "run", base_dir=planted)
    values = [
        [one["value"] for one in result(planted / "run", f"Favors-{row}")["tried"]]
        for row in ("plain", "flipped")
    ]
    assert values[0] == [1.0, 0.0]
    assert values[1][0] == 0.0


def test_a_trial_by_another_metric_or_seed_is_not_taken_for_this_one(planted, handed):
    from recweave.experiment.choose import try_out
    from recweave.runs.folder import RunFolder

    folder = RunFolder(planted / "run")
    recipe = Draws(item=VALID)
    for change in ({}, {"choose": "ndcg@1"}, {"seeds": [1]}):
        prepared = prepare(experiment(models=[{"name": DRAWS}], **change), planted)
        for _ in range(2):
            assert try_out(prepared, folder, prepared.experiment.models[0], recipe).value == 1.0
    assert len(handed) == 3


def test_each_seed_of_a_random_row_has_a_model_of_its_own(planted, handed):
    asked = experiment(seeds=[3, 4], models=[{"name": DRAWS, "search": {"item": [VALID, F0]}}])
    run(asked, planted / "run", base_dir=planted)
    seeds = [(one.recipe.item, one.options.seed) for one in handed]
    assert seeds == [(VALID, 3), (F0, 3), (VALID, 4)]


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_a_stage_never_learns_on_validation_by_a_model_that_has_seen_it(
    planted, stage_contexts, refit
):
    asked = experiment(refit=refit, models=[{"name": FAVORS, "stages": [FLIPS]}])
    run(asked, planted / "run", base_dir=planted)
    (context,) = stage_contexts
    assert (context.model is None) == (refit == "train+valid")


def test_fit_hands_its_stages_no_validation_events(planted, stage_contexts):
    fit(experiment(models=[{"name": FAVORS, "stages": [FLIPS]}]), base_dir=planted)
    (context,) = stage_contexts
    assert context.valid is None
    assert len(context.train) == 120
    assert context.model is not None


def test_search_without_validation_events_is_refused(planted):
    split = {"kind": "leave_last_out", "valid": 0}
    with pytest.raises(BadSetting, match="'Favors' has settings to search"):
        prepare(
            experiment(split=split, models=[{"name": FAVORS, "search": {"item": [0, 1]}}]), planted
        )
    prepare(experiment(split=split, models=[{"name": FAVORS}]), planted)


def test_fit_takes_the_seed_and_machine_of_the_recipe(planted, handed):
    asked = experiment(seeds=[7, 8], device="cpu", precision="bf16", models=[{"name": DRAWS}])
    fit(asked, base_dir=planted)
    (one,) = handed
    assert (one.options.seed, one.options.device, one.options.precision) == (7, "cpu", "bf16")


def test_fit_refuses_the_run_of_another_recipe(planted):
    run(experiment(models=[{"name": FAVORS}]), planted / "run", base_dir=planted)
    other = experiment(models=[{"name": FAVORS, "item": 3}])
    with pytest.raises(BadSetting, match="another recipe"):
        fit(other, "Favors", run=planted / "run", base_dir=planted)


@pytest.mark.parametrize(
    "changed",
    [
        {"split": {"kind": "ratio_user"}},
        {"split_seed": 5},
        {"filters": [{"kind": "k_core", "users": 1, "items": 1}]},
        {"choose": "ndcg@1"},
        {"relevant_from": 1.0},
        {"protocol": "paper"},
        {"depth": 7},
        {"seeds": [1, 0]},
        {"precision": "bf16"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_fit_refuses_a_run_whose_settings_were_chosen_by_another_recipe(planted, changed):
    asked = {"models": [{"name": FAVORS}], "metrics": ["recall@1", "ndcg@1"]}
    run(experiment(**asked), planted / "run", base_dir=planted)
    with pytest.raises(BadSetting, match=f"they differ in {next(iter(changed))};"):
        fit(experiment(**asked, **changed), "Favors", run=planted / "run", base_dir=planted)


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "x"},
        {"metrics": ["recall@1", "mrr@1"]},
        {"slices": ["item"]},
        {"save": True},
        {"refit": "train+valid"},
        {"seeds": [0, 1]},
        {"models": [{"name": FAVORS}, {"name": DRAWS}]},
        {"features": {"counts": {"kind": "planted:EventCounts"}}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_fit_takes_a_run_that_differs_in_what_no_choice_depends_on(planted, changed):
    asked = {"models": [{"name": FAVORS}], "metrics": ["recall@1", "ndcg@1"]}
    run(experiment(**asked), planted / "run", base_dir=planted)
    now = experiment(**asked | changed)
    assert fit(now, "Favors", run=planted / "run", base_dir=planted).name == "Favors"


def test_fit_refuses_to_take_the_best_row_of_a_run_that_does_not_tell_which_it_is(planted):
    """Without the metric the first row would go live: the baseline, as a rule."""
    asked = experiment(metrics=["recall@2"], models=[{"name": FAVORS}, {"name": DRAWS}])
    run(asked, planted / "run", base_dir=planted)
    with pytest.raises(BadSetting, match="reports no recall@1"):
        fit(asked, run=planted / "run", base_dir=planted)
    assert fit(asked, "Draws", run=planted / "run", base_dir=planted).name == "Draws"


def test_fit_asks_for_a_row_where_there_are_several(planted):
    asked = experiment(models=[{"name": FAVORS}, {"name": DRAWS}])
    with pytest.raises(BadSetting, match="2 rows"):
        fit(asked, base_dir=planted)
    assert fit(asked, "Draws", base_dir=planted).name == "Draws"


def test_fit_of_a_blend_takes_the_settings_that_its_members_rows_chose(planted, handed):
    asked = experiment(
        models=[
            {"name": FAVORS, "search": {"item": [F0, VALID]}},
            {"name": DRAWS, "item": TEST},
            {"name": "blend", "members": ["Favors", "Draws"]},
        ]
    )
    for run_folder in (None, planted / "run"):
        if run_folder:
            run(asked, run_folder, base_dir=planted)
        handed.clear()
        bundle = fit(asked, "blend", run=run_folder, base_dir=planted)
        assert [one.recipe for one in handed[-2:]] == [Favors(item=VALID), Draws(item=TEST)]
        assert bundle.model.weights.tolist() == [1.0, 0.0]
        assert bundle.model.names == ("Favors", "Draws")


def test_a_bundle_says_what_it_was_made_from(planted):
    asked = experiment(
        features={"counts": {"kind": "planted:EventCounts"}},
        models=[{"name": FAVORS, "item": 3, "stages": [{"kind": "popularity", "strength": 0.5}]}],
        depth=7,
    )
    bundle = fit(asked, base_dir=planted)
    assert bundle.depth == 7
    assert bundle.about["recipe"] == {"name": FAVORS, "settings": {"item": 3}}
    assert bundle.about["learned_from"] == "all events"
    assert [stage["kind"] for stage in bundle.about["stages"]] == ["popularity"]
    assert bundle.about["features"]["counts"]["kind"] == "planted:EventCounts"
    assert bundle.about["data"] == prepare(asked, planted).dataset.fingerprint


def test_tuning_goes_towards_lower_values_where_these_are_better(planted, handed):
    """Gini falls the more users have lists of their own, so the search must go there."""
    pytest.importorskip("optuna")
    asked = experiment(choose="gini@1", models=[{"name": "planted:Spreads"}])
    (found,) = tune(asked, planted / "tuned", trials=30, base_dir=planted)
    assert found.trials == 30
    tried = [one.recipe.users for one in handed]
    assert sum(tried[-12:]) / 12 > 18
    assert found.entry.settings["users"] >= 28
    assert found.value == min(
        read_json(file)["value"] for file in (planted / "tuned" / "trials").iterdir()
    )
