"""Joins the reports of the folds of a cross-validation."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from recweave.evaluate.metrics import parse_metric
from recweave.evaluate.report import COUNTS, Report, mean_decision, mean_roc
from recweave.evaluate.resampled import Pooled


def join_folds(reports: Sequence[Report]) -> Report:
    """One report of all folds.

    The row of a user is the mean over the folds in which they have held-out events. Metrics that
    are means over events are weighted by their number (errors of ratings by `predicted`,
    impressions by `impressions`); for the others each fold has the same weight. Counts are summed.
    Numbers of all lists or all events together are the plain mean over folds, and so are their
    resamples, which sample the same users in every fold. `spread` is the mean over folds of the
    standard deviation between seeds.
    """
    first = reports[0]
    if len(reports) == 1:
        return first
    ways = [way for way in first.slices if all(way in r.slices for r in reports)]
    return replace(
        first,
        per_user=_joined([report.per_user for report in reports], ["user"]),
        whole={key: float(np.mean([r.whole[key] for r in reports])) for key in first.whole},
        slices={way: _joined([r.slices[way] for r in reports], ["label", "user"]) for way in ways},
        not_asked=sum(report.not_asked for report in reports),
        left_out=sum(report.left_out for report in reports),
        pooled={key: Pooled.mean([r.pooled[key] for r in reports]) for key in first.pooled},
        decided_at=mean_decision(reports),
        roc=mean_roc(reports),
        spread={key: float(np.mean([r.spread[key] for r in reports])) for key in first.spread},
    )


def _joined(tables: Sequence[pl.DataFrame], key: list[str]) -> pl.DataFrame:
    """One row for each key, sorted by user within the order of the labels."""
    whole = pl.concat(tables)
    counts = [name for name in COUNTS if name in whole.columns and name not in key]
    metrics = [name for name in whole.columns if name not in (*key, *counts)]
    joined = whole.group_by(key, maintain_order=True).agg(
        *(pl.col(name).sum() for name in counts),
        *(_mean(name, whole.columns) for name in metrics),
    )
    labels = joined.select(key).with_row_index("position") if "label" in key else None
    if labels is None:
        return joined.sort("user").select(whole.columns)
    order = labels.group_by("label").agg(pl.col("position").min())
    return joined.join(order, on="label").sort("position", "user").select(whole.columns)


def _mean(name: str, columns: Sequence[str]) -> pl.Expr:
    """The weighted mean of a metric over folds, NaN left out; NaN where no fold has it."""
    measure = parse_metric(name).measure
    counted = "impressions" if "impressions" in columns else measure.weight
    value = pl.col(name).cast(pl.Float64)
    is_finite = value.is_finite()
    weight = (pl.col(counted) if counted else pl.lit(1)).cast(pl.Float64)
    weight = pl.when(is_finite).then(weight).otherwise(0.0)
    squared = value.pow(2) if measure.root else value
    mean = (pl.when(is_finite).then(squared).otherwise(0.0) * weight).sum() / weight.sum()
    return (mean.sqrt() if measure.root else mean).alias(name)
