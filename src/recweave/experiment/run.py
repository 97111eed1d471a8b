"""A recipe to a run folder: choose on validation, fit, evaluate on test, sum up."""

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
from recweave.models import RECIPES, Model
from recweave.models.artifact import model_hash
from recweave.models.base import Sourced
from recweave.rank import Stage
from recweave.runs.environment import environment
from recweave.runs.folder import METRICS, RESULT, RunFolder
from recweave.runs.per_user import PER_USER, per_user
from recweave.runs.spec import Entry, Experiment
from recweave.runs.summary import Summary, read_run

log = logging.getLogger(__name__)


def run(experiment: Experiment, out: Path, *, base_dir: Path = Path()) -> Summary:
    """Run all rows of a recipe; what an earlier, interrupted run has done is not done again.

    Args:
        experiment: The recipe.
        out: The run folder.
        base_dir: The folder that the recipe's relative paths start from.

    Returns:
        What `metrics.json` in the folder holds.
    """
    folder = RunFolder(out)
    prepared = replace(prepare(experiment, base_dir), checkpoints=folder.checkpoints)
    made_from = {
        "recipe": experiment.model_dump(mode="json"),
        "data": prepared.about(),
        "version": VERSION,
    }
    folder.start(made_from, environment() | {"base_dir": str(base_dir.resolve())})
    folder.keep_features(prepared.features, prepared.feature_costs)
    for fold in experiment.folds():
        if _is_done(folder, experiment, fold):
            continue
        if fold:
            del prepared  # one fold is in memory at a time
            prepared = replace(prepare(experiment, base_dir, fold), checkpoints=folder.checkpoints)
            folder.keep_features(prepared.features, prepared.feature_costs, fold)
        _run_fold(prepared, folder, fold)
    shutil.rmtree(folder.checkpoints, ignore_errors=True)
    summary = read_run(out)
    write_json(out / METRICS, summary.to_json())
    with atomic_file(out / PER_USER) as draft:
        per_user(summary, prepared.dataset.user_ids.ids).write_parquet(draft)
    return summary


def _is_done(folder: RunFolder, experiment: Experiment, fold: int | None, *rows: str) -> bool:
    """Whether every cell of a fold is there, or every one of some rows."""
    return all(
        (folder.cell(row, seed, fold) / RESULT).exists()
        for row in rows or experiment.rows()
        for seed in experiment.seeds
    )


def _run_fold(prepared: Prepared, folder: RunFolder, fold: int | None) -> None:
    experiment = prepared.experiment
    for row, entry in zip(experiment.rows(), experiment.models, strict=True):
        if _is_done(folder, experiment, fold, row):
            continue
        chosen = None if entry.members else _chosen(prepared, folder, row, entry, fold)
        for seed in experiment.seeds:
            if not (folder.cell(row, seed, fold) / RESULT).exists():
                _run_cell(prepared, folder, row, entry, seed, chosen, fold)


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
    folder: RunFolder,
    row: str,
    entry: Entry,
    seed: int,
    chosen: Chosen | None,
    fold: int | None,
) -> None:
    experiment = prepared.experiment
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
        "seed": seed,
        "fold": fold,
        "recipe": {"name": entry.name, "settings": settings},
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
