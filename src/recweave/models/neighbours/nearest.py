"""The k largest entries of each row of a dense or sparse table; ties go by column."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse

from recweave.core.arrays import Array, Csr

CHUNKS = 4
"""A long row is cut into this many pieces per kept neighbour, to estimate its lower bound."""


def nearest(weights: Float[Array, "rows columns"], k: int) -> Bool[Array, "rows columns"]:
    """Marks the k largest entries of each row, or all of a shorter row; -inf is never marked."""
    columns = weights.shape[1]
    if k >= columns:
        return np.asarray(weights > -np.inf)
    bound = np.partition(weights, columns - k, axis=1)[:, columns - k, None]
    marked = (weights >= bound) & (weights > -np.inf)
    too_many = np.flatnonzero(marked.sum(axis=1) > k)
    if len(too_many):
        above = weights[too_many] > bound[too_many]
        tied = weights[too_many] == bound[too_many]
        room = k - above.sum(axis=1, keepdims=True)
        marked[too_many] = above | (tied & (np.cumsum(tied, axis=1) <= room))
    return np.asarray(marked)


def keep_nearest(table: Csr, k: int) -> Csr:
    """The k largest positive entries of each row; columns are sorted.

    Sorts all entries by column and by value. Apply `thin` to long rows first.
    """
    table = _filtered(table, table.data > 0)
    table.sort_indices()
    size = np.diff(table.indptr)
    row = np.repeat(np.arange(table.shape[0]), size)
    long = np.flatnonzero(size > k)
    bound = np.zeros(table.shape[0], table.dtype)
    bound[long] = _kth_largest(table.data, row, table.indptr[long] + k - 1)
    above, tied = table.data > bound[row], table.data == bound[row]
    room = k - np.bincount(row, above, minlength=table.shape[0])
    before = np.concatenate([[0], np.cumsum(tied)])
    tie_rank = before[1:] - before[table.indptr[row]]
    return _filtered(table, above | (tied & (tie_rank <= room[row])))


def thin(table: Csr, k: int) -> Csr:
    """Removes small entries of long rows; the k largest entries of each row always stay.

    One pass over the entries, without sorting.
    """
    return _filtered(table, table.data >= np.repeat(_lower_bound(table, k), np.diff(table.indptr)))


def _lower_bound(table: Csr, k: int) -> Float[Array, " rows"]:
    """A lower bound of the k-th largest entry of each long row; -inf for short rows.

    The maxima of disjoint pieces are distinct entries, so the k-th largest maximum is a lower
    bound. With several pieces per kept entry it is close to the k-th largest entry.
    """
    pieces = CHUNKS * k
    size = np.diff(table.indptr)
    bound = np.full(table.shape[0], -np.inf, table.dtype)
    long = np.flatnonzero(size > 2 * pieces)
    if len(long):
        cuts = table.indptr[long, None] + np.arange(pieces) * size[long, None] // pieces
        # The last piece extends into the next row, so it is left out.
        maxima = np.maximum.reduceat(table.data, cuts.ravel()).reshape(len(long), pieces)[:, :-1]
        bound[long] = np.partition(maxima, pieces - 1 - k, axis=1)[:, pieces - 1 - k]
    return bound


def _kth_largest(value: Float[Array, " n"], row: Array, position: Array) -> Float[Array, " k"]:
    """The values at these positions after sorting by row, then by value, the largest first."""
    # The bits of positive float32 numbers have the order of the numbers; inverted, largest first.
    key = row.astype(np.uint64) << 32 | ~value.view(np.uint32)
    key.sort()
    return np.asarray((~key[position].astype(np.uint32)).view(np.float32))


def _filtered(table: Csr, mask: Bool[Array, " n"]) -> Csr:
    """The table with only the entries where the mask is true."""
    entry = np.flatnonzero(mask)
    start = np.searchsorted(entry, table.indptr).astype(table.indptr.dtype)
    return sparse.csr_array((table.data[entry], table.indices[entry], start), shape=table.shape)
