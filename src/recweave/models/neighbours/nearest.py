"""The k largest of each row, of dense and of sparse tables; equal ones by column."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse

from recweave.core.arrays import Array, Csr

CHUNKS = 4
"""Pieces, per neighbour that is kept, into which a long row is cut to guess its bound."""


def nearest(weights: Float[Array, "rows columns"], k: int) -> Bool[Array, "rows columns"]:
    """Marks the k largest of each row, all of it where it is no longer; -inf is never marked."""
    columns = weights.shape[1]
    if k >= columns:
        return np.asarray(weights > -np.inf)
    bound = np.partition(weights, columns - k, axis=1)[:, columns - k, None]
    marked = (weights >= bound) & (weights > -np.inf)
    crowded = np.flatnonzero(marked.sum(axis=1) > k)
    if len(crowded):
        above = weights[crowded] > bound[crowded]
        tied = weights[crowded] == bound[crowded]
        room = k - above.sum(axis=1, keepdims=True)
        marked[crowded] = above | (tied & (np.cumsum(tied, axis=1) <= room))
    return np.asarray(marked)


def keep_nearest(table: Csr, k: int) -> Csr:
    """The k largest entries of each row, none that is not positive; columns sorted.

    Every entry is sorted, by column and by value; `thin` long rows first.
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
    place = before[1:] - before[table.indptr[row]]
    return _filtered(table, above | (tied & (place <= room[row])))


def thin(table: Csr, k: int) -> Csr:
    """The table with little more than the k largest entries of long rows, those surely among them.

    One pass over the entries, nothing sorted.
    """
    return _filtered(table, table.data >= np.repeat(_guess(table, k), np.diff(table.indptr)))


def _guess(table: Csr, k: int) -> Float[Array, " rows"]:
    """For each long row a number that at least k of its entries reach; for others, less than any.

    The maxima of disjoint pieces are distinct entries, so the k-th largest of them is such a
    number, and near the k-th largest of all where there are several pieces for each of the k.
    """
    pieces = CHUNKS * k
    size = np.diff(table.indptr)
    bound = np.full(table.shape[0], -np.inf, table.dtype)
    long = np.flatnonzero(size > 2 * pieces)
    if len(long):
        cuts = table.indptr[long, None] + np.arange(pieces) * size[long, None] // pieces
        # The last piece runs on into the next row, so it does not count.
        maxima = np.maximum.reduceat(table.data, cuts.ravel()).reshape(len(long), pieces)[:, :-1]
        bound[long] = np.partition(maxima, pieces - 1 - k, axis=1)[:, pieces - 1 - k]
    return bound


def _kth_largest(value: Float[Array, " n"], row: Array, places: Array) -> Float[Array, " some"]:
    """What stands at these places once the values are sorted by row, the largest first."""
    # The bits of positive float32 are ordered as their values are; inverted, largest first.
    key = row.astype(np.uint64) << 32 | ~value.view(np.uint32)
    key.sort()
    return np.asarray((~key[places].astype(np.uint32)).view(np.float32))


def _filtered(table: Csr, kept: Bool[Array, " n"]) -> Csr:
    """The entries that are marked."""
    found = np.flatnonzero(kept)
    start = np.searchsorted(found, table.indptr).astype(table.indptr.dtype)
    return sparse.csr_array((table.data[found], table.indices[found], start), shape=table.shape)
