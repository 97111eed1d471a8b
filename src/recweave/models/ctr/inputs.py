"""What the networks of click models read of training rows and of pairs, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.encode.features import CategoricalFeature, Entity, find_feature
from recweave.models.ctr.design import Block, Source, rows_of_entities
from recweave.models.ctr.settings import ClickNetworkRecipe
from recweave.models.training import TrainingData


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels that are embedded: a feature whose columns are labels, or one field of categories.

    Attributes:
        name: The name of the feature.
        of: Whether they are of items or users.
        row: Row in `code` of each training event.
        valid_row: Row in `code` of each validation event.
        entities: Rows in `code` that are the entities' own; they come first.
        names: Name of each label; empty where the feature names none.
        count: The number of labels.
        code: Numbers of the labels of each row of the feature's table, then -1.
        first: Row of the first label in the embedding table of all features.
    """

    name: str
    of: Entity
    row: Int[Array, " n"]
    valid_row: Int[Array, " m"]
    entities: int
    names: tuple[str, ...]
    count: int
    code: Int[Array, "table width"]
    first: int = 0

    @classmethod
    def of_feature(cls, data: TrainingData, name: str) -> "list[Labels]":
        """One for each field of categories; else one whose labels are the columns above 0."""
        feature = find_feature(data.features, name)
        if isinstance(feature, CategoricalFeature):
            row, valid = (rows_of_entities(log, feature.of) for log in (data.train, data.valid))
            size = len(feature.codes)
            return [
                cls(
                    name,
                    feature.of,
                    row,
                    valid,
                    size,
                    tuple(f"{field}={level}" for level in levels),
                    len(levels),
                    feature.codes[:, at : at + 1],
                )
                for at, (field, levels) in enumerate(
                    zip(feature.fields, feature.levels, strict=True)
                )
            ]
        source = Source.find(data, name)
        code = padded_codes((source.vectors > 0) & source.present[:, None])
        entity = source.entity
        count = source.vectors.shape[1]
        columns = tuple(entity.columns)
        rows = source.row, source.valid_row
        return [cls(name, entity.of, *rows, len(entity.vectors), columns, count, code)]

    def shares(self) -> Float[Array, "table labels"]:
        """The share of each label in the mean of a row's embeddings."""
        row, place = np.nonzero(self.code >= 0)
        shares = np.zeros((len(self.code), self.count), np.float32)
        shares[row, self.code[row, place]] = 1
        return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1))

    @property
    def single(self) -> bool:
        """Whether no row has more than one label."""
        return bool(self.code.shape[1] == 1)


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
        labels: What is embedded; first all with at most one label a row.
    """

    dense: tuple[Block, ...]
    groups: tuple[tuple[Block, ...], ...]
    labels: tuple[Labels, ...]

    @classmethod
    def of(cls, recipe: ClickNetworkRecipe, data: TrainingData) -> "Inputs":
        """The inputs that a recipe names."""
        dense = tuple(Block.find(data, name) for name in recipe.dense)
        groups = tuple(tuple(Block.find(data, name) for name in group) for group in recipe.reduce)
        labels = [one for name in recipe.embed for one in Labels.of_feature(data, name)]
        labels.sort(key=lambda one: not one.single)
        firsts = accumulate((one.count for one in labels), initial=0)
        placed = (replace(one, first=first) for one, first in zip(labels, firsts, strict=False))
        return cls(dense, groups, tuple(placed))

    @property
    def label_count(self) -> int:
        """The number of labels of all features."""
        return sum(one.count for one in self.labels)

    def arrays(self) -> list[Array]:
        """All that the network reads, to identify it."""
        blocks = [*self.dense, *(block for group in self.groups for block in group)]
        sources = [block.source for block in blocks]
        of_blocks = [part for s in sources for part in (s.vectors, s.row, s.valid_row)]
        of_labels = [part for one in self.labels for part in (one.code, one.row, one.valid_row)]
        return of_blocks + of_labels


@dataclass(frozen=True, eq=False)
class Rows:
    """The training or the validation events: the row that they read in each table."""

    user: Int[Array, " n"]
    item: Int[Array, " n"]
    training: bool

    def __len__(self) -> int:
        return len(self.user)

    def at(self, table: Source | Labels) -> Int[Array, " n"]:
        """Row in the table of a feature."""
        return table.row if self.training else table.valid_row

    def columns(self, blocks: Sequence[Block]) -> Float[Array, "n columns"]:
        """The columns of some blocks, float32."""
        parts = [block.table().astype(np.float32)[self.at(block.source)] for block in blocks]
        return np.hstack([np.empty((len(self), 0), np.float32), *parts])
