"""The networks of click models; imports torch."""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, embedding_bag

from recweave.models.ctr.dcn import DCN
from recweave.models.ctr.dlrm import DLRM
from recweave.models.ctr.group_tables import GroupTables
from recweave.models.ctr.settings import ClickNetworkRecipe
from recweave.models.nn.dropout import Dropout

SMALL = 0.1
"""Standard deviation of initial embeddings."""
FEW = 6
"""Vectors up to which dot products are computed one by one."""


@dataclass(frozen=True, eq=False)
class Batch:
    """What a network reads of some rows.

    Attributes:
        dense: Standardized columns.
        groups: The columns of each group, or what a trained network reduced them to.
        single: Row of the embedding table for each of the labels of which there is at most one; the
            last row of the table is padding.
        several: For each feature of several labels, the share of each label, or rows of the table.
        user, item: Rows of users and items.
    """

    dense: Float[Tensor, "batch dense"]
    groups: tuple[GroupTables | Float[Tensor, "batch dim"], ...]
    single: Int[Tensor, "batch single"]
    several: tuple[Float[Tensor, "batch _"] | Int[Tensor, "batch _"], ...]
    user: Int[Tensor, " batch"]
    item: Int[Tensor, " batch"]


@dataclass(frozen=True)
class Widths:
    """The sizes of a network's inputs.

    Attributes:
        dense: Dense columns.
        groups: Columns of each group.
        single: Features, or fields of categories, of which a row has at most one label.
        several: For each feature of several labels, the row of its first in the embedding table.
        labels: All labels.
        users, items: Users and items.
    """

    dense: int
    groups: tuple[int, ...]
    single: int
    several: tuple[int, ...]
    labels: int
    users: int
    items: int


def mlp(sizes: tuple[int, ...], dropout: float) -> nn.Sequential:
    """Linear layers, each with ReLU and dropout, from the first size to the last."""
    layers: list[nn.Module] = []
    for width, out in pairwise(sizes):
        layers += [nn.Linear(width, out), nn.ReLU()]
        layers += [Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers)


class DotInteractions(nn.Module):
    """The head of DLRM: dot products of all pairs of vectors, and an MLP."""

    def __init__(self, recipe: DLRM, dense: int, vectors: int) -> None:
        super().__init__()
        self.bottom = mlp((dense, *recipe.bottom, recipe.dim), recipe.dropout) if dense else None
        count = vectors + bool(dense)
        self.pairs: Tensor
        self.register_buffer("pairs", torch.triu_indices(count, count, 1), persistent=False)
        width = count * (count - 1) // 2 + recipe.dim * (1 if dense else count)
        self.top = mlp((width, *recipe.top), recipe.dropout)
        self.out = nn.Linear((width, *recipe.top)[-1], 1)

    def forward(self, dense: Tensor, vectors: list[Tensor]) -> Tensor:
        """The log-odds."""
        first = vectors if self.bottom is None else [self.bottom(dense)]
        if self.bottom is not None:
            vectors = [*first, *vectors]
        stacked = torch.stack(vectors, 1)
        joined = torch.cat([*first, pairwise_products(stacked, self.pairs)], 1)
        logit: Tensor = self.out(self.top(joined))[:, 0]
        return logit


def pairwise_products(
    vectors: Float[Tensor, "n f dim"], pairs: Int[Tensor, "2 pairs"]
) -> Float[Tensor, "n pairs"]:
    """The dot products of pairs of vectors; `pairs` holds their numbers."""
    a, b = pairs[0], pairs[1]
    count = vectors.shape[1]
    if count <= FEW:  # products of many tiny matrices are slower than the sums written out
        return (vectors.index_select(1, a) * vectors.index_select(1, b)).sum(2)
    products = torch.bmm(vectors, vectors.transpose(1, 2))
    return products.flatten(1).index_select(1, a * count + b)


class CrossNetwork(nn.Module):
    """The head of DCN-v2: cross layers beside an MLP."""

    def __init__(self, recipe: DCN, dense: int, vectors: int) -> None:
        super().__init__()
        width = dense + vectors * recipe.dim
        self.cross = nn.ModuleList(_cross_layer(width, recipe.rank) for _ in range(recipe.cross))
        self.deep = mlp((width, *recipe.deep), recipe.dropout)
        self.out = nn.Linear(width + (recipe.deep[-1] if recipe.deep else 0), 1)

    def forward(self, dense: Tensor, vectors: list[Tensor]) -> Tensor:
        """The log-odds."""
        start = torch.cat([dense, *vectors], 1)
        x = start
        for layer in self.cross:
            x = torch.addcmul(x, start, layer(x))
        both = torch.cat([x, self.deep(start)], 1) if len(self.deep) else x
        logit: Tensor = self.out(both)[:, 0]
        return logit


def _cross_layer(width: int, rank: int) -> nn.Module:
    if not rank:
        return nn.Linear(width, width)
    return nn.Sequential(nn.Linear(width, rank, bias=False), nn.Linear(rank, width))


class ClickNet(nn.Module):
    """From the inputs of a row to the log-odds that it is positive."""

    def __init__(self, recipe: ClickNetworkRecipe, widths: Widths) -> None:
        super().__init__()
        dim = recipe.dim
        hidden = recipe.reducer.hidden
        self.reducers = nn.ModuleList(
            mlp((width, *hidden, dim), recipe.dropout)
            for width in widths.groups
            if recipe.upstream == "joint"
        )
        self.labels = nn.Parameter(SMALL * torch.randn(widths.labels + 1, dim))
        self.user = nn.Parameter(SMALL * torch.randn(widths.users, dim)) if recipe.ids else None
        self.item = nn.Parameter(SMALL * torch.randn(widths.items, dim)) if recipe.ids else None
        self.firsts = widths.several
        vectors = len(widths.groups) + widths.single + len(widths.several) + 2 * recipe.ids
        self.head: nn.Module
        if isinstance(recipe, DLRM):
            self.head = DotInteractions(recipe, widths.dense, vectors)
        else:
            assert isinstance(recipe, DCN)
            self.head = CrossNetwork(recipe, widths.dense, vectors)
        with torch.no_grad():
            self.labels[-1] = 0

    def forward(self, batch: Batch) -> Float[Tensor, " batch"]:
        """The log-odds."""
        reducers = (cast(nn.Sequential, reducer) for reducer in self.reducers)
        vectors = [
            group.through(next(reducers)) if isinstance(group, GroupTables) else group
            for group in batch.groups
        ]
        padding = len(self.labels) - 1
        if batch.single.shape[1]:
            vectors += embedding(batch.single, self.labels, padding_idx=padding).unbind(1)
        for labels, first in zip(batch.several, self.firsts, strict=True):
            if labels.is_floating_point():
                vectors.append(labels @ self.labels[first : first + labels.shape[1]])
            else:
                vectors.append(embedding_bag(labels, self.labels, padding_idx=padding))
        if self.user is not None and self.item is not None:
            vectors += [embedding(batch.user, self.user), embedding(batch.item, self.item)]
        logit: Tensor = self.head(batch.dense, vectors)
        return logit
