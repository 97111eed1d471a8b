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
"""Products of two entries that one block computes: about 60 MB at its peak."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Finds the documents most similar to others, by the inner product of their weights.

    Attributes:
        terms: Terms by documents: the transpose of the weighted documents.
        k: Number of neighbours of each document.
        shrinkage: A similarity that rests on n common terms is multiplied by n / (n + shrinkage).
    """

    terms: Csr
    k: int
    shrinkage: float = 0.0

    def nearest(
        self,
        queries: Csr,
        own: Int[Array, " queries"],
        pool: Pool = Serial(),  # noqa: B008 - a frozen value without state
    ) -> Csr:
        """The k largest positive similarities of each query document, queries by documents.

        Ties go by the order of documents. The cost is that of the sparse product: the sum over
        terms of (queries that have the term) · (documents that have it).

        Args:
            queries: Weighted documents, known or new.
            own: Row of the document that each query is itself, so that it is not its own neighbour;
                -1 for none.
            pool: Computes the blocks of rows.
        """
        documents = self.terms.shape[1]
        require_memory(
            12 * queries.shape[0] * min(self.k, documents),
            f"keeping {self.k:,} neighbours for each of {queries.shape[0]:,}",
            "choose a smaller k",
        )
        cuts = _cuts(queries, np.diff(self.terms.indptr))
        blocks = ((queries[a:b], own[a:b]) for a, b in pairwise(cuts))
        parts = list(pool.map(self._block, blocks))
        return sparse.csr_array(sparse.vstack(parts, format="csr"))

    def _block(self, block: tuple[Csr, Array]) -> Csr:
        queries, own = block
        similar = queries @ self.terms
        if self.shrinkage:
            # The order of a product's entries depends on their positions alone, so these two agree.
            common = (_ones(queries) @ _ones(self.terms)).data
            similar.data *= common / (common + np.float32(self.shrinkage))
        similar = thin(similar, self.k + 1)  # the document itself may be among them
        similar.data[similar.indices == np.repeat(own, np.diff(similar.indptr))] = 0
        return keep_nearest(similar, self.k)


def _ones(table: Csr) -> Csr:
    parts = (np.ones_like(table.data), table.indices, table.indptr)
    return sparse.csr_array(parts, shape=table.shape)


def _cuts(queries: Csr, documents_with_term: Int[Array, " terms"]) -> Int[Array, " cuts"]:
    """Row numbers that cut the queries into blocks of about equal cost."""
    work = np.concatenate([[0], np.cumsum(documents_with_term[queries.indices])])[queries.indptr]
    full = np.searchsorted(work, np.arange(BLOCK, work[-1], BLOCK))
    rows = queries.shape[0]
    return np.concatenate([[0], np.unique(full[full < rows]), [rows]])
