"""A recipe to a run folder: choose on validation, fit, judge on test, sum up."""

import shutil
from pathlib import Path

import recweave
from recweave.experiment.bench import Bench, prepare
from recweave.experiment.blend import fit_blend
from recweave.experiment.choose import Chosen, choose
from recweave.experiment.environment import environment
from recweave.experiment.folder import METRICS, REPORT, RESULT, RunFolder, write_json
from recweave.experiment.report import write_report
from recweave.experiment.spec import Entry, Experiment
from recweave.experiment.summary import Summary, read_run
from recweave.models import Model
from recweave.models.base import Sourced
from recweave.models.nn.resume import resumable


def run(experiment: Experiment, out: Path, *, beside: Path = Path()) -> Summary:
    """Run all rows of a recipe; what an earlier, interrupted run has done is not done again.

    Args:
        experiment: The recipe.
        out: The run folder.
        beside: The folder that the recipe's relative paths start from.

    Returns:
        What `metrics.json` and `report.html` in the folder hold.
    """
    bench = prepare(experiment, beside)
    folder = RunFolder(out)
    made_from = {
        "recipe": experiment.model_dump(mode="json"),
        "data": bench.about(),
        "version": recweave.__version__,
    }
    folder.start(made_from, environment() | {"beside": str(beside.resolve())})
    folder.keep_features(bench.features, bench.feature_costs)
    with resumable(folder.checkpoints):
        for row, entry in zip(experiment.rows(), experiment.models, strict=True):
            if all((folder.cell(row, seed) / RESULT).exists() for seed in experiment.seeds):
                continue
            chosen = None if entry.members else choose(bench, folder, row, entry)
            for seed in experiment.seeds:
                if not (folder.cell(row, seed) / RESULT).exists():
                    _run_cell(bench, folder, row, entry, seed, chosen)
    shutil.rmtree(folder.checkpoints, ignore_errors=True)
    summary = read_run(out)
    write_json(out / METRICS, summary.to_json())
    write_report(summary, out / REPORT)
    return summary


def _run_cell(
    bench: Bench,
    folder: RunFolder,
    row: str,
    entry: Entry,
    seed: int,
    chosen: Chosen | None,
) -> None:
    experiment = bench.experiment
    first = experiment.seeds[0]
    if chosen is not None and not chosen.recipe.draws and seed != first:
        folder.copy_cell(row, first, seed)
        return
    if chosen is None:
        model, settings, cost = fit_blend(bench, folder, entry, seed)
    else:
        if chosen.fitted is not None and seed == first and not experiment.refits:
            model, cost = chosen.fitted
        else:
            model, cost = bench.fit(chosen.recipe, seed=seed, final=True)
        settings = chosen.recipe.model_dump(mode="json")
    trials = [] if chosen is None else chosen.trials
    report = bench.judge(model, entry, on="test", metrics=experiment.metrics)
    result = {
        "row": row,
        "seed": seed,
        "recipe": {"name": entry.name, "settings": settings},
        "tried": [{"recipe": t.recipe.model_dump(mode="json"), "value": t.value} for t in trials],
        "learned_from": experiment.final_events(bench.split).digest(),
        "sources": _sources(bench, model),
        "fit_seconds": cost.seconds,
        "peak_mb": cost.peak_mb,
    }
    folder.keep_cell(row, seed, result, report, model if experiment.save else None)


def _sources(bench: Bench, model: Model) -> dict[str, list[float]]:
    """How much each source of a model counts, by tenths of the catalogue; empty for most models."""
    if not isinstance(model, Sourced):
        return {}
    told = model.sources(bench.split.train.item_counts())
    return {name: [round(float(v), 4) for v in value] for name, value in told.items()}
