"""One graph for each behaviour, and the signals by which noisy edges are recognized."""

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr, unit_rows
from recweave.data.interactions import Histories
from recweave.models.nn.items import Content
from recweave.models.unified.graph import BehaviorGraph, BehaviorGraphs
from recweave.models.unified.recipe import Unified

MAX_DEGREE = 100
"""Items with more edges are left out of paths: they say little about the users who share them."""

BLOCK = 2**24
"""Numbers in memory at a time."""


def behavior_graphs(
    recipe: Unified, history: Histories, content: Content, targets: list[int]
) -> BehaviorGraphs:
    """A graph for each behaviour that has events.

    With `denoise`, graphs of behaviours other than the targets get signals, and with them a gate.
    """
    codes = np.unique(history.behavior).tolist()
    counts = {code: _counts(history.only(history.behavior == code)) for code in codes}
    of_targets = [counts[code] for code in codes if not targets or code in targets]
    mean = unit_rows(_sum(of_targets) @ content.vectors) if of_targets else None
    gated = [code for code in codes if recipe.denoise and targets and code not in targets]
    if gated:
        pairs = _sum(list(counts.values())).copy()
        pairs.data[:] = 1
        paths = path_weights(pairs)
    graphs = []
    for code in codes:
        signal = None
        if code in gated:
            at = _edge_positions(counts[code], pairs)
            signal = _signals(counts[code], content, mean, paths[at])
        graphs.append(BehaviorGraph(counts[code], signal))
    return BehaviorGraphs(graphs, recipe.graph, recipe.edge_dropout)


def _counts(history: Histories) -> Csr:
    """Number of events of each user with each item."""
    shape = (len(history), history.items)
    ones = np.ones(len(history.item), np.float32)
    counts = sparse.csr_array((ones, (history.row_numbers(), history.item)), shape)
    counts.sum_duplicates()
    return counts


def _edge_positions(part: Csr, whole: Csr) -> Int[Array, " edges"]:
    """Positions of the edges of a graph among the edges of a larger graph."""
    part_keys, whole_keys = (
        np.repeat(np.arange(g.shape[0]), np.diff(g.indptr)) * g.shape[1] + g.indices
        for g in (part, whole)
    )
    return np.searchsorted(whole_keys, part_keys)


def _sum(parts: list[Csr]) -> Csr:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _signals(
    edges: Csr,
    content: Content,
    mean: Float[Array, "users dims"] | None,
    paths: Float[Array, " edges"],
) -> Float[Array, "edges signals"]:
    """Signals that an edge is not noise; each column has mean 0 and variance 1, or is 0.

    The logarithm of the number of events; the weight of other paths from the user to the item
    (`path_weights`), which is low for an accidental click; the content similarity of the item to
    the user's items of the target behaviours.
    """
    columns = [np.log(edges.data), np.log1p(paths / max(float(paths.mean()), 1e-12))]
    if mean is not None and mean.shape[1]:
        user = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
        columns.append(_dot_products(mean, unit_rows(content.vectors), user, edges.indices))
    signal = np.stack(columns, axis=1).astype(np.float32)
    deviation = signal.std(axis=0)
    scaled = (signal - signal.mean(axis=0)) / np.maximum(deviation, 1e-6)
    return np.where(deviation > 1e-6, scaled, 0)


def path_weights(pairs: Csr) -> Float[Array, " edges"]:
    """Weight of the other paths in the graph from each edge's user to its item.

    Σ 1/(d_k d_v) over paths user - item k - user v - item without the edge itself, where d is a
    node's number of edges. It is 0 if no other user of the item shares a further item with this
    user. Paths over items with more than `MAX_DEGREE` edges are left out: they are very many and
    have almost no weight.

    Args:
        pairs: Matrix of ones, users × items, with sorted columns in each row.
    """
    users, items = pairs.shape
    at_user, at_item = np.diff(pairs.indptr), np.bincount(pairs.indices, minlength=items)
    used = (at_item > 0) & (at_item <= MAX_DEGREE)
    item_scale = np.where(used, 1 / np.maximum(at_item, 1), 0).astype(np.float32)
    user_scale = (1 / np.maximum(at_user, 1)).astype(np.float32)
    first = sparse.csr_array(pairs @ sparse.diags_array(item_scale))
    back = sparse.csr_array(pairs[:, used].T @ sparse.diags_array(user_scale))
    weights = np.empty(pairs.nnz, np.float32)
    step = max(1, BLOCK // max(items, 1))
    for start in range(0, users, step):
        rows = slice(start, min(start + step, users))
        edges = slice(pairs.indptr[rows.start], pairs.indptr[rows.stop])
        reached = ((first[rows][:, used] @ back) @ pairs).toarray()
        row = np.repeat(np.arange(rows.stop - rows.start), at_user[rows])
        weights[edges] = reached[row, pairs.indices[edges]]
    user, item = np.repeat(np.arange(users), at_user), pairs.indices
    own = (first.sum(axis=1) * user_scale)[user]
    own += item_scale[item] * ((user_scale @ pairs)[item] - user_scale[user])
    return np.maximum(weights - own, 0)


def _dot_products(
    left: Float[Array, "users n"],
    right: Float[Array, "items n"],
    user: Int[Array, " edges"],
    item: Int[Array, " edges"],
) -> Float[Array, " edges"]:
    """Dot product of each pair's rows, computed in blocks."""
    products = np.empty(len(user), np.float32)
    step = max(1, BLOCK // left.shape[1])
    for first in range(0, len(user), step):
        block = slice(first, first + step)
        products[block] = np.einsum("nd,nd->n", left[user[block]], right[item[block]])
    return products
