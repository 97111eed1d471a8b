"""The shape in which models tell what a history adds to scores (see `Model.reasons`)."""

from collections.abc import Callable
from typing import cast

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.models.query import Query


def in_lines(
    history: Csr,
    item: Int[Array, "batch k"],
    part: Callable[[Int[Array, " n"], Int[Array, " n"]], Float[Array, " n"]],
) -> Csr:
    """A line for each asker and item, with what each entry of the asker's history adds.

    Args:
        history: Askers by items.
        item: What is asked about; -1 for nothing.
        part: From numbers of entries in `history.data` and rows of items asked about to what the
            former add to the scores of the latter.
    """
    count = np.repeat(np.diff(history.indptr), item.shape[1])
    count[item.ravel() < 0] = 0
    start = np.concatenate([[0], np.cumsum(count)])
    first = np.repeat(history.indptr[:-1], item.shape[1])
    entry = np.arange(start[-1]) + np.repeat(first - start[:-1], count)
    parts = part(entry, np.repeat(item.ravel(), count))
    return sparse.csr_array(
        (parts, history.indices[entry], start), shape=(item.size, history.shape[1])
    )


def no_lines(items: int, item: Int[Array, "batch k"]) -> Csr:
    """A line for each asker and item, with nothing in it."""
    return cast(Csr, sparse.csr_array((item.size, items), dtype=np.float32))


def by_leaving_out(
    vectors: Callable[[Query], Float[Array, "n dim"]],
    item_vectors: Float[Array, "items dim"],
    query: Query,
    item: Int[Array, "batch k"],
) -> Csr:
    """How much lower each score is without each item of the history: for models that are no sums.

    The history is read once for each of its items. Effects overlap, so a line need not sum to the
    score.

    Args:
        vectors: The model's vectors of users.
        item_vectors: Those of items.
        query: Who asks.
        item: What is asked about; -1 for nothing.
    """
    history = query.history.matrix()
    user = np.repeat(np.arange(len(query)), np.diff(history.indptr))
    whole = query.rows(user)
    kept = whole.history.item != np.repeat(history.indices, whole.history.lengths)
    without = Query(whole.user, whole.history.only(kept), whole.now)
    change = vectors(query)[user] - vectors(without)
    return in_lines(
        history, item, lambda entry, of: np.einsum("nd,nd->n", change[entry], item_vectors[of])
    )
