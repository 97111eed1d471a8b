"""One row of a recipe file, trained on all data: what goes live after an experiment."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from recweave.bundle import Bundle
from recweave.bundle.make import Shared, everything, make_bundle
from recweave.core.errors import BadSetting
from recweave.experiment.about import about_row
from recweave.experiment.blend import weighted
from recweave.experiment.choose import choose
from recweave.experiment.features import make_features
from recweave.experiment.prepare import cut, prepare
from recweave.features import FeatureContext
from recweave.models import RECIPES, Model, Recipe
from recweave.models.blend import Blend
from recweave.models.training import Options
from recweave.rank.stages import StageContext, StageRecipe, settled
from recweave.runs.entry import Entry
from recweave.runs.folder import RunFolder
from recweave.runs.keys import choice_case
from recweave.runs.spec import Experiment
from recweave.runs.summary import Summary, read_run


def fit(
    experiment: Experiment, row: str = "", *, base_dir: Path = Path(), run: Path | None = None
) -> Bundle:
    """Train one row on all events, with the settings that validation chose.

    Settings to search are chosen as `run` does: fitted on train, evaluated on validation. Weights
    of a blend, and what stages learn, are learned there too. Then features, stages and the model
    are made again from all events, the held-out ones included, so no figure of an experiment is
    about this model. Networks keep the test events of the recipe's split out of training, as they
    stop by them.

    Args:
        experiment: The recipe.
        row: The row; the only one, or the best one of `run`, without it.
        base_dir: The folder that the recipe's relative paths start from.
        run: A finished run of this recipe, whose chosen settings are taken, and what its stages
            have learned.

    Raises:
        BadSetting: if the recipe has several rows and none is named, if `run` chose the row's
            settings by another recipe, or does not report the metric that the best one is found by.
        BadArtifact: if the row failed in `run`.
        UnknownName: if there is no such row.
    """
    name = row or _only_row(experiment, run)
    entry = experiment.entry(name)
    recipes, blend, stages = _settings(experiment, entry, name, base_dir, run)
    dataset, split, removed = cut(experiment, base_dir)
    whole = dataset.whole()
    context = FeatureContext(dataset, whole, base_dir=base_dir)
    features, _ = make_features(experiment.features, context)
    options = Options(
        seed=experiment.seeds[0], device=experiment.device, precision=experiment.precision
    )
    models = [
        recipe.fit(
            everything(
                dataset,
                recipe,
                features,
                positive_from=experiment.positive_from,
                split=split,
            ),
            options,
        )
        for recipe in recipes
    ]
    if blend is None:
        model, settings = models[0], recipes[0].model_dump(mode="json")
    else:
        model = replace(blend, members=tuple(models), names=entry.members)
        settings = {"weights": dict(zip(entry.members, blend.weights.tolist(), strict=True))}
    result = {
        "recipe": {"name": entry.kind, "settings": settings},
        "stage_settings": [stage.model_dump(mode="json") for stage in stages],
        "learned_from": "all events",
    }
    stage_context = StageContext(
        dataset,
        whole.train,
        features=features,
        rows=np.arange(len(whole.train)),
        model=model,
        options=options,
        base_dir=base_dir,
    )
    return make_bundle(
        Shared.of(dataset, removed),
        model,
        name=name,
        stages=[stage.fit(stage_context) for stage in stages],
        features=features,
        depth=experiment.depth,
        about=about_row(experiment, result, dataset.fingerprint),
    )


def _only_row(experiment: Experiment, run: Path | None) -> str:
    rows = experiment.rows()
    if run is not None:
        return rows[0] if len(rows) == 1 else _best_of(read_run(run))
    if len(rows) > 1:
        raise BadSetting(
            f"the recipe has {len(rows)} rows ({', '.join(rows)}); name one with --row, or a "
            "finished run of it with --run to take its best"
        )
    return rows[0]


def _best_of(run: Summary) -> str:
    metric = run.experiment.choose
    if all(row.value(metric) is None for row in run.rows):
        raise BadSetting(
            f"{run.path} reports no {metric}, so none of its rows is the best by it; name one with "
            "--row, or add the metric to `metrics` of the recipe and run it again"
        )
    return run.best_row().name


def _settings(
    experiment: Experiment, entry: Entry, row: str, base_dir: Path, run: Path | None
) -> tuple[Sequence[Recipe], Blend | None, Sequence[StageRecipe]]:
    """The recipes to train (several for a blend), a blend's weights, and settings of the stages."""
    names = entry.members or (row,)
    stages: Sequence[StageRecipe] = entry.stages
    recipes: Sequence[Recipe] = ()
    if run is not None:
        recipes, found = _from_run(experiment, entry, row, run)
        stages = stages if found is None else found
    elif not entry.members and not entry.search:
        recipes = entry.recipes()
    learning = any(stage.learns for stage in stages)
    if recipes and not learning:
        if not entry.members:
            return recipes, None, stages
        if entry.weights:
            return recipes, Blend((), np.array(entry.weights, np.float32)), stages
    prepared = prepare(experiment, base_dir)
    if not recipes:
        with tempfile.TemporaryDirectory() as folder:
            where = RunFolder(Path(folder))
            entries = map(experiment.entry, names)
            recipes = [
                choose(prepared, where, name, one).recipe
                for name, one in zip(names, entries, strict=True)
            ]
    seed = experiment.seeds[0]
    blend = None
    if entry.members:
        fits = [prepared.fit(recipe, seed=seed, final=False) for recipe in recipes]
        blend = weighted(prepared, entry, [model for model, _ in fits])
    honest: Model | None = blend
    if learning:
        if honest is None:
            honest, _ = prepared.fit(recipes[0], seed=seed, final=False)
        stages = settled(entry.stages, prepared.fit_stages(entry, honest))
    return recipes, blend, stages


def _from_run(
    experiment: Experiment, entry: Entry, row: str, run: Path
) -> tuple[Sequence[Recipe], Sequence[StageRecipe] | None]:
    """What a run chose for the rows to train, and what the stages of `row` have learned in it."""
    finished = read_run(run)
    chosen = [finished.row(name) for name in entry.members or (row,)]
    for name in (*entry.members, row):
        if keys := _differing(finished.experiment, experiment, name):
            raise BadSetting(
                f"{run} chose the settings of '{name}' by another recipe: they differ in "
                f"{', '.join(keys)}; run the recipe again, or leave --run out"
            )
    recipes = [RECIPES[one.model].parse(dict(one.settings), f"row '{one.name}'") for one in chosen]
    return recipes, finished.row(row).stages


def _differing(one: Experiment, other: Experiment, row: str) -> list[str]:
    """Keys of two recipes that differ, of those that the choice of a row's settings depends on."""
    ours, theirs = (
        choice_case(recipe, recipe.entry(row)) | {"data": recipe.data, "models": recipe.entry(row)}
        for recipe in (one, other)
    )
    return [key for key in ours if ours[key] != theirs[key]]
