"""How alike two lines of ratings are, for one block of lines against all others at once.

Every sum over what two lines have in common is a sparse product of values, squares and presence;
no pair is looked at by itself.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import sparse

from recweave.core.arrays import Array, Csr

Measure = Literal["cosine", "pearson"]
Missing = Literal["unknown", "zero"]

NOTHING = 1e-12
"""A variance below this share of the sum of squares is rounding, not variance."""

FAINT = 1e-9
"""A likeness below this is rounding; it must not take a neighbour's place."""


class Similarity:
    """Compares lines (users over items, or items over users) with a fixed set of lines.

    With `missing` "unknown", sums run over the places that both lines have:
    cosine is Σxy / √(Σx² Σy²), Pearson the same of x and y less their means over those
    places. With "zero", an absent rating is the rating 0 (as written): plain cosine and
    correlation of the whole lines. A likeness that rests on n common places is multiplied by
    n / (n + shrinkage). It is 0 where there is nothing in common or no variance.

    `Similarity(lines, …)` prepares the fixed lines; calling it takes a block of lines and gives
    block by lines, float32. A call holds about six float64 tables of that size.
    """

    def __init__(self, lines: Csr, measure: Measure, missing: Missing, shrinkage: float) -> None:
        self._shrinkage = shrinkage
        self._measure = measure
        self._missing = missing
        lines = _centred(lines) if missing == "unknown" and measure == "pearson" else lines
        self._value = lines.T.tocsr()
        self._square = _with(self._value, self._value.data**2)
        self._one = _with(self._value, np.ones_like(self._value.data))

    def __call__(self, block: Csr) -> Float[Array, "block lines"]:
        """The likeness of each line of the block to each of the fixed lines."""
        block = _with(block, block.data.astype(np.float64))
        n = (_with(block, np.ones_like(block.data)) @ self._one).toarray()
        made = self._whole(block) if self._missing == "zero" else self._common(block, n)
        if self._shrinkage:
            made *= n / (n + self._shrinkage)
        return made.astype(np.float32)

    def _common(self, block: Csr, n: Float[Array, "block lines"]) -> Float[Array, "block lines"]:
        if self._measure == "pearson":
            block = _centred(block)
        one = _with(block, np.ones_like(block.data))
        product = (block @ self._value).toarray()
        ours = (_with(block, block.data**2) @ self._one).toarray()
        theirs = (one @ self._square).toarray()
        if self._measure == "pearson":
            n = np.maximum(1, n)
            our_sum, their_sum = (block @ self._one).toarray(), (one @ self._value).toarray()
            product -= our_sum * their_sum / n
            ours = _variance(ours, our_sum**2 / n)
            theirs = _variance(theirs, their_sum**2 / n)
        return _ratio(product, np.sqrt(ours) * np.sqrt(theirs))

    def _whole(self, block: Csr) -> Float[Array, "block lines"]:
        places = block.shape[1]
        product = (block @ self._value).toarray()
        ours = _with(block, block.data**2).sum(axis=1)
        theirs = self._square.sum(axis=0)
        if self._measure == "pearson":
            our_sum, their_sum = block.sum(axis=1), self._value.sum(axis=0)
            product -= np.outer(our_sum, their_sum / places)
            ours = _variance(ours, our_sum**2 / places)
            theirs = _variance(theirs, their_sum**2 / places)
        return _ratio(product, np.outer(np.sqrt(ours), np.sqrt(theirs)))


def _with(table: Csr, data: Float[Array, " n"]) -> Csr:
    """A table with the same places and other values; explicit zeros stay."""
    return sparse.csr_array((data, table.indices, table.indptr), shape=table.shape)


def _centred(table: Csr) -> Csr:
    """Less each line's mean: it does not change a correlation, and small numbers round better."""
    size = np.diff(table.indptr)
    row = np.repeat(np.arange(table.shape[0]), size)
    mean = np.bincount(row, table.data, minlength=table.shape[0]) / np.maximum(1, size)
    return _with(table, table.data - mean[row])


def _variance(squares: Array, of_mean: Array) -> Array:
    left = squares - of_mean
    return np.where(left > NOTHING * squares, left, 0)


def _ratio(above: Array, below: Array) -> Array:
    made = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return np.where(np.abs(made) > FAINT, made, 0)
