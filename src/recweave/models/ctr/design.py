"""The columns that click models read of events, items and users, from features."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse.linalg import LinearOperator

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import (
    Entity,
    EventFeature,
    Feature,
    find_entity_feature,
    find_feature,
)
from recweave.models.training import TrainingData


@dataclass(frozen=True, eq=False)
class Source:
    """The vectors of one feature, and which of them each training row reads.

    With a feature of events, a training row reads the vector computed without it, so that there is
    no data leakage. A table of vectors and row numbers takes far less memory than a vector for each
    training row.

    Attributes:
        name: The name of the feature.
        entity: The feature of items or users that is used after training; for a feature of events,
            the one computed from all of train.
        vectors: Those of the entities, then the variants.
        present: Whether each row of `vectors` is there.
        row: Row in `vectors` of each training event.
        valid_row: Row in `vectors` of each validation event.
    """

    name: str
    entity: Feature
    vectors: Float[Array, "table dim"]
    present: Bool[Array, " table"]
    row: Int[Array, " n"]
    valid_row: Int[Array, " m"]

    @property
    def of(self) -> Entity:
        """Whether it is of items or users."""
        return self.entity.of

    @classmethod
    def find(cls, data: TrainingData, name: str) -> "Source":
        """The feature of this name.

        Raises:
            BadSetting: if there is none, or if it is of events and the events' rows in the log are
                not known.
        """
        feature = find_feature(data.features, name)
        if isinstance(feature, EventFeature):
            whole = feature.whole
            if data.rows is None:
                raise BadSetting(
                    f"'{name}' is a feature of events, but the rows of the training events in the "
                    "log are not known; pass TrainingData(rows=…)"
                )
            valid_row = rows_of_entities(data.valid, feature.whole.of)
            if data.valid_rows is not None:
                valid_row = _rows_of_variants(feature, data.valid_rows)
            return cls(
                name,
                whole,
                np.concatenate([whole.vectors, feature.vectors]),
                np.concatenate([whole.present, feature.present]),
                _rows_of_variants(feature, data.rows),
                valid_row,
            )
        vectors = find_entity_feature(data.features, name)
        row, valid_row = (rows_of_entities(log, vectors.of) for log in (data.train, data.valid))
        return cls(name, vectors, vectors.vectors, vectors.present, row, valid_row)


def _rows_of_variants(feature: EventFeature, rows: Int[Array, " n"]) -> Int[Array, " n"]:
    """Where some events of the log find their vectors: their variant's, or their entity's own."""
    variant = feature.variant[rows]
    own = feature.entity[rows]
    return np.asarray(np.where(variant >= 0, len(feature.whole.vectors) + variant, own))


def rows_of_entities(events: Interactions | None, of: Entity) -> Int[Array, " n"]:
    """The items, or the users, of some events; none of no events."""
    if events is None:
        return np.empty(0, np.int32)
    return events.item if of == "item" else events.user


@dataclass(frozen=True, eq=False)
class Standardizer:
    """Turns vectors into columns with mean 0 and deviation 1 over the training rows.

    Where the vector is missing, its columns are 0 (the mean) and an extra column is 1. The extra
    column exists only if a training row has no vector.

    Attributes:
        name: The name of the feature.
        of: Whether its vectors are of items or users.
        mean, scale: Mean and standard deviation of each column; a constant column has scale 1.
        flagged: Whether there is a column for missing vectors.
    """

    name: str
    of: Entity
    mean: Float[Array, " dim"]
    scale: Float[Array, " dim"]
    flagged: bool

    @classmethod
    def fit(cls, source: Source) -> "Standardizer":
        """From the vectors of the training rows."""
        count = np.bincount(source.row, minlength=len(source.vectors)) * source.present
        used = np.flatnonzero(count)
        weight = count[used] / max(1, count.sum())
        vectors = source.vectors[used].astype(np.float64)
        mean = weight @ vectors
        vectors -= mean
        scale = np.sqrt(weight @ (vectors * vectors))
        scale[scale < 1e-8] = 1.0
        flagged = not source.present[source.row].all()
        return cls(source.name, source.of, mean, scale, flagged)

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.mean) + self.flagged

    def columns(
        self, vectors: Float[Array, "rows dim"], present: Bool[Array, " rows"]
    ) -> Float[Array, "rows columns"]:
        """The standardized columns, float64."""
        scaled = np.where(present[:, None], (vectors - self.mean) / self.scale, 0.0)
        return np.hstack([scaled, ~present[:, None]]) if self.flagged else scaled

    def unknown(self) -> Float[Array, " columns"]:
        """The columns of an unknown user or item."""
        zeros = np.zeros((1, len(self.mean)))
        return np.asarray(self.columns(zeros, np.zeros(1, bool))[0])


@dataclass(frozen=True, eq=False)
class Block:
    """The columns of one feature.

    Attributes:
        source: The feature.
        standardizer: Fitted on its training rows.
    """

    source: Source
    standardizer: Standardizer

    @classmethod
    def find(cls, data: TrainingData, name: str) -> "Block":
        """The feature of this name; see `Source.find`."""
        source = Source.find(data, name)
        return cls(source, Standardizer.fit(source))

    def table(self) -> Float[Array, "table columns"]:
        """The columns of each row of `source.vectors`."""
        return self.standardizer.columns(self.source.vectors, self.source.present)

    def of_entities(self) -> Float[Array, "entities columns"]:
        """The columns of every item or user."""
        entity = self.source.entity
        return self.standardizer.columns(entity.vectors, entity.present)


def design(
    data: TrainingData, names: Sequence[str]
) -> tuple[Float[Array, "n columns"], list[Block]]:
    """The columns of the training rows, and one block per feature to compute those of any pair.

    Raises:
        BadSetting: for a feature of events if the events' rows in the log are not known.
    """
    blocks = [Block.find(data, name) for name in names]
    columns = [np.empty((len(data.train), 0))]
    columns += [block.table()[block.source.row] for block in blocks]
    return np.hstack(columns), blocks


def training_columns(blocks: Sequence[Block], rows: int) -> LinearOperator:
    """The matrix of `design` of so many rows, for products with vectors alone.

    Many rows share a vector, as many events share a user or an item: each is multiplied once.
    """
    row = [block.source.row for block in blocks]
    table = [block.table() for block in blocks]
    edges = np.cumsum([0, *(block.standardizer.width for block in blocks)])
    parts = [slice(*edge) for edge in pairwise(edges)]

    def product(weight: Float[Array, " columns"]) -> Float[Array, " n"]:
        each = ((t @ weight[part])[r] for r, t, part in zip(row, table, parts, strict=True))
        return np.asarray(sum(each, np.zeros(rows)))

    def sums(weight: Float[Array, " n"]) -> Float[Array, " columns"]:
        each = (np.bincount(r, weight, len(t)) @ t for r, t in zip(row, table, strict=True))
        return np.concatenate([np.empty(0), *each])

    return LinearOperator((rows, edges[-1]), matvec=product, rmatvec=sums, dtype=np.float64)
