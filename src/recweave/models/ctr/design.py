"""The design matrix of a regression, from features of events, items and users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.encode.features import AnyFeature, EventFeature, Feature, find_feature
from recweave.models.training import TrainingData


@dataclass(frozen=True, eq=False)
class Block:
    """The columns of one feature, standardized over the training rows (mean 0, deviation 1).

    Where the vector is missing, its columns are 0 (the mean) and an extra column is 1. The extra
    column exists only if a training row has no vector.

    Attributes:
        entity: The feature of items or users that is used after training; for a feature of events,
            the one computed from all of train.
        mean, scale: Mean and standard deviation of each column; a constant column has scale 1.
        flagged: Whether there is a column for missing vectors.
    """

    entity: Feature
    mean: Float[Array, " dim"]
    scale: Float[Array, " dim"]
    flagged: bool

    def columns(
        self, vectors: Float[Array, "rows dim"], present: Array
    ) -> Float[Array, "rows columns"]:
        """The standardized columns, float64."""
        scaled = np.where(present[:, None], (vectors - self.mean) / self.scale, 0.0)
        return np.hstack([scaled, ~present[:, None]]) if self.flagged else scaled

    def of_entities(self) -> Float[Array, "entities columns"]:
        """The columns of every item or user."""
        return np.asarray(self.columns(self.entity.vectors, self.entity.present))

    def unknown(self) -> Float[Array, " columns"]:
        """The columns of an unknown user or item."""
        zeros = np.zeros((1, len(self.mean)))
        return np.asarray(self.columns(zeros, np.zeros(1, bool))[0])


def design(
    data: TrainingData, names: Sequence[str]
) -> tuple[Float[Array, "n columns"], list[Block]]:
    """The columns of the training rows, and one block per feature to compute those of any pair.

    With a feature of events, each training row gets the vector computed without that row, so that
    there is no data leakage.

    Raises:
        BadSetting: for a feature of events if the events' rows in the log are not known.
    """
    columns, blocks = [np.empty((len(data.train), 0))], []
    for name in names:
        feature = find_feature(data.features, name)
        vectors, present = _at_rows(feature, name, data)
        block = _block(feature, vectors, present)
        columns.append(block.columns(vectors, present))
        blocks.append(block)
    return np.hstack(columns), blocks


def _at_rows(feature: AnyFeature, name: str, data: TrainingData) -> tuple[Array, Array]:
    if isinstance(feature, EventFeature):
        if data.rows is None:
            raise BadSetting(
                f"'{name}' is a feature of events, but the rows of the training events in the log "
                "are not known; pass TrainingData(rows=…)"
            )
        return feature.at(data.rows)
    row: Int[Array, " n"] = data.train.item if feature.of == "item" else data.train.user
    return feature.vectors[row], feature.present[row]


def _block(feature: AnyFeature, vectors: Array, present: Array) -> Block:
    known = vectors[present].astype(np.float64)
    mean = known.mean(axis=0) if len(known) else np.zeros(vectors.shape[1])
    scale = known.std(axis=0) if len(known) else np.ones(vectors.shape[1])
    scale[scale < 1e-8] = 1.0
    entity = feature.whole if isinstance(feature, EventFeature) else feature
    return Block(entity, mean, scale, flagged=not present.all())
