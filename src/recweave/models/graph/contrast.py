"""Losses that compare two accounts of the same nodes; imports torch."""

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

AT_ONCE = 1024
"""Nodes of a kind that are told from each other in one step, drawn from the batch's."""


@dataclass
class TwoViews:
    """A node in one view of the graph against others in another, each lacking some edges (SGL).

    Attributes:
        share: Of the edges that a view lacks, drawn anew for each epoch.
        temperature, weight: Of InfoNCE.
    """

    share: float
    temperature: float
    weight: float
    views: Sequence[Convolution] = ()
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def begin(self, graph: Graph, rng: np.random.Generator, device: torch.device) -> None:
        """See `AuxiliaryLoss.begin`."""
        self.rng = rng.spawn(1)[0]  # so that batches are drawn as without this loss
        dropped = (self.rng.random(len(graph.strength)) < self.share for _ in range(2))
        self.views = [graph.without(edges).on(device) for edges in dropped]

    def loss(self, net: GraphNet, first: Tensor, whole: Tensor, batch: Pairs) -> Tensor:
        """See `AuxiliaryLoss.loss`: the users' mean, and the items'."""
        views = [net.split(view.mean(first, net.layers)) for view in self.views]
        value = first.new_zeros(())
        for kind, nodes in enumerate((batch.user, batch.item)):
            at = index_tensor(_some(nodes, self.rng), first.device)
            one, other = (embedding(at, view[kind]) for view in views)
            value = value + info_nce(one, other, self.temperature)
        return self.weight * value


@dataclass
class Aligned:
    """What the graph makes of an item against what its content says (RLMRec; PFR's "align").

    Attributes:
        temperature, weight: Of InfoNCE.
    """

    temperature: float
    weight: float
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def begin(self, graph: Graph, rng: np.random.Generator, device: torch.device) -> None:
        """See `AuxiliaryLoss.begin`."""
        self.rng = rng.spawn(1)[0]

    def loss(self, net: GraphNet, first: Tensor, whole: Tensor, batch: Pairs) -> Tensor:
        """See `AuxiliaryLoss.loss`: the mean over items with content, or 0."""
        told = net.nodes.told()
        present = to_array(net.nodes.content.any(dim=1))
        item = _some(batch.item[present[batch.item]], self.rng)
        if not len(item):
            return first.new_zeros(())
        at = index_tensor(item, first.device)
        made, said = embedding(at, net.split(whole)[1]), embedding(at, told)
        return self.weight * info_nce(made, said, self.temperature)


def _some(nodes: Int[Array, " n"], rng: np.random.Generator) -> Int[Array, " some"]:
    """Each once, `AT_ONCE` at most."""
    unique = np.unique(nodes)
    return unique if len(unique) <= AT_ONCE else rng.choice(unique, AT_ONCE, replace=False)


def train_sgl(recipe: SGL, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    views = TwoViews(recipe.edge_drop, recipe.ssl_temperature, recipe.ssl_weight)
    return train_graph(recipe, data, options, auxiliary=views)


def train_pfr(recipe: PFR, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    aligned = Aligned(recipe.align_temperature, recipe.align_weight)
    auxiliary = aligned if recipe.join == "align" else None
    return train_graph(
        recipe, data, options, names=recipe.features, join=recipe.join, auxiliary=auxiliary
    )
