"""Accuracy metrics of lists: one value per user, from hits and the number of relevant items.

All are in [0, 1], higher is better, and relevance is binary. A user without relevant items has NaN,
is left out of the mean and is counted separately. Short lists count as padded with misses.
"""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.lists import ndcg as ndcg
from recweave.evaluate.hits import Hits

PerUser = Float[Array, " users"]
Counts = Int[Array, " users"]


def recall(hits: Hits, relevant: Counts) -> PerUser:
    """Share of the relevant items that are in the list: hits / relevant.

    The plain form of ranx, RecBole and RecTools; it never falls as k grows. With more than k
    relevant items it cannot reach 1 (see `recall_vae`).

    >>> recall(np.array([[True, False]]), np.array([4]))
    array([0.25])
    """
    return np.asarray(hits.sum(axis=1) / _divisor(relevant))


def recall_vae(hits: Hits, relevant: Counts) -> PerUser:
    """Share of the attainable hits: hits / min(k, relevant).

    The form of Multi-VAE (Liang et al., WWW 2018), and of LLM4REC's tables; it may fall as k grows.

    >>> recall_vae(np.array([[True, False]]), np.array([4]))
    array([0.5])
    """
    return np.asarray(hits.sum(axis=1) / _divisor(np.minimum(relevant, hits.shape[1])))


def precision(hits: Hits, relevant: Counts) -> PerUser:
    """Share of the k ranks with a relevant item: hits / k, for short lists too.

    >>> precision(np.array([[True, False]]), np.array([4]))
    array([0.5])
    """
    return _known(hits.sum(axis=1) / hits.shape[1], relevant)


def hit(hits: Hits, relevant: Counts) -> PerUser:
    """1 if any relevant item is in the list, else 0; never falls as k grows.

    >>> hit(np.array([[False, True]]), np.array([4]))
    array([1.])
    """
    return _known(hits.max(axis=1), relevant)


def mrr(hits: Hits, relevant: Counts) -> PerUser:
    """Reciprocal rank of the first hit, 0 without one; never falls as k grows.

    >>> mrr(np.array([[False, True]]), np.array([4]))
    array([0.5])
    """
    first = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)
    return _known(first, relevant)


def mean_reciprocal_rank(hits: Hits, relevant: Counts) -> PerUser:
    """Mean of 1 / rank over the relevant items: MIND's MRR of an impression, not the first hit's.

    >>> mean_reciprocal_rank(np.array([[False, True, False, True]]), np.array([2]))
    array([0.375])
    """
    rank = np.arange(1, hits.shape[1] + 1)
    return np.asarray((hits / rank).sum(axis=1) / _divisor(relevant))


def average_precision(hits: Hits, relevant: Counts) -> PerUser:
    """Mean over the relevant items of the precision at their rank, 0 beyond k; its mean is MAP.

    The divisor is the number of relevant items, as in trec_eval and ranx; RecBole divides by
    min(k, relevant). It never falls as k grows.

    >>> average_precision(np.array([[True, False, True]]), np.array([4])).round(3)
    array([0.417])
    """
    so_far = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((hits * so_far).sum(axis=1) / _divisor(relevant))


ACCURACY: Mapping[str, Callable[[Hits, Counts], PerUser]] = {
    "recall": recall,
    "recall_vae": recall_vae,
    "precision": precision,
    "hit": hit,
    "mrr": mrr,
    "ndcg": ndcg,
    "map": average_precision,
}


def _divisor(count: Counts) -> PerUser:
    return np.where(count > 0, count, np.nan)


def _known(value: Array, relevant: Counts) -> PerUser:
    return np.where(relevant > 0, value, np.nan)
