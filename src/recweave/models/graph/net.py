"""Vectors of users and items, before and after the graph has spoken; imports torch."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from recweave.core.arrays import Array
from recweave.models.content import ContentMap
from recweave.models.graph.propagate import Convolution
from recweave.models.graph.settings import GraphRecipe, Join
from recweave.models.kinds import Factors
from recweave.models.nn.items import Content
from recweave.models.nn.tensors import to_array

START = 0.1
"""Standard deviation of vectors before training, as in LightGCN's code."""


class Nodes(nn.Module):
    """e⁰: what is learned of each user and item by itself, and t = W₂ ReLU(W₁ b) of its content b.

    "sum" adds t to an item's own numbers, "concat" puts it in place of half of them and "text" of
    all; with "align" a loss compares it with what the graph makes of them. Without content an item
    has t = 0; without events it has no numbers of its own.
    """

    known_item: Tensor
    content: Tensor

    def __init__(
        self,
        known: tuple[Bool[Array, " users"], Bool[Array, " items"]],
        dim: int,
        content: Content,
        join: Join | None,
    ) -> None:
        super().__init__()
        self.join = join
        self.source = content
        own = {"concat": dim // 2, "text": 0}.get(join or "", dim)
        user, item = (torch.from_numpy(touched.astype(np.float32))[:, None] for touched in known)
        # Who has no event is in no batch and on no edge, so what starts as 0 stays so.
        self.user = nn.Parameter(START * torch.randn(len(user), dim) * user)
        self.item = nn.Parameter(START * torch.randn(len(item), own) * item)
        self.register_buffer("known_item", item, persistent=False)
        if join is not None:
            self.register_buffer("content", torch.from_numpy(content.vectors), persistent=False)
            told = dim - own if own < dim else dim
            inner = nn.Linear(content.vectors.shape[1], dim, bias=False)
            self.text = nn.Sequential(inner, nn.ReLU(), nn.Linear(dim, told, bias=False))

    def told(self) -> Float[Tensor, "items told"]:
        """t: what the content says."""
        made: Tensor = self.text(self.content)
        return made.float()

    def content_map(self, *, unit: bool, length: float) -> ContentMap | None:
        """What gives items that come after training their vectors; None where content is not read.

        The graph leaves a node without edges as it is, so e⁰ is all there is to it.

        Args:
            unit: Whether the vectors of such items have unit length before `length` scales them.
            length: Theirs, if so.
        """
        if self.join is None:
            return None
        source = self.source
        linear = [part for part in self.text if isinstance(part, nn.Linear)]
        layers = (part.weight.detach().float().cpu().numpy().T.copy() for part in linear)
        zeros = self.item.shape[1] if self.join in ("concat", "text") else 0
        return ContentMap(source.names, source.means, tuple(layers), zeros, unit, length)

    def forward(self) -> Float[Tensor, "nodes dim"]:
        """e⁰ of all users, then of all items."""
        item: Tensor = self.item
        if self.join == "sum":
            item = item + self.told()
        elif self.join in ("concat", "text"):
            item = torch.cat([item, self.told()], 1)
        return torch.cat([self.user, item])


class GraphNet(nn.Module):
    """The nodes' vectors, smoothed over the graph and compared by dot product or cosine."""

    def __init__(self, nodes: Nodes, graph: Convolution, recipe: GraphRecipe) -> None:
        super().__init__()
        self.nodes = nodes
        self.graph = graph
        self.layers = recipe.layers
        self.cosine = recipe.temperature > 0

    def smooth(self, first: Float[Tensor, "nodes dim"]) -> Float[Tensor, "nodes dim"]:
        """What the graph makes of e⁰."""
        return self.graph.mean(first, self.layers)

    def compared(self, some: Float[Tensor, "some dim"]) -> Float[Tensor, "some dim"]:
        """Smoothed vectors as they are compared: of unit length where cosines are taken."""
        return normalize(some, dim=1) if self.cosine else some

    def split(self, of: Float[Tensor, "nodes dim"]) -> tuple[Tensor, Tensor]:
        """What is the users', and what the items'."""
        users = len(self.nodes.user)
        return of[:users], of[users:]

    def factors(self, recipe: GraphRecipe) -> Factors:
        """The vectors as they stand. Whoever had no event has none, and so is told by a history."""
        with torch.inference_mode():
            user, item = self.split(self.compared(self.smooth(self.nodes())))
            length = 1.0
            if self.nodes.join == "align":
                known = self.nodes.known_item > 0
                length = float(item[known[:, 0]].norm(dim=1).mean())
                item = torch.where(known, item, normalize(self.nodes.told(), dim=1) * length)
            made = to_array(user), to_array(item)
        unit = self.cosine or self.nodes.join == "align"
        placing = self.nodes.content_map(unit=unit, length=length)
        return Factors(*made, behaviors=recipe.behaviors.by_code(), content=placing)
