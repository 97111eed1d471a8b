"""Big symmetric matrices in float32: built from a sparse one, inverted in place."""

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg.lapack import spotrf, spotri

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting
from recweave.core.memory import require_memory

ROWS = 512
"""Rows that are made, or mirrored, at once."""


def taking_part(events: Csr, min_count: int, what: str) -> Int[Array, " kept"]:
    """The items with at least so many users, if a matrix over them fits into memory.

    Args:
        events: Users, or whatever else counts, by items.
        min_count: How many.
        what: Who asks, for messages ("EASE").

    Raises:
        BadSetting: if no item has as many.
        TooLarge: if there is no room for items² numbers.
    """
    users = np.bincount(events.indices, minlength=events.shape[1])
    kept = np.flatnonzero(users >= min_count)
    if not len(kept):
        most = users.max(initial=0)
        raise BadSetting(f"min_count is {min_count}, but no item has more than {most} users")
    require_memory(
        4 * len(kept) * (len(kept) + 3 * ROWS),
        f"{what} on {len(kept):,} items",
        "raise min_count, so that fewer items take part, or use item_knn or als",
    )
    return kept


def gram_matrix(events: Csr) -> Float[Array, "items items"]:
    """XᵀX, dense. Time goes by the sum over users of the square of their items."""
    items = events.shape[1]
    by_item = events.T.tocsr()
    made = np.empty((items, items), np.float32)
    for first in range(0, items, ROWS):
        block = slice(first, first + ROWS)
        (by_item[block] @ events).toarray(out=made[block])
    return made


def invert(matrix: Float[Array, "n n"]) -> None:
    """Put the inverse of a symmetric positive definite matrix in its place, by Cholesky.

    n³ multiplications and additions in LAPACK, and no memory to speak of.

    Args:
        matrix: Contiguous by rows, float32; only the part right of the diagonal is read.

    Raises:
        BadSetting: if the matrix is not positive definite in float32.
    """
    # LAPACK's matrices go by columns: their lower triangle is our upper one.
    factor, bad = spotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if bad:
        raise BadSetting(
            f"a Gram matrix of {len(matrix):,} rows is not positive definite (row {bad - 1}); "
            "raise reg"
        )
    spotri(factor, lower=1, overwrite_c=1)
    for first in range(0, len(matrix), ROWS):
        block = slice(first, first + ROWS)
        square = np.triu(matrix[block, block])
        matrix[block, block] = square + np.triu(square, 1).T
        matrix[block, :first] = matrix[:first, block].T
