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
from recweave.core.version import VERSION
from recweave.experiment.about import about_row
from recweave.experiment.blend import fit_blend
from recweave.experiment.choose import Chosen, choose
from recweave.experiment.prepare import Prepared, prepare
from recweave.experiment.todo import Todo
from recweave.models import RECIPES, Model
from recweave.models.artifact import model_hash
from recweave.models.base import Sourced
from recweave.rank import Stage
from recweave.runs.entry import Entry
from recweave.runs.environment import environment
from recweave.runs.folder import METRICS, RunFolder
from recweave.runs.keys import row_keys
from recweave.runs.per_user import PER_USER, per_user
from recweave.runs.spec import Experiment, RecipeText
from recweave.runs.summary import Summary, read_run

log = logging.getLogger(__name__)


def run(
    experiment: Experiment,
    out: Path,
    *,
    base_dir: Path = Path(),
    family: str = "",
    text: RecipeText | None = None,
) -> Summary:
    """Run all rows of a recipe; what an earlier, interrupted run has done is not done again.

    A row that fails, for whatever reason, leaves the others as they are: it is in `Summary.failed`
    with its reason, and tried again by the next run. A row is done if nothing that its numbers hang
    on has changed (see `runs.keys`); other rows of the recipe may have.

    Args:
        experiment: The recipe.
        out: The run folder.
        base_dir: The folder that the recipe's relative paths start from.
        family: What the names of this recipe's folders beside `out` begin with, where `out` is our
            choice and not the user's: on other data a new folder is made, and rows that another
            folder has finished are taken from there.
        text: What stands in the recipe file, so that errors name its lines.

    Returns:
        What `metrics.json` in the folder holds.

    Raises:
        RecweaveError: for what concerns all rows, and if all fail: the first one's.
        OSError: if the disk is full, or the folder cannot be written to.
    """
    RunFolder(out).check()
    prepared = prepare(experiment, base_dir)
    folder = RunFolder(out)
    if family and folder.data() not in ("", prepared.dataset.fingerprint):
        folder = RunFolder(out.with_name(f"{out.name}-{prepared.dataset.fingerprint[:8]}"))
    out = folder.path
    prepared = replace(prepared, checkpoints=folder.checkpoints)
    data = prepared.about()
    keys = row_keys(experiment, data)
    made_from = {
        "recipe": experiment.model_dump(mode="json"),
        "data": data,
        "rows": keys,
        "version": VERSION,
    }
    todo = Todo(folder, keys, experiment.seeds)
    folder.start(made_from, environment() | {"base_dir": str(base_dir.resolve())})
    folder.keep_features(prepared.features, prepared.feature_costs)
    if family:
        todo.take_from(sorted(out.parent.glob(f"{glob.escape(family)}-*")), experiment.folds())
    for fold in experiment.folds():
        if todo.is_done(fold, *keys):
            continue
        if fold:
            del prepared  # one fold is in memory at a time
            prepared = replace(prepare(experiment, base_dir, fold), checkpoints=folder.checkpoints)
            folder.keep_features(prepared.features, prepared.feature_costs, fold)
        _run_fold(prepared, todo, fold, text)
    summary = read_run(out)
    if not summary.rows:
        raise todo.errors[0]
    if not summary.failed:
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
    write_json(out / METRICS, summary.to_json())
    with atomic_file(out / PER_USER) as draft:
        per_user(summary, prepared.dataset.user_ids.ids).write_parquet(draft)
    return summary


def _run_fold(
    prepared: Prepared, todo: Todo, fold: int | None, text: RecipeText | None = None
) -> None:
    experiment, folder = prepared.experiment, todo.folder
    for place, entry in enumerate(experiment.models):
        row = entry.row
        if todo.is_done(fold, row):
            continue
        try:
            for member in entry.members:
                todo.must_be_done(fold, member)
            chosen = None if entry.members else _chosen(prepared, folder, row, entry, fold)
            for seed in experiment.seeds:
                if not folder.is_done(row, seed, fold, todo.keys[row]):
                    folder.clear_cell(row, seed, fold)
                    _run_cell(prepared, todo, entry, seed, chosen, fold)
        except Exception as error:
            if isinstance(error, BadSetting) and text is not None:
                error = text.name_line(BadSetting(str(error), at=("models", place, *error.at)))
            todo.failed(row, fold, error)


def _chosen(
    prepared: Prepared, folder: RunFolder, row: str, entry: Entry, fold: int | None
) -> Chosen:
    """The settings of a row: chosen on validation of the first fold, the same in all others."""
    if not fold:
        return choose(prepared, folder, row, entry)
    first = folder.read_cell(row, prepared.experiment.seeds[0], 0)[0]["recipe"]
    return Chosen(RECIPES[first["name"]].parse(first["settings"], f"row '{row}'"))


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
    if chosen is not None and not chosen.recipe.stochastic and seed != first:
        folder.copy_cell(row, first, seed, fold)
        return
    if chosen is None:
        model, settings, cost = fit_blend(prepared, folder, entry, seed, fold)
    else:
        if chosen.fitted is not None and seed == first and not experiment.refits:
            model, cost = chosen.fitted
        else:
            model, cost = prepared.fit(chosen.recipe, seed=seed, final=True)
        settings = chosen.recipe.model_dump(mode="json")
    trials = [] if chosen is None else chosen.trials
    stages = prepared.fit_stages(entry, None if experiment.refits else model)
    report = prepared.evaluate(model, stages, on="test", metrics=experiment.metrics)
    result = {
        "row": row,
        "key": todo.keys[row],
        "seed": seed,
        "fold": fold,
        "recipe": {"name": entry.kind, "settings": settings},
        "tried": [{"recipe": t.recipe.model_dump(mode="json"), "value": t.value} for t in trials],
        "learned_from": experiment.final_events(prepared.split).digest(),
        "statistics": prepared.statistics(),
        "model_hash": model_hash(model),
        "sources": _sources(prepared, model),
        "fit_seconds": cost.seconds,
        "peak_mb": cost.peak_mb,
    }
    if experiment.save and seed == first and not fold and len(prepared.dataset.events):
        _keep_bundle(prepared, folder, row, model, stages, result)
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
        about=about_row(prepared.experiment, row, result, prepared.dataset.fingerprint),
    )
    try:
        bundle.save(folder.bundle(row))
    except BadSetting as error:
        log.warning("row '%s' keeps no bundle: %s", row, error)


def _sources(prepared: Prepared, model: Model) -> dict[str, list[float]]:
    """How much each source of a model counts, by tenths of the catalogue; empty for most models."""
    if not isinstance(model, Sourced):
        return {}
    told = model.sources(prepared.split.train.item_counts())
    return {name: [round(float(v), 4) for v in value] for name, value in told.items()}
