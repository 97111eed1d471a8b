"""Array types. `Float[Array, "users dim"]` says what is inside; tests check it at run time."""

import hashlib
from typing import Any

import numpy as np
from jaxtyping import Int
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


def digest(*columns: Array) -> str:
    """A short hash of whole numbers, the same on every machine."""
    told = hashlib.sha256()
    for column in columns:
        told.update(np.ascontiguousarray(column, np.int64).tobytes())
    return told.hexdigest()[:16]
