"""A recipe to a run folder: choose on validation, fit, evaluate on test, sum up."""

import glob
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recweave.bundle.make import make_bundle
from recweave.core.atomic import atomic_file, write_json
from recweave.core.errors import BadSetting
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.core.version import VERSION
from recweave.experiment.about import about_row
from recweave.experiment.blend import member_recipes
from recweave.experiment.choose import Chosen, choose
from recweave.experiment.measure_again import measure_again
from recweave.experiment.prepare import Prepared, prepare
from recweave.experiment.row import fit_row
from recweave.experiment.shared_fits import SharedFits
from recweave.experiment.todo import RowFailed, Todo
from recweave.models import RECIPES, Model
from recweave.models.artifact import model_hash
from recweave.models.base import Sourced
from recweave.rank import Stage
from recweave.runs.entry import Entry
from recweave.runs.environment import environment
from recweave.runs.folder import RunFolder
from recweave.runs.keys import row_keys
from recweave.runs.layout import METRICS, PER_USER
from recweave.runs.per_user import per_user
from recweave.runs.spec import Experiment, RecipeText
from recweave.runs.summary import Summary, failures, read_run

log = logging.getLogger(__name__)


def run(
    experiment: Experiment,
    out: Path,
    *,
    base_dir: Path = Path(),
    family: str = "",
    text: RecipeText | None = None,
    ready: Prepared | None = None,
) -> Summary:
    """Run all rows of a recipe; what an earlier, interrupted run has done is not done again.

    A row that fails, for whatever reason, leaves the others as they are: it is in `Summary.failed`
    with its reason, and tried again by the next run. A row is done if nothing that its numbers
    depend on has changed (see `runs.keys`); other rows of the recipe may have. Where only metrics
    or slices have changed, a row whose bundle is kept is evaluated again and not fitted.

    Args:
        experiment: The recipe.
        out: The run folder.
        base_dir: The folder that the recipe's relative paths start from.
        family: What the names of this recipe's folders beside `out` begin with, where `out` is our
            choice and not the user's: on other data a new folder is made, and rows that another
            folder has finished are taken from there.
        text: What stands in the recipe file, so that errors name its lines.
        ready: The data of the recipe, if they are in memory.

    Returns:
        What `metrics.json` in the folder holds.

    Raises:
        RecweaveError: for what concerns all rows, and if all fail: the first one's.
        OSError: if the disk is full, or the folder cannot be written to.
    """
    folder = RunFolder(out)
    folder.check()
    prepared = ready or prepare(experiment, base_dir, check=None if family else folder.check)
    if family and folder.data() not in ("", prepared.dataset.fingerprint):
        folder = RunFolder(out.with_name(f"{out.name}-{prepared.dataset.fingerprint[:8]}"))
    out = folder.path
    prepared = replace(prepared, checkpoints=folder.checkpoints)
    data = prepared.identity
    keys = row_keys(experiment, data)
    whole_keys = {row: key.whole for row, key in keys.items()}
    made_from = {
        "recipe": experiment.model_dump(mode="json"),
        "data": data,
        "rows": whole_keys,
        "version": VERSION,
    }
    todo = Todo(folder, keys, experiment.seeds, experiment.folds())
    folder.start(made_from, environment() | {"base_dir": str(base_dir.resolve())})
    todo.drop_bundles()
    folder.keep_features(prepared.features, prepared.feature_costs)
    if family:
        todo.take_from(sorted(out.parent.glob(f"{glob.escape(family)}-*")))
    for fold in experiment.folds():
        if todo.is_done(fold, *keys):
            continue
        if fold:
            del prepared  # one fold is in memory at a time
            prepared = replace(prepare(experiment, base_dir, fold), checkpoints=folder.checkpoints)
            folder.keep_features(prepared.features, prepared.feature_costs, fold)
        _run_fold(prepared, todo, fold, text)
    if len(failures(folder, experiment, whole_keys)) == len(experiment.models):
        raise todo.errors[0]
    summary = read_run(out)
    if not summary.failed:
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
    write_json(out / METRICS, summary.to_json())
    with atomic_file(out / PER_USER) as draft:
        per_user(summary, prepared.dataset.user_ids.ids).write_parquet(draft)
    return summary


def _run_fold(
    prepared: Prepared, todo: Todo, fold: int | None, text: RecipeText | None = None
) -> None:
    experiment = prepared.experiment
    fits = SharedFits.of(experiment, prepared.fits)
    prepared = replace(prepared, fits=fits)
    for index, entry in enumerate(experiment.models):
        row = entry.row
        fits.forget(index - 1)
        if todo.is_done(fold, row):
            continue
        try:
            for member in entry.members:
                todo.must_be_done(fold, member)
            if not todo.has_cell(row, experiment.seeds[0], fold):
                measure_again(prepared, todo, entry, fold)
            chosen = None if entry.members else _chosen(prepared, todo, entry, fold)
            for seed in experiment.seeds:
                if not todo.has_cell(row, seed, fold):
                    _run_cell(prepared, todo, entry, seed, chosen, fold)
        except (Exception, *POLARS_ERRORS) as error:
            if isinstance(error, BadSetting) and text is not None:
                error = text.name_line(BadSetting(str(error), at=("models", index, *error.at)))
            todo.failed(row, fold, error)


def _chosen(prepared: Prepared, todo: Todo, entry: Entry, fold: int | None) -> Chosen:
    """The settings of a row: chosen on validation of the first fold, the same in all others.

    Raises:
        RowFailed: for another fold, if the first one failed.
    """
    row, seed, first = entry.row, todo.seeds[0], todo.folds[0]
    if todo.has_cell(row, seed, first):
        settings = todo.folder.result(row, seed, first)["recipe"]["settings"]
        return Chosen(RECIPES[entry.kind].parse(settings, f"row '{row}'"))
    if fold != first:
        raise RowFailed("its settings are chosen on fold 0, which failed")
    return choose(prepared, todo.folder, row, entry)


def _run_cell(
    prepared: Prepared,
    todo: Todo,
    entry: Entry,
    seed: int,
    chosen: Chosen | None,
    fold: int | None,
) -> None:
    experiment, folder, row = prepared.experiment, todo.folder, entry.row
    first = experiment.seeds[0]
    recipes = [chosen.recipe] if chosen else member_recipes(folder, entry, seed, fold)
    if seed != first and not any(recipe.stochastic for recipe in recipes):
        folder.copy_cell(row, first, seed, fold)
        return
    fitted = fit_row(prepared, folder, entry, seed, fold, chosen)
    model, trials = fitted.model, chosen.trials if chosen else []
    report = prepared.evaluate(model, fitted.stages, on="test", metrics=experiment.metrics)
    result = {
        "row": row,
        "key": todo.keys[row].whole,
        "fit": todo.keys[row].fit,
        "seed": seed,
        "fold": fold,
        "recipe": {"name": entry.kind, "settings": fitted.settings},
        "stage_settings": [stage.model_dump(mode="json") for stage in fitted.stage_settings],
        "tried": [{"recipe": t.recipe.model_dump(mode="json"), "value": t.value} for t in trials],
        "learned_from": experiment.final_events(prepared.split).digest(),
        "statistics": prepared.statistics(),
        "model_hash": model_hash(model),
        "sources": _sources(prepared, model),
        "fit_seconds": fitted.cost.seconds,
        "peak_mb": fitted.cost.peak_mb,
    }
    if experiment.save and seed == first and not fold and len(prepared.dataset.events):
        _keep_bundle(prepared, folder, row, model, fitted.stages, result)
    folder.keep_cell(row, seed, result, report, fold)


def _keep_bundle(
    prepared: Prepared,
    folder: RunFolder,
    row: str,
    model: Model,
    stages: Sequence[Stage],
    result: Mapping[str, Any],
) -> None:
    """What answers for this row: its model and stages, with everybody's whole history.

    A row that cannot be saved is warned of; its numbers stand, and the other rows go on.
    """
    bundle = make_bundle(
        prepared.shared,
        model,
        name=row,
        stages=stages,
        features=prepared.features,
        depth=prepared.experiment.depth,
        about=about_row(prepared.experiment, result, prepared.dataset.fingerprint),
    )
    try:
        bundle.save(folder.bundle(row))
    except BadSetting as error:
        log.warning("row '%s' keeps no bundle: %s", row, error)


def _sources(prepared: Prepared, model: Model) -> dict[str, list[float]]:
    """How much each source of a model counts, by tenths of the catalogue; empty for most models."""
    if not isinstance(model, Sourced):
        return {}
    shares = model.sources(prepared.split.train.item_counts())
    return {name: [round(float(v), 4) for v in value] for name, value in shares.items()}
