"""From the features of an item to the vector that a trained network gives it; needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.encode.features import Feature, Features, find_item_feature

ROUNDING = 1e-5
"""A difference from the mean below this share of a vector's length is rounding."""


@dataclass(frozen=True, eq=False)
class ContentMap:
    """What a network makes of an item that has content and no events.

    The features' directions from their means, side by side, go through the layers with ReLU
    between them. This is how items without events were represented in training, so an item that
    comes later gets the vector that it would have had in the catalogue of the trained network.

    Attributes:
        names: The features, in the order of their columns.
        means: The mean of each over the items with events in training.
        layers: Matrices, applied from the right.
        zeros: Columns of zeros before the result: those of an item's own numbers.
        unit: Whether the result is scaled to unit length.
        length: What it is multiplied by at the end.
    """

    names: tuple[str, ...]
    means: tuple[Float[Array, " _"], ...]
    layers: tuple[Float[Array, "_ _"], ...]
    zeros: int = 0
    unit: bool = False
    length: float = 1.0

    def vectors(self, features: Features, count: int) -> Float[Array, "count dim"] | None:
        """The items' vectors; zero for an item without content, None if there is no feature.

        Args:
            features: Of the new items alone, by name; a feature that is not there counts as
                missing for all of them.
            count: How many new items there are.

        Raises:
            BadSetting: for a feature of users, or of another length than in training.
        """
        dims = [len(mean) for mean in self.means]
        found = new_item_features(features, self.names, dims, count)
        if found is None:
            return None
        parts = [
            directions_from(feature.vectors, feature.present, mean)
            for feature, mean in zip(found, self.means, strict=True)
        ]
        made = np.hstack(parts)
        for place, layer in enumerate(self.layers):
            made = (np.maximum(made, 0) if place else made) @ layer
        made = np.hstack([np.zeros((count, self.zeros), np.float32), made])
        if self.unit:
            made = made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)
        return np.asarray(made * np.float32(self.length), np.float32)


def directions_from(
    vectors: Float[Array, "items dim"], present: Bool[Array, " items"], mean: Float[Array, " dim"]
) -> Float[Array, "items dim"]:
    """Unit vectors from the mean to each item's; zero for an item at the mean or without one."""
    centered = vectors - mean
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    # What is left of equal vectors is rounding, which points nowhere.
    usable = present[:, None] & (length > ROUNDING * np.linalg.norm(vectors, axis=1, keepdims=True))
    return np.where(usable, centered / np.maximum(length, 1e-9), 0).astype(np.float32)


def new_item_features(
    features: Features, names: Sequence[str], dims: Sequence[int], count: int
) -> list[Feature] | None:
    """Features of new items in the order of names; all missing where one is not there.

    Args:
        features: Of the new items alone, by name.
        names: Those that the model reads.
        dims: Length of each in training.
        count: How many new items there are.

    Returns:
        One feature for each name, or None if not one of them is there.

    Raises:
        BadSetting: for a feature of users, or of another length than in training.
    """
    if not any(name in features for name in names):
        return None
    found = []
    for name, dim in zip(names, dims, strict=True):
        if name not in features:
            nothing = np.zeros((count, dim), np.float32)
            found.append(Feature(nothing, np.zeros(count, bool), "none", "missing"))
            continue
        feature = find_item_feature(features, name)
        if feature.vectors.shape != (count, dim):
            raise BadSetting(
                f"the feature '{name}' of the new items has the shape {feature.vectors.shape}, "
                f"but the model reads {dim} numbers of each of {count} items; make it with the "
                "encoder that the model was trained with"
            )
        found.append(feature)
    return found
