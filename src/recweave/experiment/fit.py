"""One row of a recipe file, trained on all data: what goes live after an experiment."""

import tempfile
from dataclasses import replace
from pathlib import Path

from recweave.bundle import Bundle
from recweave.bundle.make import Shared, everything, make_bundle
from recweave.core.errors import BadSetting
from recweave.experiment.about import about_row
from recweave.experiment.blend import learn_weights
from recweave.experiment.choose import choose
from recweave.experiment.prepare import Prepared, cut, make_features, prepare
from recweave.features import FeatureContext
from recweave.models import RECIPES, Recipe
from recweave.models.blend import Blend
from recweave.models.training import Options
from recweave.rank.stages import StageContext
from recweave.runs.entry import Entry
from recweave.runs.folder import RunFolder
from recweave.runs.spec import Experiment
from recweave.runs.summary import read_run

CHOSEN_BY = ("models", "data", "filters", "split", "split_seed", "features", "choose")
"""Keys of a recipe file that settings hang on: a run that differs in one chose for another case."""


def fit(
    experiment: Experiment, row: str = "", *, base_dir: Path = Path(), run: Path | None = None
) -> Bundle:
    """Train one row on all events, with the settings that validation chose.

    Settings to search are chosen as `run` does: fitted on train, evaluated on validation. Weights
    of a blend are learned there too. Then features, stages and the model are made again from all
    events, the held-out ones included, so no figure of an experiment is about this model. Networks
    keep the test events of the recipe's split out of training, as they stop by them.

    Args:
        experiment: The recipe.
        row: The row; the only one, or the best one of `run`, without it.
        base_dir: The folder that the recipe's relative paths start from.
        run: A finished run of this recipe, whose chosen settings are taken.

    Raises:
        BadSetting: if the recipe has several rows and none is named, or `run` does not report
            the metric that the best one is found by.
        UnknownName: if there is no such row.
    """
    name = row or _only_row(experiment, run)
    entry = experiment.entry(name)
    recipes, blend = _settings(experiment, entry, name, base_dir, run)
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
                whole.train,
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
    stage_context = StageContext(
        dataset, whole.train, features=features, model=model, base_dir=base_dir
    )
    return make_bundle(
        Shared.of(dataset, removed),
        model,
        name=name,
        stages=[stage.fit(stage_context) for stage in entry.stages],
        features=features,
        depth=experiment.depth,
        about=about_row(
            experiment,
            name,
            {"recipe": {"name": entry.kind, "settings": settings}, "learned_from": "all events"},
            dataset.fingerprint,
        ),
    )


def _only_row(experiment: Experiment, run: Path | None) -> str:
    rows = experiment.rows()
    if run is not None:
        summary = read_run(run)
        metric = summary.experiment.choose
        if len(rows) > 1 and all(row.value(metric) is None for row in summary.rows):
            raise BadSetting(
                f"{run} reports no {metric}, so none of its rows is the best by it; name one with "
                "--row, or add the metric to `metrics` of the recipe and run it again"
            )
        return summary.best_row().name
    if len(rows) > 1:
        raise BadSetting(
            f"the recipe has {len(rows)} rows ({', '.join(rows)}); name one with --row, or a "
            "finished run of it with --run to take its best"
        )
    return rows[0]


def _settings(
    experiment: Experiment, entry: Entry, row: str, base_dir: Path, run: Path | None
) -> tuple[list[Recipe], Blend | None]:
    """The recipes to train (several for a blend), and a blend's weights."""
    if run is not None:
        return _from_run(experiment, entry, row, base_dir, run)
    rows = entry.members or (row,)
    entries = [experiment.entry(name) for name in rows]
    if not entry.members and not entry.search:
        return entry.recipes(), None
    prepared = prepare(experiment, base_dir)
    with tempfile.TemporaryDirectory() as folder:
        where = RunFolder(Path(folder))
        recipes = [
            choose(prepared, where, name, one).recipe
            for name, one in zip(rows, entries, strict=True)
        ]
    if not entry.members:
        return recipes, None
    return recipes, _weights(prepared, recipes)


def _from_run(
    experiment: Experiment, entry: Entry, row: str, base_dir: Path, run: Path
) -> tuple[list[Recipe], Blend | None]:
    finished = read_run(run)
    if any(getattr(finished.experiment, key) != getattr(experiment, key) for key in CHOSEN_BY):
        raise BadSetting(f"{run} is a run of another recipe; leave --run out, or name its own run")
    by_name = {one.name: one for one in finished.rows}
    recipes = [
        RECIPES[by_name[name].model].parse(dict(by_name[name].settings), f"row '{name}'")
        for name in entry.members or (row,)
    ]
    if not entry.members:
        return recipes, None
    return recipes, _weights(prepare(experiment, base_dir), recipes)


def _weights(prepared: Prepared, recipes: list[Recipe]) -> Blend:
    return learn_weights(prepared, recipes, prepared.experiment.seeds[0])
