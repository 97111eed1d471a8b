"""Content-based item-to-item neighbours: similar by text, pictures or numbers; no events needed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.memory import require_memory
from recweave.encode.features import Features, find_item_feature
from recweave.models.base import Model, Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.content import new_item_features
from recweave.models.kinds import ItemWeights
from recweave.models.neighbours.nearest import keep_nearest, nearest
from recweave.models.neighbours.text_similarity import cosines, directions_from_mean, mean_vector
from recweave.models.training import Options, TrainingData

TABLE_BYTES = 64 * 2**20
"""Size of one float64 table of items by items. A block of items needs about three of them."""


class ContentKNN(Recipe):
    """Items with vectors similar to those of the history: text, pictures, numbers.

    The similarity of two items is the cosine of their vectors minus the mean of all vectors. Each
    item of the history adds to the scores of the `k` items most similar to it, if the cosine is
    above 0. Nothing is learned from events, so cold items are recommended like any other, and cold
    users get lists too. An item without a vector is not recommended and adds nothing. Ties go by
    item row.

    The time is items² times the length of a vector; the memory holds items · k weights.
    """

    trainer: ClassVar[str] = f"{__name__}:train_content_knn"
    stochastic: ClassVar[bool] = False

    feature: str = Field("text", description="item vectors that the similarity is computed from")
    k: Annotated[int, Tune(5, 500, log=True)] = Field(
        100, gt=0, description="number of neighbours of each item"
    )
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0,
        gt=0,
        le=1,
        description="event weight, to the power of the number of later events",
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event by its behaviour"
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return (self.feature,)


@dataclass(frozen=True, eq=False)
class ContentNeighbors:
    """Adds new items to the neighbours, as training on the larger catalogue would.

    New items get neighbours among known and new items. They replace less similar neighbours of
    known items. Only the mean differs from a new fit: it stays the mean of training.

    Attributes:
        name: Name of the feature.
        mean: Its mean in training.
        direction: The items' unit vectors from the mean.
        k: Neighbours of each item.
    """

    name: str
    mean: Float[Array, " dim"]
    direction: Float[Array, "items dim"]
    k: int

    def extend(self, model: Model, features: Features, count: int) -> ItemWeights | None:
        """See `kinds.ItemExtender.extend`."""
        assert isinstance(model, ItemWeights)
        new_features = new_item_features(features, [self.name], [len(self.mean)], count)
        if new_features is None:
            return None
        new = directions_from_mean(new_features[0], self.mean)
        direction = np.concatenate([self.direction, new])
        columns = sparse.csr_array(sparse.vstack(list(_columns(self.direction, new))))
        known = sparse.hstack([sparse.csr_array(model.weights), columns])
        rows = [keep_nearest(sparse.csr_array(known), self.k)]
        rows.extend(_rows(direction, len(self.direction), self.k))
        weights = sparse.csr_array(sparse.vstack(rows, format="csr"))
        return replace(model, weights=weights, placing=replace(self, direction=direction))


def _rows(direction: Float[Array, "items dim"], start: int, k: int) -> Iterator[Csr]:
    """The nearest neighbours of the items from row `start` on, by blocks of items."""
    items = len(direction)
    require_memory(
        8 * (items * min(k, items) + direction.size) + 3 * max(8 * items, TABLE_BYTES),
        f"ContentKNN with {k:,} neighbours of {items:,} items",
        "choose a smaller k",
    )
    size = max(1, TABLE_BYTES // (8 * items))
    for first in range(start, items, size):
        similar = cosines(direction[first : first + size], direction)
        own = np.arange(len(similar))
        similar[own, first + own] = -np.inf
        near = np.where(nearest(similar, k), similar, 0)
        yield sparse.csr_array(np.maximum(near, 0))


def _columns(known: Float[Array, "items dim"], new: Float[Array, "new dim"]) -> Iterator[Csr]:
    """Positive cosines of known items with new items, by blocks of known items."""
    size = max(1, TABLE_BYTES // max(1, 8 * len(new)))
    for first in range(0, len(known), size):
        yield sparse.csr_array(np.maximum(cosines(known[first : first + size], new), 0))


def train_content_knn(recipe: ContentKNN, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if the feature does not exist, or is of users.
    """
    feature = find_item_feature(data.features, recipe.feature)
    mean = mean_vector(feature)
    direction = directions_from_mean(feature, mean)
    weights = sparse.vstack(list(_rows(direction, 0, recipe.k)), format="csr")
    return ItemWeights(
        sparse.csr_array(weights),
        recipe.decay,
        recipe.behaviors.by_code(),
        placing=ContentNeighbors(recipe.feature, mean, direction, recipe.k),
    )
