"""The k best of each row: exact, ties to the smaller column, without sorting the rest."""

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting

BLOCK = 64
CROWD = 16
"""A row with more than this many candidates per rank has many equal scores."""
DIVERGED = (
    "the model gives NaN for a score, most likely because its training diverged; "
    "train it again with a smaller lr or more reg"
)
FEW = 8
"""Blocks are picked out one by one where they hold less than this part of the scores."""


def top_k(
    scores: Float[Array, "rows columns"], k: int
) -> tuple[Int[Array, "rows k"], Float[Array, "rows k"]]:
    """Columns and scores of each row's k largest, best first; equal scores by column number.

    Ranks without a finite score hold column -1 and score -inf. Columns at -inf are
    never given.

    The k-th largest of the blocks' maxima is a lower bound for the k-th largest score, so one pass
    over the row leaves little more than k candidates to sort, and no tie is lost.

    Raises:
        BadSetting: if a score is NaN, which cannot be ordered.
    """
    rows, columns = scores.shape
    blocks = _blocks(scores, k)
    maxima = blocks.max(axis=1)
    bound = _lower_bound(scores, maxima, min(k, columns))
    row, column = np.divmod(_reaching(scores, blocks, maxima, bound), columns)
    if len(row) > CROWD * k * rows:
        row, column = _thin(scores, k, bound, row, column)
    found = scores[row, column]
    order = np.lexsort((-found, row))  # stable: equal scores stay by column
    row, column, found = row[order], column[order], found[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    listed = rank < k
    item = np.full((rows, k), -1, np.int32)
    score = np.full((rows, k), -np.inf, np.float32)
    item[row[listed], rank[listed]] = column[listed]
    score[row[listed], rank[listed]] = found[listed]
    return item, score


def _blocks(scores: Float[Array, "rows columns"], k: int) -> Float[Array, "rows width blocks"]:
    """The columns divided into at least 4 k blocks of equal size; the remainder is left out.

    Block b is the columns b, b + blocks, b + 2 blocks, …: the fast axis stays the long one, and
    neighbours that are all good, as where rows follow popularity, are in different blocks.
    """
    rows, columns = scores.shape
    width = min(BLOCK, max(1, columns // (4 * k)))
    blocks = columns // width
    return scores[:, : blocks * width].reshape(rows, width, blocks)


def _lower_bound(
    scores: Float[Array, "rows columns"], maxima: Float[Array, "rows blocks"], k: int
) -> Float[Array, " rows"]:
    """For each row a number that at least k of its scores reach; finite."""
    if np.isnan(maxima).any() or np.isnan(scores[:, -BLOCK:]).any():
        raise BadSetting(DIVERGED)
    blocks = maxima.shape[1]
    bound = np.partition(maxima, blocks - k, axis=1)[:, blocks - k]
    return np.maximum(bound, np.finfo(scores.dtype).min)


def _reaching(
    scores: Float[Array, "rows columns"],
    blocks: Float[Array, "rows width blocks"],
    maxima: Float[Array, "rows blocks"],
    bound: Float[Array, " rows"],
) -> Int[Array, " found"]:
    """Flat indices of all scores that reach the bound, counted row by row."""
    columns = scores.shape[1]
    _, width, count = blocks.shape
    # Flat passes: NumPy finds set bits of a line about ten times faster than those of a table.
    row, block = np.divmod(np.flatnonzero(maxima >= bound[:, None]), count)
    if len(row) * width * FEW > scores.size:
        return np.flatnonzero(scores >= bound[:, None])
    good = np.flatnonzero(blocks[row, :, block] >= bound[row, None])
    one, inside = np.divmod(good, width)
    divided = width * count
    last, over = np.nonzero(scores[:, divided:] >= bound[:, None])
    within = row[one] * columns + inside * count + block[one]
    return np.sort(np.concatenate([within, last * columns + divided + over]))


def _thin(
    scores: Float[Array, "rows columns"],
    k: int,
    bound: Float[Array, " rows"],
    row: Int[Array, " found"],
    column: Int[Array, " found"],
) -> tuple[Int[Array, " fewer"], Int[Array, " fewer"]]:
    """Of many candidates at the bound itself, only the first k can be needed."""
    tied = scores[row, column] == bound[row]
    ties = np.cumsum(tied)
    first = np.searchsorted(row, np.arange(scores.shape[0]))
    before = np.concatenate([[0], ties])[first]
    needed = ~tied | (ties - before[row] <= k)
    return row[needed], column[needed]
