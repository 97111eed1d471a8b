"""The result of an evaluation: values per user, means with intervals, slices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import polars as pl

from recweave.core.arrays import Array
from recweave.core.errors import BadInput
from recweave.core.tables import html_table
from recweave.evaluate.metrics import parse_metric
from recweave.evaluate.resampled import Pooled
from recweave.evaluate.statistics import Difference, Interval, intervals, paired_bootstrap
from recweave.rank.ranking import StageCost

Protocol = Literal["rigorous", "paper"]

Basis = Literal["", "probability", "rating", "score"]
"""What metrics of clicks and impressions were computed from."""

COUNTS = ("user", "relevant", "rated", "predicted", "impressions")
"""Columns of the per-user table that are not metrics."""


@dataclass(frozen=True, eq=False)
class Report:
    """The numbers of one model on one part of a split.

    Attributes:
        per_user: One row per query user: `user` (row), `relevant` (number of held-out items), each
            metric (NaN where it is not defined); `rated` and `predicted` (numbers of pairs) for
            predicted ratings; `impressions` for impressions: means over users are then weighted by
            it. The table can be written to Parquet.
        whole: Metrics that are one number for all lists or all predictions; without intervals,
            because a bootstrap over users does not estimate them (sampling users twice lowers the
            coverage of the catalogue).
        slices: For each slice, a table like `per_user` with a `label`, and only the users with
            relevant items of the label.
        protocol: "paper" repeats a publication's procedure with its flaws.
        not_asked: Number of users with relevant items but without a list; not in the table.
        pooled: Metrics of all held-out events together, with their resamples over users.
        judged_by: What metrics of clicks or impressions were computed from.
        left_out: Number of impressions that cannot be evaluated (see `evaluate_impressions`).
        decided_at: Of clicks, the least probability that was predicted positive.
        roc: Of clicks, the least false-positive rate at the true-positive rates 0, .01, …, 1.
        spread: Standard deviation of each mean between seeds, if there were several.
        costs: Cost and fallbacks of each stage for the evaluated lists.
    """

    per_user: pl.DataFrame
    whole: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    protocol: Protocol = "rigorous"
    not_asked: int = 0
    spread: Mapping[str, float] = field(default_factory=dict)
    costs: tuple[StageCost, ...] = ()
    pooled: Mapping[str, Pooled] = field(default_factory=dict)
    judged_by: Basis = ""
    left_out: int = 0
    decided_at: float | None = None
    roc: tuple[float, ...] = ()

    def __repr__(self) -> str:
        shown = {name: f"{mean.mean:.4f}" for name, mean in self.means(how="normal").items()}
        shown |= {name: f"{value:.4f}" for name, value in self.whole.items()}
        metrics = ", ".join(f"{name} {value}" for name, value in shown.items())
        return f"<Report ({self.protocol}) of {len(self.per_user):,} users: {metrics}>"

    def to_frame(self) -> pl.DataFrame:
        """One row for each metric: its mean, and the ends of its 95 % interval if it has one."""
        rows = [
            {"metric": name, "mean": value.mean, "low": value.low, "high": value.high}
            for name, value in self.means().items()
        ]
        rows += [{"metric": name, "mean": value} for name, value in self.whole.items()]
        schema = {"metric": pl.String, "mean": pl.Float64, "low": pl.Float64, "high": pl.Float64}
        return pl.DataFrame(rows, schema=schema)

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), f"{len(self.per_user):,} users, {self.protocol}")

    @property
    def without_relevant(self) -> int:
        """Number of users in the table without relevant items; the means ignore them."""
        if "relevant" not in self.per_user.columns:
            return 0
        return int((self.per_user["relevant"] == 0).sum())

    def means(
        self,
        how: Literal["bootstrap", "normal"] = "bootstrap",
        *,
        resamples: int = 2_000,
        seed: int = 0,
    ) -> dict[str, Interval]:
        """Each metric's mean over its users, with a 95 % interval (see `statistics.intervals`).

        Metrics of all events together are included, with the interval of their own resamples.
        """
        found = means(self.per_user, how, resamples=resamples, seed=seed)
        return found | {name: one.interval() for name, one in self.pooled.items()}

    def value(self, metric: str) -> float:
        """A metric's mean over users or, where it is one number for all lists, that number.

        Raises:
            KeyError: if the report does not have the metric.
        """
        return self.whole[metric] if metric in self.whole else self.means("normal")[metric].mean

    def to_json(self) -> dict[str, Any]:
        """For machines; NaN becomes null."""
        return {
            "protocol": self.protocol,
            "users": len(self.per_user),
            "without_relevant": self.without_relevant,
            "not_asked": self.not_asked,
            "judged_by": self.judged_by,
            "left_out": self.left_out,
            "decided_at": self.decided_at,
            "roc": list(self.roc) if np.isfinite(self.roc).all() else [],
            "metrics": {
                name: mean.to_json() | ({"sd": self.spread[name]} if self.spread else {})
                for name, mean in self.means().items()
            },
            "whole": {
                name: value if np.isfinite(value) else None for name, value in self.whole.items()
            },
            "slices": {way: _labels_to_json(table) for way, table in self.slices.items()},
            "stages": [cost.to_json() for cost in self.costs],
        }

    def renamed(self, prefix: str) -> "Report":
        """The report with `prefix` before the name of each metric."""

        def named(table: pl.DataFrame) -> pl.DataFrame:
            names = [name for name in table.columns if name not in (*COUNTS, "label")]
            return table.rename({n: prefix + n for n in names})

        return replace(
            self,
            per_user=named(self.per_user),
            whole={prefix + name: value for name, value in self.whole.items()},
            slices={way: named(table) for way, table in self.slices.items()},
        )

    def merge(self, other: "Report") -> "Report":
        """This report with the metrics of another report on the same users."""
        more = [name for name in other.per_user.columns if name not in self.per_user.columns]
        return replace(
            self,
            per_user=self.per_user.hstack(other.per_user.select(more)),
            whole={**self.whole, **other.whole},
            slices=dict(other.slices) | {w: _joined(t, other, w) for w, t in self.slices.items()},
            pooled={**self.pooled, **other.pooled},
        )


def _joined(table: pl.DataFrame, other: Report, way: str) -> pl.DataFrame:
    """A slice's table with the metrics that another report has of the same labels and users."""
    if way not in other.slices:
        return table
    more = other.slices[way]
    return table.hstack(more.select([name for name in more.columns if name not in table.columns]))


def means(
    per_user: pl.DataFrame,
    how: Literal["bootstrap", "normal"] = "bootstrap",
    *,
    resamples: int = 2_000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Mean and 95 % interval of each metric of a per-user table (errors of ratings: over pairs)."""
    names = [name for name in per_user.columns if name not in (*COUNTS, "label")]
    if not names:  # metrics of all lists together have no value of a user
        return {}
    value, weight, root = _table(per_user, names)
    found = intervals(value, weight, root, how=how, resamples=resamples, seed=seed)
    return dict(zip(names, found, strict=True))


def over_seeds(reports: Sequence[Report]) -> Report:
    """One report of a recipe that was fitted with several seeds.

    The values of each user are averaged over seeds, so intervals and paired differences are over
    users and include less of the randomness of training; `spread` measures that randomness. Numbers
    of all lists are averaged.

    Raises:
        BadInput: if the reports are of different users.
    """
    first = reports[0]
    if len(reports) == 1:
        return first
    for other in reports[1:]:
        _same_users(first.per_user, other.per_user)
    single = [report.means("normal") for report in reports]
    spread = {name: float(np.std([m[name].mean for m in single], ddof=1)) for name in single[0]}
    return replace(
        first,
        per_user=_averaged([report.per_user for report in reports]),
        whole={key: float(np.mean([r.whole[key] for r in reports])) for key in first.whole},
        slices={way: _averaged([r.slices[way] for r in reports]) for way in first.slices},
        pooled={key: Pooled.mean([r.pooled[key] for r in reports]) for key in first.pooled},
        spread=spread,
        decided_at=mean_decision(reports),
        roc=mean_roc(reports),
    )


def mean_decision(reports: Sequence[Report]) -> float | None:
    """The mean of the thresholds of several seeds or folds; None where there are none."""
    found = [report.decided_at for report in reports if report.decided_at is not None]
    return float(np.mean(found)) if found else None


def mean_roc(reports: Sequence[Report]) -> tuple[float, ...]:
    """The mean of the curves of several seeds or folds, at each true-positive rate."""
    curves = [report.roc for report in reports if report.roc]
    return tuple(np.mean(curves, axis=0).tolist()) if curves else ()


def differences(
    ours: pl.DataFrame,
    theirs: pl.DataFrame,
    metrics: Sequence[str],
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Differences of two per-user tables, ours minus theirs (see `statistics.paired_bootstrap`).

    Raises:
        BadInput: if they are not of the same users in the same order.
    """
    _same_users(ours, theirs)
    value, weight, root = _table(ours, metrics)
    found = paired_bootstrap(
        (value, weight), _table(theirs, metrics)[:2], root, resamples=resamples, seed=seed
    )
    return dict(zip(metrics, found, strict=True))


def report_differences(
    ours: Report, theirs: Report, metrics: Sequence[str]
) -> dict[str, Difference]:
    """The differences of two reports, ours minus theirs; pooled metrics by their resamples.

    Raises:
        BadInput: if they are not of the same users in the same order.
    """
    per_user = [m for m in metrics if m not in ours.pooled]
    found = differences(ours.per_user, theirs.per_user, per_user) if per_user else {}
    both = [m for m in metrics if m in ours.pooled and m in theirs.pooled]
    return found | {m: ours.pooled[m].minus(theirs.pooled[m]) for m in both}


def _same_users(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    if not ours["user"].equals(theirs["user"]):
        raise BadInput(
            f"the tables are of different users ({len(ours):,} and {len(theirs):,} rows); "
            "evaluate both on the same part of the same split"
        )


def _averaged(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    names = [name for name in tables[0].columns if name not in ("user", "relevant", "label")]
    mean = {name: np.mean([t[name].to_numpy() for t in tables], axis=0) for name in names}
    return tables[0].with_columns(**{name: pl.Series(value) for name, value in mean.items()})


def _table(per_user: pl.DataFrame, names: Sequence[str]) -> tuple[Array, Array, Array]:
    """Values, weights (0 where not defined), and which are roots of a mean square."""
    measures = [parse_metric(name).measure for name in names]
    value = per_user.select(names).to_numpy().astype(np.float64)
    weight = np.ones_like(value)
    for column, measure in enumerate(measures):
        counted = "impressions" if "impressions" in per_user.columns else measure.weight
        if counted is not None:
            weight[:, column] = per_user[counted].to_numpy()
    return value, np.where(np.isfinite(value), weight, 0.0), np.array([m.root for m in measures])


def _labels_to_json(table: pl.DataFrame) -> dict[str, Any]:
    return {
        str(label): {"users": len(part), "relevant": int(part["relevant"].sum())}
        | {name: mean.to_json() for name, mean in means(part).items()}
        for (label,), part in table.group_by("label", maintain_order=True)
    }
