"""Features of events, items and users as the columns of one regression."""

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
    """The columns of one feature, each scaled to mean 0 and deviation 1 over the training rows.

    Where the vector is missing, its columns are 0 (the mean) and a column of its own is 1; that
    column is there only if some training row misses the vector.

    Attributes:
        entity: The feature of items or users that pairs are looked up in once training is done;
            of a feature of events, the one made from all of train.
        mean, scale: Of each column; a constant column has scale 1.
        flagged: Whether there is a column for missing vectors.
    """

    entity: Feature
    mean: Float[Array, " dim"]
    scale: Float[Array, " dim"]
    flagged: bool

    def columns(
        self, vectors: Float[Array, "rows dim"], present: Array
    ) -> Float[Array, "rows columns"]:
        """Scaled vectors, float64."""
        made = np.where(present[:, None], (vectors - self.mean) / self.scale, 0.0)
        return np.hstack([made, ~present[:, None]]) if self.flagged else made

    def of_entities(self) -> Float[Array, "entities columns"]:
        """The columns of every item or user."""
        return np.asarray(self.columns(self.entity.vectors, self.entity.present))

    def unknown(self) -> Float[Array, " columns"]:
        """The columns of somebody or something of which nothing is known."""
        none = np.zeros((1, len(self.mean)))
        return np.asarray(self.columns(none, np.zeros(1, bool))[0])


def design(
    data: TrainingData, names: Sequence[str]
) -> tuple[Float[Array, "n columns"], list[Block]]:
    """The training rows' columns, and how to make those of any pair.

    A feature of events gives each training row what was made without it.

    Raises:
        BadSetting: if a feature of events is named and the rows of the events are not known.
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
                f"'{name}' is a feature of events, and it is not known which rows of the log the "
                "training events are; give TrainingData(rows=…)"
            )
        return feature.at(data.rows)
    row: Int[Array, " n"] = data.train.item if feature.of == "item" else data.train.user
    return feature.vectors[row], feature.present[row]


def _block(feature: AnyFeature, vectors: Array, present: Array) -> Block:
    there = vectors[present].astype(np.float64)
    mean = there.mean(axis=0) if len(there) else np.zeros(vectors.shape[1])
    scale = there.std(axis=0) if len(there) else np.ones(vectors.shape[1])
    scale[scale < 1e-8] = 1.0
    entity = feature.whole if isinstance(feature, EventFeature) else feature
    return Block(entity, mean, scale, flagged=not present.all())
