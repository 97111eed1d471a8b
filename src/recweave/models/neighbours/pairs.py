"""The nearest documents of each document, by blocks of a sparse product."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.memory import require_memory
from recweave.models.neighbours.nearest import keep_nearest, thin
from recweave.parallel import Pool, Serial

BLOCK = 2_000_000
"""Products of two entries in one block: about 60 MB at its peak."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Finds the documents most similar to others, by the inner product of their weights.

    Attributes:
        terms: Terms by documents: the transpose of the weighted documents.
        k: Neighbours of each.
        shrinkage: A similarity that rests on n common terms is multiplied by n / (n + shrinkage).
    """

    terms: Csr
    k: int
    shrinkage: float = 0.0

    def nearest(
        self,
        asked: Csr,
        own: Int[Array, " asked"],
        pool: Pool = Serial(),  # noqa: B008 - a frozen value without state
    ) -> Csr:
        """Asked by documents: the k largest similarities of each row, if positive.

        Equal ones are taken in the order of documents. The cost is that of the sparse product, the
        sum over terms of (asked that have it) · (documents that have it).

        Args:
            asked: Weighted documents, known ones or new.
            own: Which document each is itself, so that it is not its own neighbour; -1 for none.
            pool: Where blocks of rows are worked on.
        """
        documents = self.terms.shape[1]
        require_memory(
            12 * asked.shape[0] * min(self.k, documents),
            f"keeping {self.k:,} neighbours for each of {asked.shape[0]:,}",
            "ask for a smaller k",
        )
        cuts = _cuts(asked, np.diff(self.terms.indptr))
        blocks = ((asked[a:b], own[a:b]) for a, b in pairwise(cuts))
        made = list(pool.map(self._block, blocks))
        return sparse.csr_array(sparse.vstack(made, format="csr"))

    def _block(self, block: tuple[Csr, Array]) -> Csr:
        asked, own = block
        similar = asked @ self.terms
        if self.shrinkage:
            # A product's order of entries follows from the places alone, so these two agree.
            common = (_ones(asked) @ _ones(self.terms)).data
            similar.data *= common / (common + np.float32(self.shrinkage))
        similar = thin(similar, self.k + 1)  # the document itself may be among them
        similar.data[similar.indices == np.repeat(own, np.diff(similar.indptr))] = 0
        return keep_nearest(similar, self.k)


def _ones(table: Csr) -> Csr:
    parts = (np.ones_like(table.data), table.indices, table.indptr)
    return sparse.csr_array(parts, shape=table.shape)


def _cuts(asked: Csr, having: Int[Array, " terms"]) -> Int[Array, " cuts"]:
    """Row numbers that cut the table into blocks of about equal work."""
    work = np.concatenate([[0], np.cumsum(having[asked.indices])])[asked.indptr]
    full = np.searchsorted(work, np.arange(BLOCK, work[-1], BLOCK))
    rows = asked.shape[0]
    return np.concatenate([[0], np.unique(full[full < rows]), [rows]])
