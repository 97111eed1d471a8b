"""Ridge regression of each row of a sparse matrix on the same vectors: the step of ALS."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.parallel import Pool, Serial

CELLS = 2**18
"""Numbers that one block of rows gathers: about the size of the processor caches."""

SLACK = 8
"""Rows are solved together if their lengths differ by less than 1 / SLACK."""


@dataclass(frozen=True, eq=False)
class Ridge:
    """Vectors v prepared for solving x = (G + reg I + Σ c v vᵀ)⁻¹ Σ p v for many sets of them.

    In the eigenvectors' basis of G, scaled by (eigenvalue + reg)^-½, the matrix is I + Σ c v vᵀ,
    so a set of n vectors needs a system of only min(n, dim) equations (of n by the push-through
    identity). A solution costs O(n · dim · min(n, dim)), is exact and takes no iterations.

    Attributes:
        rotated: The vectors in that basis, not yet scaled; the last one is zero.
        value, basis: Eigenvalues and eigenvectors of G.
    """

    rotated: Float[Array, "columns_and_one dim"]
    value: Float[Array, " dim"]
    basis: Float[Array, "dim dim"]

    @classmethod
    def of(cls, vectors: Float[Array, "columns dim"], *, implicit: bool = False) -> "Ridge":
        """Prepare vectors; G is their Gram matrix if `implicit` (implicit feedback), else 0."""
        dim = vectors.shape[1]
        value, basis = np.zeros(dim, np.float32), np.eye(dim, dtype=np.float32)
        if implicit:
            eigen = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
            value = np.maximum(eigen.eigenvalues, 0).astype(np.float32)
            basis = eigen.eigenvectors.astype(np.float32)
        rotated = np.zeros((len(vectors) + 1, dim), np.float32)
        np.matmul(vectors, basis, out=rotated[:-1])
        return cls(rotated, value, basis)

    def solve(
        self,
        target: Csr,
        confidence: Float[Array, " entries"],
        reg: Float[Array, " rows"],
        pool: Pool = Serial(),  # noqa: B008 - a frozen value without state
    ) -> Float[Array, "rows dim"]:
        """x for each row; zero for a row without entries.

        Args:
            target: p of each entry, v being the vector of its column.
            confidence: c of each entry, in the order of `target.data`; not negative.
            reg: Penalty of each row, positive.
            pool: Solves blocks of rows; with threads, limit BLAS to one thread each.
        """
        dim = len(self.value)
        solved = np.zeros((len(reg), dim), np.float32)
        blocks = list(_blocks(np.diff(target.indptr), dim))
        solve = partial(_solve_block, ridge=self, target=target, confidence=confidence, reg=reg)
        for rows, x in zip(blocks, pool.map(solve, blocks), strict=True):
            solved[rows] = x
        return np.asarray(solved @ self.basis.T)

    def fold_in(
        self,
        event_weight: Csr,
        weight: float,
        reg: float,
        pool: Pool = Serial(),  # noqa: B008
    ) -> Float[Array, "rows dim"]:
        """The vectors that best predict the events of each row (Hu et al. 2008, equation 4).

        Needs `implicit`, so that a pair without an event counts as a 0. An event of weight s counts
        as s times a 1 with confidence 1 + weight; s = ½ is half-way to no event.
        """
        target = sparse.csr_array(
            ((1 + weight) * event_weight.data, event_weight.indices, event_weight.indptr),
            event_weight.shape,
        )
        rows = np.full(event_weight.shape[0], reg, np.float32)
        return self.solve(target, weight * event_weight.data, rows, pool)


def _solve_block(
    rows: Int[Array, " block"],
    *,
    ridge: Ridge,
    target: Csr,
    confidence: Float[Array, " entries"],
    reg: Float[Array, " rows"],
) -> Float[Array, "block dim"]:
    """Solutions of rows of similar length, in the basis of the eigenvectors."""
    scale = 1 / np.sqrt(ridge.value + reg[rows, None], dtype=np.float32)
    lengths = target.indptr[rows + 1] - target.indptr[rows]
    position = np.arange(lengths[0])
    filled = position < lengths[:, None]
    entry = np.where(filled, target.indptr[rows, None] + position, 0)
    v = ridge.rotated[np.where(filled, target.indices[entry], -1)]
    v *= scale[:, None]
    c, p = confidence[entry, None], np.where(filled, target.data[entry], 0)[..., None]
    v_t = v.swapaxes(1, 2)
    if len(position) < len(ridge.value):
        x = v_t @ np.linalg.solve(_plus_one(c * (v @ v_t)), p)
    else:
        x = np.linalg.solve(_plus_one(v_t @ (c * v)), v_t @ p)
    return np.asarray(x[..., 0] * scale)


def _blocks(lengths: Int[Array, " rows"], dim: int) -> Iterator[Int[Array, " block"]]:
    """Rows that have entries, in blocks of nearly equal length, the longest row first."""
    order = np.argsort(-lengths, kind="stable")
    sorted_lengths = lengths[order]
    first, end = 0, int(np.count_nonzero(lengths))
    while first < end:
        longest = int(sorted_lengths[first])
        fits = first + CELLS // (longest * dim + min(longest, dim) ** 2)
        similar = int(np.searchsorted(-sorted_lengths, longest // SLACK - longest, side="right"))
        last = max(first + 1, min(fits, similar))
        yield order[first:last]
        first = last


def _plus_one(square: Float[Array, "block n n"]) -> Float[Array, "block n n"]:
    """The matrices with 1 added to their diagonals, in place."""
    n = square.shape[1]
    square[:, np.arange(n), np.arange(n)] += 1
    return square
