"""The bipartite graph of users and items, and convolution on it; imports torch."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import sparse
from torch import Tensor
from torch.nn.functional import embedding_bag

from recweave.core.arrays import Array, Csr


@dataclass(frozen=True, eq=False)
class Graph:
    """Ã = D^-½ A D^-½, with A = [[0, X], [Xᵀ, 0]]: rows of users, then of items.

    Attributes:
        start: The neighbours of node r are `neighbour[start[r] : start[r + 1]]`.
        neighbour: Rows of the neighbours.
        edge: Number of the edge, in the order of X's entries; each edge occurs twice.
        edge_weight: Weight of each edge.
    """

    start: Int[Array, " nodes_and_one"]
    neighbour: Int[Array, " entries"]
    edge: Int[Array, " entries"]
    edge_weight: Float[Array, " edges"]

    @classmethod
    def of(cls, events: Csr) -> "Graph":
        """The graph of a users × items matrix of event weights."""
        numbers = np.arange(1, events.nnz + 1)
        numbered = sparse.csr_array((numbers, events.indices, events.indptr), events.shape)
        both = sparse.block_array([[None, numbered], [numbered.T, None]], format="csr")
        start, neighbour = both.indptr.astype(np.int64), both.indices.astype(np.int64)
        return cls(start, neighbour, both.data - 1, events.data)

    def without(self, dropped: Bool[Array, " edges"]) -> "Graph":
        """The same graph without some edges, normalized again."""
        return replace(self, edge_weight=np.where(dropped, np.float32(0), self.edge_weight))

    @cached_property
    def weight(self) -> Float[Array, " entries"]:
        """The entries of Ã."""
        entry = self.edge_weight[self.edge]
        own = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        degree = np.bincount(own, entry, len(self.start) - 1)
        scale = np.where(degree > 0, np.maximum(degree, 1e-30) ** -0.5, 0)
        return np.asarray(entry * scale[own] * scale[self.neighbour], np.float32)

    def to(self, device: torch.device) -> "Convolution":
        """The convolution on a device."""
        parts = (self.start, self.neighbour, self.weight)
        start, neighbour, weight = (torch.from_numpy(part).to(device) for part in parts)
        return Convolution(start, neighbour, weight, torch.diff(start)[:, None] == 0)


@dataclass(frozen=True, eq=False)
class Convolution:
    """Products with Ã on a device.

    Attributes:
        start, neighbour, weight: Ã by rows.
        isolated: Nodes without an edge.
    """

    start: Int[Tensor, " nodes_and_one"]
    neighbour: Int[Tensor, " entries"]
    weight: Float[Tensor, " entries"]
    isolated: Bool[Tensor, "nodes 1"]

    def mean(self, initial: Float[Tensor, "nodes dim"], layers: int) -> Float[Tensor, "nodes dim"]:
        """The mean over layers 0 to `layers` of e^(l+1) = Ã e^(l) (He et al., SIGIR 2020).

        A node without an edge keeps its initial vector.
        """
        mean: Tensor = _Mean.apply(initial, self, layers)  # type: ignore[no-untyped-call]
        return mean

    def multiply(self, x: Float[Tensor, "nodes dim"]) -> Float[Tensor, "nodes dim"]:
        """Ã x, as a new tensor."""
        # On a CPU, embedding_bag takes half the time of SciPy's sparse product and a quarter of the
        # time of torch's sparse matrices.
        return embedding_bag(
            self.neighbour,
            x,
            self.start,
            mode="sum",
            per_sample_weights=self.weight,
            include_last_offset=True,
        )


class _Mean(torch.autograd.Function):
    """(1 + Ã + Ã² + …) x over the number of layers, by Horner's rule.

    Ã is symmetric and isolated nodes do not touch others, so the gradient is the same function.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: Convolution, layers: int) -> Tensor:
        ctx.graph, ctx.layers = graph, layers
        return _mean(x, graph, layers)

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor | None, ...]:
        return _mean(gradient[0], ctx.graph, ctx.layers), None, None


def _mean(x: Tensor, graph: Convolution, layers: int) -> Tensor:
    x = x.float().contiguous()
    share = torch.where(graph.isolated, 1, 1 / (layers + 1))
    total = x * share
    x = total
    for _ in range(layers):
        total = graph.multiply(total).add_(x)
    return total
