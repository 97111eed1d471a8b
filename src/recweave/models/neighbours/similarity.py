"""Similarity of rows of ratings: one block of rows against all other rows at once.

Every sum over the common columns of two rows is a sparse product of values, squares and presence;
there is no loop over pairs.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import sparse

from recweave.core.arrays import Array, Csr

Measure = Literal["cosine", "pearson"]
Missing = Literal["unknown", "zero"]

MIN_VARIANCE = 1e-12
"""A variance below this share of the sum of squares is a rounding error."""

MIN_SIMILARITY = 1e-9
"""A similarity below this is a rounding error; it must not displace a neighbour."""


class Similarity:
    """Compares rows (users over items, or items over users) with a fixed set of rows.

    With `missing` "unknown" (rigorous semantics), sums run over the columns in which both rows have
    a rating: cosine is Σxy / √(Σx² Σy²); Pearson is the same of x and y minus their means over
    those columns. With "zero" (as_written semantics), a missing rating is the rating 0: cosine and
    correlation of the whole rows. A similarity from n common columns is multiplied by
    n / (n + shrinkage). It is 0 where there is no common column or no variance.

    `Similarity(rows, …)` prepares the fixed rows. A call takes a block of rows and returns
    block by rows, float32; it needs about six float64 tables of that size.
    """

    def __init__(self, rows: Csr, measure: Measure, missing: Missing, shrinkage: float) -> None:
        self._shrinkage = shrinkage
        self._measure = measure
        self._missing = missing
        rows = _centred(rows) if missing == "unknown" and measure == "pearson" else rows
        self._value = rows.T.tocsr()
        self._square = _with(self._value, self._value.data**2)
        self._one = _with(self._value, np.ones_like(self._value.data))

    def __call__(self, block: Csr) -> Float[Array, "block rows"]:
        """The similarity of each row of the block to each of the fixed rows."""
        block = _with(block, block.data.astype(np.float64))
        n = (_with(block, np.ones_like(block.data)) @ self._one).toarray()
        similar = self._whole(block) if self._missing == "zero" else self._common(block, n)
        if self._shrinkage:
            similar *= n / (n + self._shrinkage)
        return similar.astype(np.float32)

    def _common(self, block: Csr, n: Float[Array, "block rows"]) -> Float[Array, "block rows"]:
        if self._measure == "pearson":
            block = _centred(block)
        one = _with(block, np.ones_like(block.data))
        product = (block @ self._value).toarray()
        block_squares = (_with(block, block.data**2) @ self._one).toarray()
        row_squares = (one @ self._square).toarray()
        if self._measure == "pearson":
            n = np.maximum(1, n)
            block_sum, row_sum = (block @ self._one).toarray(), (one @ self._value).toarray()
            product -= block_sum * row_sum / n
            block_squares = _variance(block_squares, block_sum**2 / n)
            row_squares = _variance(row_squares, row_sum**2 / n)
        return _ratio(product, np.sqrt(block_squares) * np.sqrt(row_squares))

    def _whole(self, block: Csr) -> Float[Array, "block rows"]:
        columns = block.shape[1]
        product = (block @ self._value).toarray()
        block_squares = _with(block, block.data**2).sum(axis=1)
        row_squares = self._square.sum(axis=0)
        if self._measure == "pearson":
            block_sum, row_sum = block.sum(axis=1), self._value.sum(axis=0)
            product -= np.outer(block_sum, row_sum / columns)
            block_squares = _variance(block_squares, block_sum**2 / columns)
            row_squares = _variance(row_squares, row_sum**2 / columns)
        return _ratio(product, np.outer(np.sqrt(block_squares), np.sqrt(row_squares)))


def _with(table: Csr, data: Float[Array, " n"]) -> Csr:
    """A table with the same positions and other values; explicit zeros stay."""
    return sparse.csr_array((data, table.indices, table.indptr), shape=table.shape)


def _centred(table: Csr) -> Csr:
    """Minus the mean of each row. A correlation stays the same, and rounding errors are smaller."""
    size = np.diff(table.indptr)
    row = np.repeat(np.arange(table.shape[0]), size)
    mean = np.bincount(row, table.data, minlength=table.shape[0]) / np.maximum(1, size)
    return _with(table, table.data - mean[row])


def _variance(squares: Array, of_mean: Array) -> Array:
    variance = squares - of_mean
    return np.where(variance > MIN_VARIANCE * squares, variance, 0)


def _ratio(numerator: Array, denominator: Array) -> Array:
    similar = np.zeros_like(numerator)
    np.divide(numerator, denominator, out=similar, where=denominator > 0)
    return np.where(np.abs(similar) > MIN_SIMILARITY, similar, 0)
