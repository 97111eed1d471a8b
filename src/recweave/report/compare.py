"""Rows of one or more runs side by side, with corrected significance against a baseline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.tables import html_table
from recweave.evaluate.statistics import Interval
from recweave.runs.summary import Comparison, Row, Summary, against, read_run

SAME = ("fingerprint", "split", "users", "items", "test", "held_out")
"""What `about` of the data must agree in. `held_out` is a hash of the test events: the same random
split with another seed holds out other events."""

SLICES = {
    **dict.fromkeys(("slice", "label", "row"), pl.String),
    "users": pl.Int64,
    "metric": pl.String,
    **dict.fromkeys(("mean", "low", "high"), pl.Float64),
}


@dataclass(frozen=True, eq=False)
class Slice:
    """A row's metrics over some of the users or items.

    Attributes:
        slice, label: How they were divided, and which of them these are.
        row: The name of the row.
        users: How many users have a value.
        values: By metric.
    """

    slice: str
    label: str
    row: str
    users: int
    values: Mapping[str, Interval]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows that may be compared: same data, same split, same held-out events.

    Attributes:
        data: What the runs say of their data.
        metrics: Those that all runs report.
        rows: That did not fail.
        baseline: The row that the others are compared with.
        comparisons: Every other row with the baseline, by each metric.
        failed: Why each row that could not be made was not, by name.
        failed_baseline: The baseline that the recipe names, where that failed and `baseline` is
            the first row that did not; empty otherwise.
    """

    data: dict[str, Any]
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    baseline: Row
    comparisons: tuple[Comparison, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    failed_baseline: str = ""

    def failures(self) -> list[str]:
        """A sentence for each row that failed, and one where the baseline did."""
        said = [f"{row} failed: {reason}" for row, reason in self.failed.items()]
        if self.failed_baseline:
            said.append(
                f"the baseline {self.failed_baseline} failed, so rows are compared with "
                f"{self.baseline.name}"
            )
        return said

    def find(self, row: str, metric: str) -> Comparison | None:
        """How a row differs from the baseline; None for the baseline itself."""
        found = [c for c in self.comparisons if c.row == row and c.metric == metric]
        return found[0] if found else None

    def to_frame(self) -> pl.DataFrame:
        """A line for each row and metric, with the difference from the baseline where there is one.

        Columns: row, metric, mean, low, high, difference, p (corrected by Holm), fit_seconds,
        stage_ms (of the stages, for each list; null without stages).
        """
        lines = []
        for row in self.rows:
            for metric in self.metrics:
                interval, found = row.means.get(metric), self.find(row.name, metric)
                lines.append(
                    {
                        "row": row.name,
                        "metric": metric,
                        "mean": row.value(metric),
                        "low": interval.low if interval else None,
                        "high": interval.high if interval else None,
                        "difference": found.difference.mean if found else None,
                        "p": found.p if found else None,
                        "fit_seconds": row.fit_seconds,
                        "stage_ms": row.stage_ms,
                    }
                )
        return pl.DataFrame(lines, infer_schema_length=None)

    def slices(self) -> list["Slice"]:
        """What each row reached with each label of a slice: by slice and label, then by row."""
        found = [
            Slice(
                way, label, row.name, int((parts["label"].cast(pl.String) == label).sum()), values
            )
            for row in self.rows
            for way, parts in row.report.slices.items()
            for label, values in row.slice_means(way).items()
        ]
        labels = list(dict.fromkeys((one.slice, one.label) for one in found))
        return sorted(found, key=lambda one: labels.index((one.slice, one.label)))

    def slice_metrics(self) -> list[str]:
        """The metrics that slices have: coverage, for one, is of all lists together."""
        slices = self.slices()
        return [metric for metric in self.metrics if any(metric in one.values for one in slices)]

    def slices_to_frame(self) -> pl.DataFrame:
        """A line for each slice, label, row and metric; none where the runs have no slices.

        Columns: slice, label, row, users, metric, mean, low, high.
        """
        lines = [
            {
                "slice": one.slice,
                "label": one.label,
                "row": one.row,
                "users": one.users,
                "metric": metric,
                **vars(one.values[metric]),
            }
            for one in self.slices()
            for metric in self.metrics
            if metric in one.values
        ]
        return pl.DataFrame(lines, schema=SLICES)

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), f"against {self.baseline.name}")

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "data": self.data,
            "baseline": self.baseline.name,
            "models": [
                {
                    "name": row.name,
                    "fit_seconds": row.fit_seconds,
                    "peak_mb": row.peak_mb,
                    "stage_ms": row.stage_ms,
                    "metrics": {m: _cell(row, m, self.find(row.name, m)) for m in self.metrics},
                }
                for row in self.rows
            ],
            "failed": dict(self.failed),
            "failed_baseline": self.failed_baseline or None,
        }


def compare(paths: Sequence[Path | str], baseline: str = "") -> Table:
    """Put runs beside each other.

    Args:
        paths: Run folders.
        baseline: The row that the others are compared with; else the first run's own.

    Raises:
        BadSetting: if the runs differ in data, split or held-out events, one is named twice, or
            `baseline` failed.
        UnknownName: if no row is called `baseline`.
    """
    folders = Counter(Path(path).resolve() for path in paths)
    if twice := [folder for folder, count in folders.items() if count > 1]:
        raise BadSetting(f"{twice[0]} is named twice; name each run once")
    runs = [read_run(Path(path)) for path in paths]
    first = runs[0]
    for run in runs[1:]:
        differing = [key for key in SAME if run.data.get(key) != first.data.get(key)]
        if run.experiment.relevant_from != first.experiment.relevant_from:
            differing.append("relevant_from")
        if differing:
            raise BadSetting(
                f"{run.path} and {first.path} cannot be compared: they differ in "
                f"{', '.join(differing)}"
            )
    names = _distinct_names(runs)
    rows = [
        replace(row, name=of_run[row.name])
        for run, of_run in zip(runs, names, strict=True)
        for row in run.rows
    ]
    failed = {
        of_run[row]: reason
        for run, of_run in zip(runs, names, strict=True)
        for row, reason in run.failed.items()
    }
    if baseline in failed:
        raise BadSetting(
            f"the baseline '{baseline}' failed ({failed[baseline]}); compare with another "
            f"row, such as '{rows[0].name}'"
        )
    shared = [m for m in first.experiment.metrics if all(m in r.experiment.metrics for r in runs)]
    asked = first.experiment.compared_with()
    table = tabulate(rows, shared, baseline or names[0][first.compared_with()], first.data)
    replaced = names[0][asked] if asked in first.failed and not baseline else ""
    return replace(table, failed=failed, failed_baseline=replaced)


def table_of(run: Summary) -> Table:
    """One run's own table."""
    experiment = run.experiment
    table = tabulate(run.rows, experiment.metrics, run.compared_with(), run.data)
    asked = experiment.compared_with()
    return replace(
        table, failed=dict(run.failed), failed_baseline=asked if asked in run.failed else ""
    )


def tabulate(rows: Sequence[Row], metrics: Sequence[str], baseline: str, data: Any) -> Table:
    """Rows against one of them."""
    by_name = {row.name: row for row in rows}
    if baseline not in by_name:
        raise UnknownName("row", baseline, by_name)
    base = by_name[baseline]
    found = against(rows, base, metrics)
    return Table(dict(data), tuple(metrics), tuple(rows), base, tuple(found))


def _distinct_names(runs: Sequence[Summary]) -> list[dict[str, str]]:
    """For each run, what its rows are called among those of all runs.

    Where two runs have a row of the same name, the run's folder stands before it; the whole path of
    the folder where two folders have the same name.
    """
    rows = Counter(row for run in runs for row in run.experiment.rows())
    folders = Counter(run.path.name for run in runs)
    return [
        {
            row: f"{run.path.name if folders[run.path.name] == 1 else run.path}/{row}"
            if rows[row] > 1
            else row
            for row in run.experiment.rows()
        }
        for run in runs
    ]


def _cell(row: Row, metric: str, comparison: Comparison | None) -> dict[str, Any] | None:
    if metric in row.means:
        cell: dict[str, Any] = {**row.means[metric].to_json()}
    elif metric in row.report.whole:
        cell = {"mean": row.report.whole[metric]}
    else:
        return None
    if comparison is not None:
        cell["difference"] = comparison.difference.to_json()
        cell["p_corrected"] = comparison.p
        if comparison.hits is not None:
            cell["mcnemar"] = vars(comparison.hits)
    return cell
