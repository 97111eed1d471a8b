"""Gram matrices in float32: computed from a sparse matrix, inverted in place."""

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg.lapack import spotrf, spotri

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting
from recweave.core.memory import require_memory

ROWS = 512
"""Rows that are computed, or mirrored, at a time."""


def select_items(events: Csr, min_count: int, model: str) -> Int[Array, " kept"]:
    """The items with at least `min_count` users, if a matrix over them fits into memory.

    Args:
        events: Users (or sequences) by items.
        min_count: Least number of users of an item.
        model: Name of the model, for messages ("EASE").

    Raises:
        BadSetting: if no item has that many users.
        TooLarge: if items² numbers do not fit into memory.
    """
    users = np.bincount(events.indices, minlength=events.shape[1])
    kept = np.flatnonzero(users >= min_count)
    if not len(kept):
        most = users.max(initial=0)
        raise BadSetting(f"min_count is {min_count}, but no item has more than {most} users")
    require_memory(
        4 * len(kept) * (len(kept) + 3 * ROWS),
        f"{model} on {len(kept):,} items",
        "raise min_count, so that fewer items get weights, or use item_knn or als",
    )
    return kept


def gram_matrix(events: Csr) -> Float[Array, "items items"]:
    """XᵀX, dense. The time is the sum over users of the square of their number of items."""
    items = events.shape[1]
    by_item = events.T.tocsr()
    gram = np.empty((items, items), np.float32)
    for first in range(0, items, ROWS):
        block = slice(first, first + ROWS)
        (by_item[block] @ events).toarray(out=gram[block])
    return gram


def invert(matrix: Float[Array, "n n"]) -> None:
    """Replace a symmetric positive definite matrix by its inverse, by Cholesky.

    Takes n³ multiplications and additions in LAPACK, and hardly any memory.

    Args:
        matrix: Row-major, float32; only the upper triangle is read.

    Raises:
        BadSetting: if the matrix is not positive definite in float32.
    """
    # LAPACK is column-major: its lower triangle is our upper triangle.
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
