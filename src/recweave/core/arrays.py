"""Array types. `Float[Array, "users dim"]` says what is inside; tests check it at run time."""

import hashlib
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import sparse

Array = ndarray
Csr = sparse.csr_array[Any, tuple[int, int]]
"""A sparse matrix by rows, with column numbers sorted within a row."""


def order_by(code: Int[Array, " n"], size: int) -> Int[Array, " n"]:
    """Row numbers that sort by `code`, equal codes in the order given; O(n + size).

    A counting sort: SciPy does one when it turns (code, row) pairs into a matrix by rows, several
    times faster than NumPy's stable argsort.

    Args:
        code: Numbers from 0 to `size`, without the last.
        size: Number of possible codes.

    >>> order_by(np.array([1, 0, 1, 0]), 2).tolist()
    [1, 3, 0, 2]
    """
    n = len(code)
    pairs = (np.ones(n, bool), (code, np.arange(n)))
    return np.asarray(sparse.csr_array(pairs, shape=(size, n)).indices)


def unit_rows(
    vectors: Float[Array, "n dim"], shortest: float | Float[Array, " n"] = 0.0
) -> Float[Array, "n dim"]:
    """Each row divided by its Euclidean length, in the same precision; a new array.

    Args:
        vectors: Finite.
        shortest: Rows that are no longer than this (one number, or one for each row) become zeros,
            as their direction is rounding error; by default only rows of length 0.

    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    length = np.linalg.norm(vectors, axis=1)
    far = (length > shortest)[:, None]
    unit = np.zeros_like(vectors)
    np.divide(vectors, length[:, None], out=unit, where=far)
    return unit


def digest(*columns: Array) -> str:
    """A short hash of whole numbers, the same on every machine."""
    checksum = hashlib.sha256()
    for column in columns:
        checksum.update(np.ascontiguousarray(column, np.int64).tobytes())
    return checksum.hexdigest()[:16]
