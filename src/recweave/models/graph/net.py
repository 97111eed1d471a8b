"""User and item embeddings, before and after graph convolution; imports torch."""

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

INITIAL_STD = 0.1
"""Standard deviation of the initial embeddings, as in LightGCN's code."""


class Nodes(nn.Module):
    """Initial embeddings e⁰: learned id embeddings, and t = W₂ ReLU(W₁ b) of an item's content b.

    "sum" adds t to the id embedding, "concat" uses t for half of the dimensions and "text" for all
    of them. With "align" e⁰ is the id embedding, and a loss compares t with the embedding after the
    graph. An item without content has t = 0; a user or item without events has a zero embedding.
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
        id_dim = {"concat": dim // 2, "text": 0}.get(join or "", dim)
        user, item = (torch.from_numpy(mask.astype(np.float32))[:, None] for mask in known)
        # Nodes without events are in no batch and have no edges, so their zeros stay zeros.
        self.user = nn.Parameter(INITIAL_STD * torch.randn(len(user), dim) * user)
        self.item = nn.Parameter(INITIAL_STD * torch.randn(len(item), id_dim) * item)
        self.register_buffer("known_item", item, persistent=False)
        if join is not None:
            self.register_buffer("content", torch.from_numpy(content.vectors), persistent=False)
            content_dim = dim - id_dim if id_dim < dim else dim
            inner = nn.Linear(content.vectors.shape[1], dim, bias=False)
            self.text = nn.Sequential(inner, nn.ReLU(), nn.Linear(dim, content_dim, bias=False))

    def content_embeddings(self) -> Float[Tensor, "items content_dim"]:
        """t: the embedding of each item's content."""
        embeddings: Tensor = self.text(self.content)
        return embeddings.float()

    def content_map(self, *, unit: bool, length: float) -> ContentMap | None:
        """The map from content to vectors of items added after training; None without content.

        The graph does not change a node without edges, so e⁰ is its final embedding.

        Args:
            unit: Whether vectors are normalized to unit length, then multiplied by `length`.
            length: Length of the vectors if `unit`.
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
            item = item + self.content_embeddings()
        elif self.join in ("concat", "text"):
            item = torch.cat([item, self.content_embeddings()], 1)
        return torch.cat([self.user, item])


class GraphNet(nn.Module):
    """Node embeddings, propagated over the graph and compared by dot product or cosine."""

    def __init__(self, nodes: Nodes, graph: Convolution, recipe: GraphRecipe) -> None:
        super().__init__()
        self.nodes = nodes
        self.graph = graph
        self.layers = recipe.layers
        self.cosine = recipe.temperature > 0

    def propagate(self, initial: Float[Tensor, "nodes dim"]) -> Float[Tensor, "nodes dim"]:
        """The embeddings after graph convolution of e⁰: the mean over layers."""
        return self.graph.mean(initial, self.layers)

    def normalized(self, vectors: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """The vectors, normalized to unit length where scores are cosines."""
        return normalize(vectors, dim=1) if self.cosine else vectors

    def split(self, nodes: Float[Tensor, "nodes dim"]) -> tuple[Tensor, Tensor]:
        """The rows of the users, and the rows of the items."""
        users = len(self.nodes.user)
        return nodes[:users], nodes[users:]

    def factors(self, recipe: GraphRecipe) -> Factors:
        """The current embeddings as a model.

        A user without train events has a zero vector, so the model computes one by fold-in.
        """
        with torch.inference_mode():
            user, item = self.split(self.normalized(self.propagate(self.nodes())))
            length = 1.0
            if self.nodes.join == "align":
                known = self.nodes.known_item > 0
                length = float(item[known[:, 0]].norm(dim=1).mean())
                item = torch.where(
                    known, item, normalize(self.nodes.content_embeddings(), dim=1) * length
                )
            user_array, item_array = to_array(user), to_array(item)
        unit = self.cosine or self.nodes.join == "align"
        content_map = self.nodes.content_map(unit=unit, length=length)
        codes = recipe.behaviors.by_code()
        return Factors(user_array, item_array, behaviors=codes, content=content_map)
