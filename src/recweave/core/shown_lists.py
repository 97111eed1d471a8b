"""The arithmetic of lists that were shown: how well scores order what was clicked in each."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array

PerImpression = Float[Array, " impressions"]


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
            k = int(name.removeprefix("ndcg@"))
            gain = np.where(rank <= k, 1 / np.log2(rank + 1), 0.0)
            ideal = np.concatenate([[0.0], np.cumsum(gain)])[clicks.astype(np.int64)]
            values_by_name[name] = expected(gain) / ideal
    return values_by_name
