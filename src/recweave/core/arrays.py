"""Array types. `Float[Array, "users dim"]` says what is inside; tests check it at run time."""

from typing import Any

from numpy import ndarray
from scipy import sparse

Array = ndarray
Csr = sparse.csr_array[Any, tuple[int, int]]
"""A sparse matrix by rows, with column numbers sorted within a row."""
