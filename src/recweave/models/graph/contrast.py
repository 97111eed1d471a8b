"""Contrastive losses (InfoNCE) between two embeddings of the same nodes; imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import embedding

from recweave.core.arrays import Array
from recweave.models.graph.batches import Pairs
from recweave.models.graph.fit import train_graph
from recweave.models.graph.net import GraphNet
from recweave.models.graph.pfr import PFR
from recweave.models.graph.propagate import Convolution, Graph
from recweave.models.graph.sgl import SGL
from recweave.models.kinds import Factors
from recweave.models.nn.losses import info_nce
from recweave.models.nn.tensors import index_tensor, to_array
from recweave.models.training import Options, TrainingData

MAX_NODES = 1024
"""Users, and items, of a batch that are compared with each other in one step, at most."""


@dataclass
class TwoViews:
    """Contrast of a node's embeddings in two views of the graph, each without some edges (SGL).

    Attributes:
        edge_drop: Share of edges that are left out of a view, sampled again in each epoch.
        temperature, weight: Temperature and weight of InfoNCE.
        views: The two views of this epoch.
        rng: Samples edges and nodes.
    """

    edge_drop: float
    temperature: float
    weight: float
    views: Sequence[Convolution] = ()
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def begin(self, graph: Graph, rng: np.random.Generator, device: torch.device) -> None:
        """See `AuxiliaryLoss.begin`."""
        self.rng = rng.spawn(1)[0]  # so that batches are the same with and without this loss
        dropped = (self.rng.random(len(graph.edge_weight)) < self.edge_drop for _ in range(2))
        self.views = [graph.without(edges).to(device) for edges in dropped]

    def loss(self, net: GraphNet, initial: Tensor, final: Tensor, batch: Pairs) -> Tensor:
        """See `AuxiliaryLoss.loss`: the mean over users plus the mean over items."""
        views = [net.split(view.mean(initial, net.layers)) for view in self.views]
        value = initial.new_zeros(())
        for kind, nodes in enumerate((batch.user, batch.item)):
            at = index_tensor(_unique(nodes, self.rng), initial.device)
            one, other = (embedding(at, view[kind]) for view in views)
            value = value + info_nce(one, other, self.temperature)
        return self.weight * value


@dataclass
class ContentAlignment:
    """Contrast of an item's graph embedding with its content embedding (RLMRec; PFR's "align").

    Attributes:
        temperature, weight: Temperature and weight of InfoNCE.
        rng: Samples items.
    """

    temperature: float
    weight: float
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def begin(self, graph: Graph, rng: np.random.Generator, device: torch.device) -> None:
        """See `AuxiliaryLoss.begin`."""
        self.rng = rng.spawn(1)[0]

    def loss(self, net: GraphNet, initial: Tensor, final: Tensor, batch: Pairs) -> Tensor:
        """See `AuxiliaryLoss.loss`: the mean over items with content, or 0."""
        content = net.nodes.content_embeddings()
        present = to_array(net.nodes.content.any(dim=1))
        item = _unique(batch.item[present[batch.item]], self.rng)
        if not len(item):
            return initial.new_zeros(())
        at = index_tensor(item, initial.device)
        from_graph, from_content = embedding(at, net.split(final)[1]), embedding(at, content)
        return self.weight * info_nce(from_graph, from_content, self.temperature)


def _unique(nodes: Int[Array, " n"], rng: np.random.Generator) -> Int[Array, " unique"]:
    """Each node once; a sample of `MAX_NODES` if there are more."""
    unique = np.unique(nodes)
    return unique if len(unique) <= MAX_NODES else rng.choice(unique, MAX_NODES, replace=False)


def train_sgl(recipe: SGL, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    views = TwoViews(recipe.edge_drop, recipe.ssl_temperature, recipe.ssl_weight)
    return train_graph(recipe, data, options, auxiliary=views)


def train_pfr(recipe: PFR, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    alignment = ContentAlignment(recipe.align_temperature, recipe.align_weight)
    auxiliary = alignment if recipe.join == "align" else None
    return train_graph(
        recipe, data, options, names=recipe.features, join=recipe.join, auxiliary=auxiliary
    )
