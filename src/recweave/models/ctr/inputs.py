"""What the networks of click models read of training rows and of pairs, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.models.ctr.design import Block, Source
from recweave.models.ctr.settings import ClickNetworkRecipe
from recweave.models.training import TrainingData


@dataclass(frozen=True, eq=False)
class Labels:
    """A feature of labels: for each row of its table, which rows of the embedding table it reads.

    Attributes:
        source: The feature.
        names: Name of each label; empty where the feature names none.
        first: Row of its first label in the embedding table of all features.
        count: The number of labels.
        code: Rows in the embedding table, -1 after the last label.
    """

    source: Source
    names: tuple[str, ...]
    first: int
    count: int
    code: Int[Array, "table width"]

    @classmethod
    def of(cls, data: TrainingData, name: str, first: int) -> "Labels":
        """From a feature whose columns are labels; those above 0 are present."""
        source = Source.of(data, name)
        code = padded_codes((source.vectors > 0) & source.present[:, None])
        count = source.vectors.shape[1]
        names = tuple(source.entity.columns)
        return cls(source, names, first, count, np.where(code >= 0, first + code, -1))


def padded_codes(present: Bool[Array, "rows labels"]) -> Int[Array, "rows width"]:
    """The column numbers of True in each row, in order, then -1; at least one column wide."""
    row, column = np.nonzero(present)
    count = np.bincount(row, minlength=len(present))
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    code = np.full((len(present), max(1, int(count.max(initial=0)))), -1, np.int32)
    code[row, place] = column
    return code


@dataclass(frozen=True, eq=False)
class Inputs:
    """The inputs of a network.

    Attributes:
        dense: Blocks of the dense columns, in order.
        groups: Blocks of each group that is reduced.
        labels: Features of labels.
    """

    dense: tuple[Block, ...]
    groups: tuple[tuple[Block, ...], ...]
    labels: tuple[Labels, ...]

    @classmethod
    def of(cls, recipe: ClickNetworkRecipe, data: TrainingData) -> "Inputs":
        """The inputs that a recipe names."""
        dense = tuple(Block.of(data, name) for name in recipe.dense)
        groups = tuple(tuple(Block.of(data, name) for name in group) for group in recipe.reduce)
        labels: list[Labels] = []
        for name in recipe.embed:
            first = sum(one.count for one in labels)
            labels.append(Labels.of(data, name, first))
        return cls(dense, groups, tuple(labels))

    @property
    def label_count(self) -> int:
        """Labels of all features."""
        return sum(one.count for one in self.labels)

    def arrays(self) -> list[Array]:
        """All that the network reads, to identify it."""
        blocks = [*self.dense, *(block for group in self.groups for block in group)]
        sources = [block.source for block in blocks] + [one.source for one in self.labels]
        return [part for source in sources for part in (source.vectors, source.row)]


@dataclass(frozen=True, eq=False)
class Rows:
    """Training rows, or pairs of users and items: the row that they read in each table."""

    user: Int[Array, " n"]
    item: Int[Array, " n"]
    training: bool

    def __len__(self) -> int:
        return len(self.user)

    def at(self, source: Source) -> Int[Array, " n"]:
        """Row in `source.vectors`; a pair that is no training row reads the entity's own."""
        if self.training:
            return source.row
        return self.item if source.entity.of == "item" else self.user

    def columns(self, blocks: Sequence[Block]) -> Float[Array, "n columns"]:
        """The columns of some blocks, float32."""
        parts = [block.table().astype(np.float32)[self.at(block.source)] for block in blocks]
        return np.hstack([np.empty((len(self), 0), np.float32), *parts])
