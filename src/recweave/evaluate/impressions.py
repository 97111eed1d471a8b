"""Evaluation on impressions (shown items with clicks): a value for each, then means over users."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput, BadSetting
from recweave.data.impressions import Impressions
from recweave.data.interactions import Histories, Interactions
from recweave.evaluate.candidates import score_candidates
from recweave.evaluate.metrics import parse_metric
from recweave.evaluate.report import Protocol, Report
from recweave.models import Model, Query

PerImpression = Float[Array, " impressions"]


def evaluate_impressions(
    model: Model,
    impressions: Impressions,
    known: Interactions,
    metrics: Sequence[str],
    *,
    protocol: Protocol = "rigorous",
) -> Report:
    """Evaluate how a model ranks the items of each impression.

    The query is at the time of the impression, with its history or, if it has none, with the user's
    known events before that time. Means are over impressions; intervals are over users (all
    impressions of a user stay together). Impressions without a click, with all items clicked, or
    with unknown clicks cannot be evaluated and are left out; `left_out` of the report counts them.

    Args:
        model: Trained on what comes before these impressions.
        impressions: The held-out ones.
        known: Events that histories are taken from.
        metrics: "auc", "mrr", "ndcg@k"; see `impression_values`.
        protocol: Name of the procedure, for the report.

    Raises:
        BadSetting: for another metric.
        BadInput: if no impression is left.
    """
    requested = [parse_metric(name) for name in metrics]
    for metric in requested:
        if not metric.of_impressions:
            raise BadSetting(f"'{metric.name}' is not of impressions; choose auc, mrr, ndcg@10, …")
    clicks = np.bincount(
        impressions.row_numbers(), weights=impressions.clicked, minlength=len(impressions)
    )
    usable = (clicks > 0) & (clicks < impressions.lengths)
    if impressions.labelled is not None:
        usable &= impressions.labelled
    if not usable.any():
        raise BadInput(
            f"none of {len(impressions):,} held-out impressions has both a click and an item that "
            "was not clicked, so there is nothing to evaluate"
        )
    evaluated = impressions[usable]
    score = score_candidates(model, _query(evaluated, known), evaluated.start, evaluated.item)
    names = [metric.name for metric in requested]
    values = impression_values(names, evaluated.start, evaluated.clicked, score)
    user, row = np.unique(evaluated.user, return_inverse=True)
    row = row.reshape(-1)
    count = np.bincount(row)
    columns = {name: np.bincount(row, weights=values[name]) / count for name in names}
    return Report(
        pl.DataFrame({"user": user, "impressions": count} | columns),
        protocol=protocol,
        judged_by="score",
        left_out=int((~usable).sum()),
    )


def _query(evaluated: Impressions, known: Interactions) -> Query:
    """A query for each impression, at its time, with its history or the user's events before it."""
    own = evaluated.history
    without_history = np.flatnonzero(own.lengths == 0)
    of_log = Histories.of(known, evaluated.user[without_history])
    if known.clock == evaluated.clock:  # otherwise their times cannot be compared
        of_log = of_log.only(
            of_log.time < np.repeat(evaluated.time[without_history], of_log.lengths)
        )
    both = own.join(of_log)
    row = np.arange(len(evaluated))
    row[without_history] = len(evaluated) + np.arange(len(without_history))
    return Query(evaluated.user, both.rows(row), evaluated.time)


def impression_values(
    names: Sequence[str],
    start: Int[Array, " n_and_one"],
    clicked: Bool[Array, " shown"],
    score: Float[Array, " shown"],
) -> dict[str, PerImpression]:
    """Each metric of each impression; all are in [0, 1], higher is better.

    auc: probability that a clicked item scores above one that was not clicked.
    mrr: mean of 1 / rank over the clicked items (MIND's form, not the first hit's).
    ndcg@k: Σ 1 / log2(rank + 1) over the clicked
    items up to rank k, divided by that of an ideal order.

    Ties count by expectation: each metric is the mean over all orders of the tied items; for auc a
    tie counts half. So the order in which items were shown does not matter.

    Args:
        names: Names of metrics.
        start: The items of impression r are `start[r]` to `start[r + 1] - 1`. Each impression has a
            clicked item and one that was not clicked.
        clicked: Whether each item was clicked.
        score: The model's scores.
    """
    size = np.diff(start)
    row = np.repeat(np.arange(len(size)), size)
    order = np.lexsort((-score, row))  # rows stay together
    is_clicked, ranked = clicked[order], score[order]
    is_first = np.ones(len(row), bool)
    is_first[1:] = (row[1:] != row[:-1]) | (ranked[1:] != ranked[:-1])
    tie = np.cumsum(is_first) - 1
    first = np.flatnonzero(is_first)  # of each group of equal scores
    tied = np.diff(first, append=len(row))
    best = first - start[row[first]]  # the best rank of each group, from 0
    clicks = np.bincount(row, weights=is_clicked, minlength=len(size))
    widest = int(size.max(initial=0))

    def expected(gain: Float[Array, " ranks"]) -> PerImpression:
        """Σ over clicked items of the mean gain over the ranks of their tie."""
        total = np.concatenate([[0.0], np.cumsum(gain)])
        mean = (total[best + tied] - total[best]) / tied
        return np.bincount(row, weights=is_clicked * mean[tie], minlength=len(size))

    rank = np.arange(1, widest + 1)
    values_by_name: dict[str, PerImpression] = {}
    for name in names:
        if name == "auc":
            # Σ ranks of the clicked items, ties by their mean, as in the Mann-Whitney statistic.
            behind = clicks * size - expected(rank.astype(np.float64)) + clicks
            values_by_name[name] = (behind - clicks * (clicks + 1) / 2) / (clicks * (size - clicks))
        elif name == "mrr":
            values_by_name[name] = expected(1 / rank) / clicks
        else:
            k = parse_metric(name).k or widest
            gain = np.where(rank <= k, 1 / np.log2(rank + 1), 0.0)
            ideal = np.concatenate([[0.0], np.cumsum(gain)])[clicks.astype(np.int64)]
            values_by_name[name] = expected(gain) / ideal
    return values_by_name
