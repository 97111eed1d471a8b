"""Whether the rows of a run come out the same when they are trained again."""

import tempfile
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from recweave.bundle.saved import MODEL
from recweave.evaluate import Report
from recweave.experiment.choose import Chosen
from recweave.experiment.prepare import Prepared, prepare
from recweave.experiment.row import FittedRow, fit_row
from recweave.models import RECIPES, Model, Query, Recipe
from recweave.models.artifact import load_model
from recweave.report.audit.case import Case
from recweave.report.audit.finding import CheckResult, Finding, Level
from recweave.runs.entry import Entry
from recweave.runs.folder import RunFolder
from recweave.runs.provenance import write_provenance

CHECK = "trained again"
TOLERANCE = 0.01
"""How far a metric's mean, or scores in their standard deviations, may be from what is kept."""
USERS = 200
"""Whose scores are compared."""
AGAIN = "find out what the numbers are of: run the recipe again into a new folder and compare"


def trained_again(case: Case) -> CheckResult:
    """Every row made anew from its recipe: features, provenance, model, numbers.

    A number or a saved model that nobody can make again from the training part was made from
    something else. Rows whose training is random are trained with the same seed; where their
    numbers differ all the same, as they may on another machine, the finding is suspicious and no
    leak.
    """
    experiment = case.summary.experiment
    prepared = prepare(experiment, case.base_dir, case.fold)
    findings = [*_provenance(case, prepared)]
    for name, entry in zip(experiment.rows(), experiment.models, strict=True):
        if name not in case.summary.failed:
            findings += _row(case, prepared, name, entry)
    cells = len(case.summary.rows) * len(experiment.seeds)
    return CheckResult(
        findings,
        [f"{cells} models trained again: numbers and saved scores compared, within {TOLERANCE:g}"],
    )


def _provenance(case: Case, prepared: Prepared) -> Iterator[Finding]:
    """The rows behind features, against those that the run wrote down."""
    kept = RunFolder(case.folder).provenance(case.fold)
    names = list(case.summary.experiment.features)
    if not names or not kept.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "again.parquet"
        write_provenance({name: prepared.features[name] for name in names}, again)
        written, made = pl.read_parquet(kept, glob=False), pl.read_parquet(again, glob=False)
    for name in names:
        own, other = (table.filter(feature=name).unique() for table in (written, made))
        missing = other.join(own, on=own.columns, how="anti")
        too_many = own.join(other, on=own.columns, how="anti")
        if len(missing) or len(too_many):
            one = (missing if len(missing) else too_many).row(0, named=True)
            yield Finding(
                check=CHECK,
                level="leak",
                where=f"the feature '{name}'",
                what="the run did not write down correctly what it was made from: "
                f"{len(missing):,} rows are behind it and not in the file, {len(too_many):,} are "
                "in the file and not behind it",
                count=len(missing) + len(too_many),
                example=f"row {one['row']} of the {one['table']}",
                remedy=AGAIN,
                features=(name,),
                evidence={"not_written_down": len(missing), "not_behind_it": len(too_many)},
            )


def _row(case: Case, prepared: Prepared, name: str, entry: Entry) -> Iterator[Finding]:
    experiment = case.summary.experiment
    folder = RunFolder(case.folder)
    for seed in experiment.seeds:
        result, report = folder.read_cell(name, seed, case.fold)
        recipe = _recipe(result, entry)
        stochastic = recipe is None or recipe.stochastic
        if seed != experiment.seeds[0] and not stochastic:
            continue
        chosen = Chosen(recipe) if recipe else None
        fitted = fit_row(prepared, folder, entry, seed, case.fold, chosen)
        level: Level = "suspicious" if stochastic else "leak"
        yield from _numbers(prepared, fitted, name, seed, report, level)
        saved = folder.bundle(name)
        if seed == experiment.seeds[0] and not case.fold and saved.is_dir():
            yield from _scores(prepared, fitted.model, load_model(saved / MODEL)[0], name, level)


def _recipe(result: dict[str, Any], entry: Entry) -> Recipe | None:
    """What was trained; None of a blend."""
    if entry.members:
        return None
    made: Recipe = RECIPES[entry.kind].parse(result["recipe"]["settings"], f"row '{entry.kind}'")
    return made


def _numbers(
    prepared: Prepared,
    fitted: FittedRow,
    name: str,
    seed: int,
    kept: Report,
    level: Level,
) -> Iterator[Finding]:
    experiment = prepared.experiment
    again = prepared.evaluate(fitted.model, fitted.stages, on="test", metrics=experiment.metrics)
    for metric in experiment.metrics:
        now, then = again.value(metric), kept.value(metric)
        if now is None or then is None or not (isfinite(now) and isfinite(then)):
            continue
        if abs(now - then) > TOLERANCE:
            yield Finding(
                check=CHECK,
                level=level,
                where=f"the numbers of '{name}' (seed {seed})",
                what=f"its {metric} is {now:.4f} when it is trained again, and the run reports "
                f"{then:.4f}",
                count=1,
                example=f"{metric}: {then - now:+.4f} better than what the training part gives"
                if then > now
                else f"{metric}: {then - now:+.4f}",
                remedy=AGAIN,
                evidence={"metric": metric, "again": now, "reported": then},
            )


def _scores(
    prepared: Prepared, again: Model, saved: Model, name: str, level: Level
) -> Iterator[Finding]:
    """Scores of some users by the saved model and by the one that was just trained."""
    known = prepared.split.known if len(prepared.split.known) else prepared.split.train
    users = np.flatnonzero(known.user_counts())
    users = users[:: max(1, len(users) // USERS)][:USERS]
    if not len(users):
        return
    query = Query.of(known, users)
    now, then = again.scores(query), saved.scores(query)
    apart = _apart(now, then)
    if apart > TOLERANCE:
        yield Finding(
            check=CHECK,
            level=level,
            where=f"the saved model of '{name}'",
            what=f"its scores differ by {apart:.3f} standard deviations from those of the model "
            "that the recipe gives",
            count=len(users),
            remedy=AGAIN,
            evidence={"standard_deviations": apart, "users": len(users)},
        )


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """The mean distance of scores, in standard deviations of the first; infinite where one has a
    score and the other has none."""
    if one.shape != other.shape or not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return float("inf")
    there = np.isfinite(one)
    if not there.any():
        return 0.0
    scale = float(one[there].std()) or 1.0
    return float(np.sqrt(np.mean((one[there] - other[there]) ** 2))) / scale
