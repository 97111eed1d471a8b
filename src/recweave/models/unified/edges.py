"""The edges of each behaviour's graph, and what speaks for them."""

import numpy as np
from jaxtyping import Float
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.data.interactions import Histories
from recweave.models.nn.items import Content
from recweave.models.unified.graph import BehaviorGraph, BehaviorGraphs
from recweave.models.unified.recipe import Unified


def behavior_graphs(
    recipe: Unified, history: Histories, content: Content, wanted: list[int]
) -> BehaviorGraphs:
    """A graph for each behaviour that has events; those of the target are not doubted."""
    codes = np.unique(history.behavior).tolist()
    counted = {code: _counts(history.only(history.behavior == code)) for code in codes}
    told = [counted[code] for code in codes if not wanted or code in wanted]
    mean = _unit(_sum(told) @ content.vectors) if told else None
    graphs = []
    for code in codes:
        edges = counted[code]
        doubted = recipe.denoise and bool(wanted) and code not in wanted
        graphs.append(BehaviorGraph(edges, _signals(edges, content, mean), doubted=doubted))
    return BehaviorGraphs(graphs, recipe.graph, recipe.edge_dropout)


def _counts(history: Histories) -> Csr:
    """How often each user had to do with each item."""
    shape = (len(history), history.items)
    ones = np.ones(len(history.item), np.float32)
    made = sparse.csr_array((ones, (history.row_numbers(), history.item)), shape)
    made.sum_duplicates()
    return made


def _sum(parts: list[Csr]) -> Csr:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _signals(
    edges: Csr, content: Content, mean: Float[Array, "users dims"] | None
) -> Float[Array, "edges signals"]:
    """Likeness of content to what the user did of the target, and the logarithm of the count."""
    user = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    often = np.log(edges.data)
    likeness = np.zeros_like(often)
    if mean is not None and mean.shape[1]:
        likeness = np.einsum("nd,nd->n", mean[user], _unit(content.vectors)[edges.indices])
    return np.stack([likeness, often], axis=1).astype(np.float32)


def _unit(vectors: Float[Array, "n dims"]) -> Float[Array, "n dims"]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))
