"""Maps the features of a cold item to the item vector of a trained network; needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.encode.features import Feature, Features, find_item_feature

ROUNDING = 1e-5
"""A difference from the mean below this share of a vector's length is a rounding error."""


@dataclass(frozen=True, eq=False)
class ContentMap:
    """The item vector that a trained network computes for an item with features and no events.

    The centered unit vectors of the features are concatenated and go through the layers, with ReLU
    between them. Items without events were represented this way in training, so a new item gets
    the vector that it would have had in the catalogue of training.

    Attributes:
        names: The features, in the order of their columns.
        means: The mean of each over the items with events in training.
        layers: Matrices, applied from the right.
        zeros: Number of zero columns before the result: those of the item's own embedding.
        unit: Whether the result is scaled to unit length.
        length: Factor that the result is multiplied by at the end.
    """

    names: tuple[str, ...]
    means: tuple[Float[Array, " _"], ...]
    layers: tuple[Float[Array, "_ _"], ...]
    zeros: int = 0
    unit: bool = False
    length: float = 1.0

    def vectors(self, features: Features, count: int) -> Float[Array, "count dim"] | None:
        """Vectors of new items; zero for an item without content, None without any feature.

        Args:
            features: Features of the new items alone, by name; one that is missing counts as
                missing for all of them.
            count: Number of new items.

        Raises:
            BadSetting: for a feature of users, or of another length than in training.
        """
        dims = [len(mean) for mean in self.means]
        new_features = new_item_features(features, self.names, dims, count)
        if new_features is None:
            return None
        parts = [
            directions_from(feature.vectors, feature.present, mean)
            for feature, mean in zip(new_features, self.means, strict=True)
        ]
        vectors = np.hstack(parts)
        for depth, layer in enumerate(self.layers):
            vectors = (np.maximum(vectors, 0) if depth else vectors) @ layer
        vectors = np.hstack([np.zeros((count, self.zeros), np.float32), vectors])
        if self.unit:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return np.asarray(vectors * np.float32(self.length), np.float32)


def directions_from(
    vectors: Float[Array, "items dim"], present: Bool[Array, " items"], mean: Float[Array, " dim"]
) -> Float[Array, "items dim"]:
    """Vectors minus the mean, of length 1; zero for an item without a vector, or at the mean."""
    centered = vectors - mean
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    # The difference of equal vectors is a rounding error without a direction.
    usable = present[:, None] & (length > ROUNDING * np.linalg.norm(vectors, axis=1, keepdims=True))
    return np.where(usable, centered / np.maximum(length, 1e-9), 0).astype(np.float32)


def new_item_features(
    features: Features, names: Sequence[str], dims: Sequence[int], count: int
) -> list[Feature] | None:
    """Features of new items in the order of names; a missing feature has no vectors.

    Args:
        features: Features of the new items alone, by name.
        names: Features that the model reads.
        dims: Length of the vectors of each feature in training.
        count: Number of new items.

    Returns:
        One feature for each name, or None if all of them are missing.

    Raises:
        BadSetting: for a feature of users, or of another length than in training.
    """
    if not any(name in features for name in names):
        return None
    result = []
    for name, dim in zip(names, dims, strict=True):
        if name not in features:
            nothing = np.zeros((count, dim), np.float32)
            result.append(Feature(nothing, np.zeros(count, bool), "none", "missing"))
            continue
        feature = find_item_feature(features, name)
        if feature.vectors.shape != (count, dim):
            raise BadSetting(
                f"the feature '{name}' of the new items has the shape {feature.vectors.shape}, "
                f"but the model reads {dim} numbers of each of {count} items; make it with the "
                "encoder that the model was trained with"
            )
        result.append(feature)
    return result
