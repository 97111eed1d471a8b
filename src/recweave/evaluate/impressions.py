"""Impressions as they were shown, ranked by a model: a value for each, then means over users."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput, BadSetting
from recweave.data.impressions import Impressions
from recweave.data.interactions import Histories, Interactions
from recweave.evaluate.asking import score_candidates
from recweave.evaluate.metrics import parse_metric
from recweave.evaluate.report import Protocol, Report
from recweave.models import Model, Query

Judged = Float[Array, " impressions"]


def evaluate_impressions(
    model: Model,
    impressions: Impressions,
    known: Interactions,
    metrics: Sequence[str],
    *,
    protocol: Protocol = "rigorous",
) -> Report:
    """Judge how a model ranks what each impression showed.

    A model is asked at the time of the impression, with its history or, where it has none, with
    the user's known events before that time. Means are over impressions; their intervals are over
    users, all impressions of one drawn together. Impressions without a click, with everything
    clicked, or of which the clicks are not known say nothing about an order and are left out;
    `left_out` of the report counts them.

    Args:
        model: Trained on what comes before these impressions.
        impressions: The held-out ones.
        known: Events that histories may be taken from.
        metrics: "auc", "mrr", "ndcg@k"; see `impression_values`.
        protocol: What the report says of the procedure.

    Raises:
        BadSetting: for another metric.
        BadInput: if no impression is left.
    """
    asked = [parse_metric(name) for name in metrics]
    for metric in asked:
        if not metric.of_impressions:
            raise BadSetting(f"'{metric.name}' is not of impressions; ask for auc, mrr, ndcg@10, …")
    clicks = np.bincount(
        impressions.row_numbers(), weights=impressions.clicked, minlength=len(impressions)
    )
    telling = (clicks > 0) & (clicks < impressions.lengths)
    if impressions.labelled is not None:
        telling &= impressions.labelled
    if not telling.any():
        raise BadInput(
            f"none of {len(impressions):,} held-out impressions has both a click and an item that "
            "was not clicked, so there is nothing to judge by"
        )
    judged = impressions[telling]
    score = score_candidates(model, _query(judged, known), judged.start, judged.item)
    names = [metric.name for metric in asked]
    values = impression_values(names, judged.start, judged.clicked, score)
    user, row = np.unique(judged.user, return_inverse=True)
    row = row.reshape(-1)
    count = np.bincount(row)
    columns = {name: np.bincount(row, weights=values[name]) / count for name in names}
    return Report(
        pl.DataFrame({"user": user, "impressions": count} | columns),
        protocol=protocol,
        judged_by="score",
        left_out=int((~telling).sum()),
    )


def _query(judged: Impressions, known: Interactions) -> Query:
    """One for each impression, at its time, with its history or the user's events before it."""
    own = judged.history
    lacking = np.flatnonzero(own.lengths == 0)
    of_log = Histories.of(known, judged.user[lacking])
    if known.clock == judged.clock:  # else their times cannot be compared
        of_log = of_log.only(of_log.time < np.repeat(judged.time[lacking], of_log.lengths))
    both = own.join(of_log)
    row = np.arange(len(judged))
    row[lacking] = len(judged) + np.arange(len(lacking))
    return Query(judged.user, both.rows(row), judged.time)


def impression_values(
    names: Sequence[str],
    start: Int[Array, " n_and_one"],
    clicked: Bool[Array, " shown"],
    score: Float[Array, " shown"],
) -> dict[str, Judged]:
    """Each metric of each impression; all are in [0, 1], higher is better.

    auc: chance that a clicked item is scored above another one. mrr: mean of 1 / rank over the
    clicked items (MIND's form, not the first hit's). ndcg@k: Σ 1 / log2(rank + 1) over the clicked
    items up to rank k, divided by that of an ideal order.

    Equal scores count by expectation: each metric is the mean over all orders of the tied items,
    which for auc is a half. So the order in which items were shown is no matter.

    Args:
        names: Of metrics.
        start: Impression r's items are `start[r]` to `start[r + 1]`, without the last. Each has a
            clicked item and another one.
        clicked: Whether each item was clicked.
        score: The model's scores.
    """
    size = np.diff(start)
    row = np.repeat(np.arange(len(size)), size)
    order = np.lexsort((-score, row))  # rows keep their places
    yes, ranked = clicked[order], score[order]
    begins = np.ones(len(row), bool)
    begins[1:] = (row[1:] != row[:-1]) | (ranked[1:] != ranked[:-1])
    tie = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)  # of each group of equal scores
    tied = np.diff(first, append=len(row))
    best = first - start[row[first]]  # the best rank of each group, from 0
    clicks = np.bincount(row, weights=yes, minlength=len(size))
    widest = int(size.max(initial=0))

    def expected(gain: Float[Array, " ranks"]) -> Judged:
        """Σ over clicked items of the mean gain over the ranks of their tie."""
        total = np.concatenate([[0.0], np.cumsum(gain)])
        mean = (total[best + tied] - total[best]) / tied
        return np.bincount(row, weights=yes * mean[tie], minlength=len(size))

    rank = np.arange(1, widest + 1)
    found: dict[str, Judged] = {}
    for name in names:
        if name == "auc":
            # Σ ranks of the clicked items, ties by their mean, as in the Mann-Whitney statistic.
            behind = clicks * size - expected(rank.astype(np.float64)) + clicks
            found[name] = (behind - clicks * (clicks + 1) / 2) / (clicks * (size - clicks))
        elif name == "mrr":
            found[name] = expected(1 / rank) / clicks
        else:
            k = parse_metric(name).k or widest
            gain = np.where(rank <= k, 1 / np.log2(rank + 1), 0.0)
            ideal = np.concatenate([[0.0], np.cumsum(gain)])[clicks.astype(np.int64)]
            found[name] = expected(gain) / ideal
    return found
