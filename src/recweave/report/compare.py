"""Rows of one or more runs side by side, with corrected significance against a baseline."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.tables import html_table
from recweave.runs.summary import Comparison, Row, Summary, against, read_run

SAME = ("fingerprint", "split", "users", "items", "test", "held_out")
"""What `about` of the data must agree in. `held_out` is a hash of the test events: the same random
split with another seed holds out other events."""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows that may be compared: same data, same split, same held-out events."""

    data: dict[str, Any]
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    baseline: Row
    comparisons: tuple[Comparison, ...]

    def find(self, row: str, metric: str) -> Comparison | None:
        """How a row differs from the baseline; None for the baseline itself."""
        found = [c for c in self.comparisons if c.row == row and c.metric == metric]
        return found[0] if found else None

    def to_frame(self) -> pl.DataFrame:
        """A line for each row and metric, with the difference from the baseline where there is one.

        Columns: row, metric, mean, low, high, difference, p (corrected by Holm), fit_seconds.
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
                    }
                )
        return pl.DataFrame(lines, infer_schema_length=None)

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
                    "metrics": {m: _cell(row, m, self.find(row.name, m)) for m in self.metrics},
                }
                for row in self.rows
            ],
        }


def compare(paths: Sequence[Path | str], baseline: str = "") -> Table:
    """Put runs beside each other.

    Args:
        paths: Run folders.
        baseline: The row that the others are compared with; else the first run's own.

    Raises:
        BadSetting: if the runs differ in data, split or held-out events.
        UnknownName: if no row is called `baseline`.
    """
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
    rows = _told_apart(runs)
    shared = [m for m in first.experiment.metrics if all(m in r.experiment.metrics for r in runs)]
    return tabulate(rows, shared, baseline or first.compared_with(), first.data)


def table_of(run: Summary) -> Table:
    """One run's own table."""
    experiment = run.experiment
    return tabulate(run.rows, experiment.metrics, run.compared_with(), run.data)


def tabulate(rows: Sequence[Row], metrics: Sequence[str], baseline: str, data: Any) -> Table:
    """Rows against one of them."""
    by_name = {row.name: row for row in rows}
    if baseline not in by_name:
        raise UnknownName("row", baseline, by_name)
    base = by_name[baseline]
    found = against(rows, base, metrics)
    return Table(dict(data), tuple(metrics), tuple(rows), base, tuple(found))


def _told_apart(runs: Sequence[Summary]) -> list[Row]:
    """All rows; where two runs have one of the same name, with the run's folder before it."""
    names = Counter(row.name for run in runs for row in run.rows)
    return [
        replace(row, name=f"{run.path.name}/{row.name}") if names[row.name] > 1 else row
        for run in runs
        for row in run.rows
    ]


def _cell(row: Row, metric: str, comparison: Comparison | None) -> dict[str, Any] | None:
    if metric in row.means:
        told: dict[str, Any] = {**row.means[metric].to_json()}
    elif metric in row.report.whole:
        told = {"mean": row.report.whole[metric]}
    else:
        return None
    if comparison is not None:
        told["difference"] = comparison.difference.to_json()
        told["p_corrected"] = comparison.p
    return told
