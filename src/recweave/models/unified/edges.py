"""The edges of each behaviour's graph, and what speaks for them."""

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr, unit_rows
from recweave.data.interactions import Histories
from recweave.models.nn.items import Content
from recweave.models.unified.graph import BehaviorGraph, BehaviorGraphs
from recweave.models.unified.recipe import Unified

CROWDED = 100
"""Edges of an item beyond which it says little of those who share it."""

BLOCK = 2**24
"""Numbers that are held at a time."""


def behavior_graphs(
    recipe: Unified, history: Histories, content: Content, wanted: list[int]
) -> BehaviorGraphs:
    """A graph for each behaviour that has events; those of the target are not doubted."""
    codes = np.unique(history.behavior).tolist()
    counted = {code: _counts(history.only(history.behavior == code)) for code in codes}
    told = [counted[code] for code in codes if not wanted or code in wanted]
    mean = unit_rows(_sum(told) @ content.vectors) if told else None
    doubtful = [code for code in codes if recipe.denoise and wanted and code not in wanted]
    if doubtful:
        pairs = _sum(list(counted.values())).copy()
        pairs.data[:] = 1
        ways = other_ways(pairs)
    graphs = []
    for code in codes:
        signal = None
        if code in doubtful:
            here = _places(counted[code], pairs)
            signal = _signals(counted[code], content, mean, ways[here])
        graphs.append(BehaviorGraph(counted[code], signal))
    return BehaviorGraphs(graphs, recipe.graph, recipe.edge_dropout)


def _counts(history: Histories) -> Csr:
    """How often each user had to do with each item."""
    shape = (len(history), history.items)
    ones = np.ones(len(history.item), np.float32)
    made = sparse.csr_array((ones, (history.row_numbers(), history.item)), shape)
    made.sum_duplicates()
    return made


def _places(some: Csr, of: Csr) -> Int[Array, " edges"]:
    """Where the edges of one graph stand among those of a larger one."""
    keys = (
        np.repeat(np.arange(g.shape[0]), np.diff(g.indptr)) * g.shape[1] + g.indices
        for g in (some, of)
    )
    sought, known = keys
    return np.searchsorted(known, sought)


def _sum(parts: list[Csr]) -> Csr:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _signals(
    edges: Csr,
    content: Content,
    mean: Float[Array, "users dims"] | None,
    ways: Float[Array, " edges"],
) -> Float[Array, "edges signals"]:
    """What speaks for each edge; each column has mean 0 and variance 1, or is 0.

    The logarithm of the count; how well other edges lead there (`other_ways`), so that a click that
    nothing else goes with is far off; likeness of content to what the user did of the target.
    """
    told = [np.log(edges.data), np.log1p(ways / max(float(ways.mean()), 1e-12))]
    if mean is not None and mean.shape[1]:
        user = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
        told.append(_dots(mean, unit_rows(content.vectors), user, edges.indices))
    signal = np.stack(told, axis=1).astype(np.float32)
    spread = signal.std(axis=0)
    return np.where(spread > 1e-6, (signal - signal.mean(axis=0)) / np.maximum(spread, 1e-6), 0)


def other_ways(pairs: Csr) -> Float[Array, " edges"]:
    """How well the rest of the graph leads from each edge's user to its item.

    Σ 1/(d_k d_v) over ways user - item k - user v - item past the edge itself, with d the number of
    edges at a node: 0 where nobody who had the item had anything else of this user's. Items with
    more than `CROWDED` edges lead nobody, as their ways weigh next to nothing and are very many.

    Args:
        pairs: Ones; each row in the order of its columns.
    """
    users, items = pairs.shape
    at_user, at_item = np.diff(pairs.indptr), np.bincount(pairs.indices, minlength=items)
    leads = (at_item > 0) & (at_item <= CROWDED)
    per_item = np.where(leads, 1 / np.maximum(at_item, 1), 0).astype(np.float32)
    per_user = (1 / np.maximum(at_user, 1)).astype(np.float32)
    first = sparse.csr_array(pairs @ sparse.diags_array(per_item))
    back = sparse.csr_array(pairs[:, leads].T @ sparse.diags_array(per_user))
    made = np.empty(pairs.nnz, np.float32)
    step = max(1, BLOCK // max(items, 1))
    for start in range(0, users, step):
        rows = slice(start, min(start + step, users))
        edges = slice(pairs.indptr[rows.start], pairs.indptr[rows.stop])
        reached = ((first[rows][:, leads] @ back) @ pairs).toarray()
        row = np.repeat(np.arange(rows.stop - rows.start), at_user[rows])
        made[edges] = reached[row, pairs.indices[edges]]
    user, item = np.repeat(np.arange(users), at_user), pairs.indices
    by_itself = (first.sum(axis=1) * per_user)[user]
    by_itself += per_item[item] * ((per_user @ pairs)[item] - per_user[user])
    return np.maximum(made - by_itself, 0)


def _dots(
    left: Float[Array, "users n"],
    right: Float[Array, "items n"],
    user: Int[Array, " edges"],
    item: Int[Array, " edges"],
) -> Float[Array, " edges"]:
    """Dot products of some pairs, a block at a time."""
    made = np.empty(len(user), np.float32)
    step = max(1, BLOCK // left.shape[1])
    for first in range(0, len(user), step):
        some = slice(first, first + step)
        made[some] = np.einsum("nd,nd->n", left[user[some]], right[item[some]])
    return made
