"""What a run found: its rows, with intervals, and how they differ from the baseline."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from recweave.core.errors import UnknownName
from recweave.evaluate import Report, means, over_seeds, parse_metric, report_differences
from recweave.evaluate.folds import join_folds
from recweave.evaluate.metrics import ranked_names
from recweave.evaluate.statistics import Difference, Interval, McNemar, holm, mcnemar
from recweave.models import RECIPES
from recweave.rank.ranking import LEFT, StageCost
from recweave.rank.stages import StageRecipe, read_stage
from recweave.runs.failures import all_failed, row_failed
from recweave.runs.folder import RunFolder
from recweave.runs.layout import FEATURES, MADE_FROM, read_json, read_made_from
from recweave.runs.spec import Experiment


@dataclass(frozen=True, eq=False)
class Row:
    """One row of the table, over all its seeds and folds.

    Attributes:
        name: What the recipe calls the row; else the model's name, with any variant.
        model, variant: The model's name and the variant.
        settings: The recipe that was fitted, as chosen on validation.
        tried: How many settings validation chose among; 0 where nothing was searched.
        fit_seconds, peak_mb: The mean and the highest over seeds.
        report: The numbers; values of users are averaged over seeds, then joined over folds (see
            `evaluate.folds`).
        sources: Of the first seed: each source's share by tenths of the catalogue, if it has some.
        model_hash: SHA-256 of the trained model of the first seed and fold; empty where it cannot
            be saved. `recweave audit` compares the saved model with it.
        stages: Settings of the stages of the first seed and fold, with what they have learned on
            validation; None in runs of earlier versions, which did not keep them.
    """

    name: str
    model: str
    variant: str
    settings: Mapping[str, Any]
    tried: int
    fit_seconds: float
    peak_mb: float | None
    report: Report
    sources: Mapping[str, Sequence[float]] = field(default_factory=dict)
    model_hash: str = ""
    stages: Sequence[StageRecipe] | None = None

    def fallbacks(self) -> list[str]:
        """Which stages left lists as they were, how many and why, as a sentence each."""
        return [
            f"row '{self.name}': the stage '{cost.stage}' left {cost.fallbacks:,} of "
            f"{cost.lists:,} lists as they were{_reasons(cost)}"
            for cost in self.report.costs
            if cost.fallbacks
        ]

    @property
    def stage_ms(self) -> float | None:
        """Milliseconds that the stages took for each list of test; None without stages.

        Lists are made together, as in batch inference; one list alone takes longer.
        """
        costs = [cost for cost in self.report.costs if cost.lists]
        return sum(1000 * cost.seconds / cost.lists for cost in costs) if costs else None

    @cached_property
    def means(self) -> Mapping[str, Interval]:
        """Metrics that each user has a value of: the mean and its 95 % interval over users."""
        return self.report.means()

    def value(self, metric: str) -> float | None:
        """The metric's mean or, of all lists together, its value; None where the row has none."""
        if metric in self.means:
            return self.means[metric].mean
        return self.report.whole.get(metric)

    def slice_means(self, way: str) -> dict[str, dict[str, Interval]]:
        """For each label of a way of slicing, the metrics over the users who have it."""
        table = self.report.slices.get(way)
        if table is None:
            return {}
        parts = table.group_by("label", maintain_order=True)
        return {str(label): means(part, "normal") for (label,), part in parts}

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        report = self.report.to_json()
        whole = {name: {"mean": value} for name, value in report["whole"].items()}
        return {
            "name": self.name,
            "model": self.model,
            "variant": self.variant,
            "settings": dict(self.settings),
            "stage_settings": [one.model_dump(mode="json") for one in self.stages or ()],
            "tried": self.tried,
            "model_hash": self.model_hash,
            "fit_seconds": round(self.fit_seconds, 4),
            "peak_mb": None if self.peak_mb is None else round(self.peak_mb, 1),
            "stage_ms": self.stage_ms,
            "users": report["users"],
            "judged_by": report["judged_by"],
            "left_out": report["left_out"],
            "decided_at": report["decided_at"],
            "roc": report["roc"],
            "metrics": report["metrics"] | whole,
            "slices": report["slices"],
            "stages": report["stages"],
        }


def _reasons(cost: StageCost) -> str:
    """In brackets, the most frequent first; "" if the stage gives none."""
    found = sorted(
        (
            (count, name.removeprefix(LEFT))
            for name, count in cost.usage.items()
            if name.startswith(LEFT)
        ),
        reverse=True,
    )
    listed = "; ".join(f"{reason}: {count:,.0f}" for count, reason in found)
    return f" ({listed})" if listed else ""


@dataclass(frozen=True, eq=False)
class Summary:
    """All rows of a run.

    Attributes:
        experiment: What was asked.
        data, environment: What it was asked of, and where.
        rows: What was found; at least one.
        path: The run folder.
        features: Of each feature of the recipe: what made it, from what, for how many, in how many
            seconds.
        failed: Why each row that could not be made was not, by name; such rows are not in `rows`.
    """

    experiment: Experiment
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    rows: Sequence[Row]
    path: Path
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Of the rows that did not fail."""
        return [row.name for row in self.rows]

    def row(self, name: str) -> Row:
        """The row of a name.

        Raises:
            BadArtifact: if it failed, with the reason.
            UnknownName: if the run has no such row.
        """
        if name in self.failed:
            raise row_failed(self.path, name, self.failed[name])
        if name not in self.names():
            raise UnknownName("row", name, self.names())
        return self.rows[self.names().index(name)]

    def compared_with(self) -> str:
        """The row that the others are compared with: the baseline; the first if that failed."""
        asked = self.experiment.compared_with()
        return self.rows[0].name if asked in self.failed else asked

    def drawn_on(self, row: str) -> tuple[str, ...]:
        """The features that a row's model and stages read; of a blend, those of its members."""
        entry = self.experiment.entry(row)
        found: list[str] = []
        for name in entry.members or (row,):
            member = self.row(name)
            recipe = RECIPES[member.model].parse(dict(member.settings), f"row '{name}'")
            found += recipe.features_used()
        for stage in entry.stages:
            found += stage.features_used()
        return tuple(dict.fromkeys(found))

    def best_row(self) -> Row:
        """The best row by the choosing metric, the first of equals; the first where none has it.

        A row whose value is not defined (NaN) does not have it.
        """
        metric = parse_metric(self.experiment.choose)
        ranked = ranked_names({row.name: row.value(metric.name) for row in self.rows}, metric)
        return self.row(ranked[0]) if ranked else self.rows[0]

    def to_json(self) -> dict[str, Any]:
        """What `recweave run --json` prints."""
        return {
            "protocol": self.experiment.protocol,
            "task": self.experiment.task,
            "data": dict(self.data),
            "features": dict(self.features),
            "best": self.best_row().name,
            "models": [row.to_json() for row in self.rows],
            "failed": dict(self.failed),
        }


def read_run(path: Path) -> Summary:
    """Sum up a run folder.

    Raises:
        BadArtifact: if the folder holds no run, one that has not come to its end, or one of which
            every row failed.
    """
    made_from = read_made_from(path)
    experiment = Experiment.parse(made_from["recipe"], str(path / MADE_FROM))
    folder = RunFolder(path)
    keys = made_from.get("rows", {})  # runs of earlier versions have none
    failed = failures(folder, experiment, keys)
    if len(failed) == len(experiment.models):
        raise all_failed(path, failed)
    rows = [
        _row(folder, name, experiment, keys.get(name))
        for name in experiment.rows()
        if name not in failed
    ]
    environment = read_json(path / "environment.json")
    features = read_json(path / FEATURES) if experiment.features else {}
    return Summary(experiment, made_from["data"], environment, rows, path, features, failed)


def failures(
    folder: RunFolder, experiment: Experiment, keys: Mapping[str, str | None]
) -> dict[str, str]:
    """Why each row that could not be made was not: the reason of its first cell that failed.

    Args:
        folder: Of the run.
        experiment: The recipe.
        keys: What each row was made from (see `runs.keys`).
    """
    found: dict[str, str] = {}
    for name, seed, fold in product(experiment.rows(), experiment.seeds, experiment.folds()):
        if reason := folder.failure(name, seed, fold, keys.get(name)):
            found.setdefault(name, reason)
    return found


def _row(folder: RunFolder, name: str, experiment: Experiment, key: str | None) -> Row:
    results: list[dict[str, Any]] = []
    by_fold: list[Report] = []
    for fold in experiment.folds():
        cells = [folder.read_cell(name, seed, fold, key=key) for seed in experiment.seeds]
        results += [result for result, _ in cells]
        by_fold.append(over_seeds([report for _, report in cells]))
    first = results[0]
    model = first["recipe"]["name"]
    stages = first.get("stage_settings")
    peaks = [result["peak_mb"] for result in results if result["peak_mb"] is not None]
    return Row(
        name=name,
        model=model,
        variant=experiment.entry(name).variant,
        settings=first["recipe"]["settings"],
        tried=len(first["tried"]),
        fit_seconds=statistics.mean(result["fit_seconds"] for result in results),
        peak_mb=max(peaks, default=None),
        report=join_folds(by_fold),
        sources=first.get("sources", {}),
        model_hash=first.get("model_hash", ""),
        stages=None if stages is None else tuple(map(read_stage, stages)),
    )


@dataclass(frozen=True)
class Comparison:
    """A row against the baseline.

    Attributes:
        row, metric: What is compared.
        difference: Row less baseline, user by user, with its 95 % interval.
        p: Two-sided, corrected by Holm over all rows and metrics of the table.
        hits: Of hit@k with one seed and no folds: McNemar's test, not corrected.
    """

    row: str
    metric: str
    difference: Difference
    p: float
    hits: McNemar | None = None

    @property
    def sure(self) -> bool:
        """Whether the difference stands after the correction, at 5 %."""
        return self.p < 0.05

    @property
    def better(self) -> bool:
        """Whether the row's mean is better by the metric, significant or not; not if equal."""
        return parse_metric(self.metric).sign * self.difference.mean > 0


def against(rows: Sequence[Row], baseline: Row, metrics: Sequence[str]) -> list[Comparison]:
    """Every other row against the baseline, user by user, corrected for the number of looks."""
    found: list[tuple[str, str, Difference]] = []
    for row in rows:
        shared = [m for m in metrics if m in row.means and m in baseline.means]
        if row is not baseline and shared:
            apart = report_differences(row.report, baseline.report, shared)
            found += [(row.name, m, d) for m, d in apart.items()]
    corrected = holm([difference.p for _, _, difference in found])
    reports = {row.name: row.report for row in rows}
    return [
        Comparison(name, metric, apart, p, _hits(reports[name], baseline.report, metric))
        for (name, metric, apart), p in zip(found, corrected, strict=True)
    ]


def _hits(ours: Report, theirs: Report, metric: str) -> McNemar | None:
    """McNemar's test of hit@k; None for other metrics, and means over seeds or folds."""
    if not metric.startswith("hit@"):
        return None
    tables = [report.per_user.select("user", hit=metric) for report in (ours, theirs)]
    both = tables[0].join(tables[1], on="user", suffix="_theirs")
    columns = [both[name].to_numpy() for name in ("hit", "hit_theirs")]
    if len(both) != len(tables[0]) or not np.isin(columns, (0, 1)).all():
        return None
    return mcnemar(columns[0] == 1, columns[1] == 1)
