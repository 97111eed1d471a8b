"""Contributions of the items in the history to scores, as sparse rows (see `Model.reasons`)."""

from collections.abc import Callable
from typing import cast

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.models.query import Query


def contributions(
    history: Csr,
    item: Int[Array, "batch k"],
    part: Callable[[Int[Array, " n"], Int[Array, " n"]], Float[Array, " n"]],
) -> Csr:
    """One row for each query user and item: what each entry of the history adds to the score.

    Args:
        history: Query users by items.
        item: The items to explain; -1 for none.
        part: Called with positions of entries in `history.data` and rows of items to explain;
            returns what each entry adds to the score of the item.
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


def no_contributions(items: int, item: Int[Array, "batch k"]) -> Csr:
    """One empty row for each query user and item."""
    return cast(Csr, sparse.csr_array((item.size, items), dtype=np.float32))


def contributions_by_removal(
    vectors: Callable[[Query], Float[Array, "n dim"]],
    item_vectors: Float[Array, "items dim"],
    query: Query,
    item: Int[Array, "batch k"],
) -> Csr:
    """How much lower each score is without each item of the history (ablation).

    For models whose scores are not sums over the history. The model runs once for each item of the
    history. Effects overlap, so a row need not sum to the score.

    Args:
        vectors: Computes the user vectors of a query.
        item_vectors: The item vectors.
        query: The query users.
        item: The items to explain; -1 for none.
    """
    history = query.history.matrix()
    user = np.repeat(np.arange(len(query)), np.diff(history.indptr))
    repeated = query.rows(user)
    other_items = repeated.history.item != np.repeat(history.indices, repeated.history.lengths)
    without = Query(repeated.user, repeated.history.only(other_items), repeated.now)
    change = vectors(query)[user] - vectors(without)

    def part(entry: Int[Array, " n"], target: Int[Array, " n"]) -> Float[Array, " n"]:
        return np.asarray(np.einsum("nd,nd->n", change[entry], item_vectors[target]))

    return contributions(history, item, part)
