"""The arithmetic of ranked lists: what a list is worth, and the best columns that may be shown."""

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.topk import top_k


def ndcg(hits: Bool[Array, "users k"], relevant: Int[Array, " users"]) -> Float[Array, " users"]:
    """Normalised discounted cumulative gain (Järvelin & Kekäläinen, TOIS 2002), binary.

    The gain of a hit at rank r is 1 / log2(r + 1). The ideal list, the divisor, has
    min(k, relevant) hits at its head, as in ranx and RecBole; RecTools fills all k ranks of it
    unless given `divide_by_achievable`. It may fall as k grows.

    A user without relevant items has no value, NaN; the caller decides whether such a user is left
    out of a mean or counts as 0.

    Args:
        hits: Whether the item at each rank is relevant; False where a list has ended.
        relevant: Number of relevant items of each user, in the list or not.

    >>> ndcg(np.array([[False, True]]), np.array([1])).round(3)
    array([0.631])
    >>> ndcg(np.array([[False, True]]), np.array([0]))
    array([nan])
    """
    k = hits.shape[1]
    gain = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(gain)])[np.minimum(relevant, k)]
    return np.asarray((hits * gain).sum(axis=1) / ideal)


def writable(scores: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
    """The scores as float32 that may be overwritten; copied only if they are not that already.

    What a model returns may be overwritten unless it is read-only (see `Model.scores`).
    """
    return np.require(scores, np.float32, "W")


def top_k_visible(
    scores: Float[Array, "rows columns"],
    hidden: tuple[Int[Array, " pairs"], Int[Array, " pairs"]] | None,
    k: int,
) -> tuple[Int[Array, "rows k"], Float[Array, "rows k"]]:
    """Columns and scores of each row's k best that are not hidden, best first.

    Ties and short lists are those of `top_k`: equal scores by column number, column -1 and score
    -inf at the end.

    Args:
        scores: Overwritten with -inf where hidden, unless they are read-only or not float32.
        hidden: Pairs (row, column) that are not shown, a pair may occur more than once; None hides
            nothing.
        k: Length of the lists; may exceed the number of columns.

    Raises:
        BadSetting: if a score is NaN.

    >>> top_k_visible(np.array([[3.0, 1.0, 2.0]]), (np.array([0]), np.array([0])), 2)[0]
    array([[2, 1]], dtype=int32)
    """
    scores = writable(scores)
    if hidden is not None:
        scores[hidden] = -np.inf
    return top_k(scores, k)


def pair_keys(row: Int[Array, "..."], item: Int[Array, "..."], items: int) -> Int[Array, "..."]:
    """One int64 for each pair: row · items + item; -1 where the item is -1, as lists end so.

    Args:
        row: Of a user or a query; broadcast against `item`.
        item: Rows of items, or -1.
        items: Size of the catalogue.

    >>> pair_keys(np.array([[0], [2]]), np.array([[3, 1], [0, -1]]), 5).tolist()
    [[3, 1], [10, -1]]
    """
    return np.where(item < 0, -1, row.astype(np.int64) * items + item)


def ndcg_of_pairs(
    listed: Int[Array, "users k"], relevant: Int[Array, " pairs"], items: int
) -> Float[Array, " users"]:
    """NDCG of each row's list; NaN for a row without relevant items (see `ndcg`).

    Args:
        listed: Keys of the pairs (row of the list, item), best first; -1 where a list has ended.
        relevant: Keys of the relevant pairs, each once.
        items: Size of the catalogue, as given to `pair_keys`.
    """
    count = np.bincount(relevant // items, minlength=len(listed))
    return ndcg(np.isin(listed, relevant), count)
