"""Items like those in the history by what is said of them: no events needed."""

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
from recweave.models.neighbours.words import cosines, directions_about, mean_vector
from recweave.models.training import Options, TrainingData

TABLE_BYTES = 64 * 2**20
"""Of one float64 table of items by items; a block of items holds about three at a time."""


class ContentKNN(Recipe):
    """Items like those in the history by their vectors: words, pictures, numbers.

    Likeness is the cosine of two vectors less the mean of all; each item of the history speaks for
    the `k` items most like it, none that is less alike than by chance (cosine ≤ 0). Items nobody
    had are recommended like any other, and so are new users served; nothing is learned from
    events. An item without a vector is neither recommended nor heard. Ties go by item row.

    The cost is items² times the length of a vector; memory holds items · k weights.
    """

    trainer: ClassVar[str] = f"{__name__}:train_content_knn"
    stochastic: ClassVar[bool] = False

    feature: str = Field("text", description="whose vectors tell how alike items are")
    k: Annotated[int, Tune(5, 500, log=True)] = Field(
        100, gt=0, description="neighbours of each, itself not counted"
    )
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0, gt=0, le=1, description="weight of an event is this to the power of the events since"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="strength of an event by its behaviour"
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return (self.feature,)


@dataclass(frozen=True, eq=False)
class ContentNeighbors:
    """Places new items among the neighbours of all, as training on the larger catalogue would.

    New items get neighbours, known and new, and take the places of farther ones among those of
    known items. The mean stays that of training, which is all that differs from a new fit.

    Attributes:
        name: The feature.
        mean: Its mean in training.
        direction: The items' unit vectors from the mean.
        k: Neighbours of each item.
    """

    name: str
    mean: Float[Array, " dim"]
    direction: Float[Array, "items dim"]
    k: int

    def place(self, model: Model, features: Features, count: int) -> ItemWeights | None:
        """See `kinds.ItemPlacing.place`."""
        assert isinstance(model, ItemWeights)
        found = new_item_features(features, [self.name], [len(self.mean)], count)
        if found is None:
            return None
        new = directions_about(found[0], self.mean)
        direction = np.concatenate([self.direction, new])
        columns = sparse.csr_array(sparse.vstack(list(_columns(self.direction, new))))
        known = sparse.hstack([sparse.csr_array(model.weights), columns])
        rows = [keep_nearest(sparse.csr_array(known), self.k)]
        rows.extend(_rows(direction, len(self.direction), self.k))
        weights = sparse.csr_array(sparse.vstack(rows, format="csr"))
        return replace(model, weights=weights, placing=replace(self, direction=direction))


def _rows(direction: Float[Array, "items dim"], start: int, k: int) -> Iterator[Csr]:
    """The nearest of each item from a row on, by blocks of items."""
    items = len(direction)
    require_memory(
        8 * (items * min(k, items) + direction.size) + 3 * max(8 * items, TABLE_BYTES),
        f"ContentKNN with {k:,} neighbours of {items:,} items",
        "ask for a smaller k",
    )
    size = max(1, TABLE_BYTES // (8 * items))
    for first in range(start, items, size):
        similar = cosines(direction[first : first + size], direction)
        own = np.arange(len(similar))
        similar[own, first + own] = -np.inf
        near = np.where(nearest(similar, k), similar, 0)
        yield sparse.csr_array(np.maximum(near, 0))


def _columns(known: Float[Array, "items dim"], new: Float[Array, "new dim"]) -> Iterator[Csr]:
    """Cosines above 0 of known items with new ones, by blocks of known items."""
    size = max(1, TABLE_BYTES // max(1, 8 * len(new)))
    for first in range(0, len(known), size):
        yield sparse.csr_array(np.maximum(cosines(known[first : first + size], new), 0))


def train_content_knn(recipe: ContentKNN, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if the feature is not there, or of users.
    """
    feature = find_item_feature(data.features, recipe.feature)
    mean = mean_vector(feature)
    direction = directions_about(feature, mean)
    weights = sparse.vstack(list(_rows(direction, 0, recipe.k)), format="csr")
    return ItemWeights(
        sparse.csr_array(weights),
        recipe.decay,
        recipe.behaviors.by_code(),
        placing=ContentNeighbors(recipe.feature, mean, direction, recipe.k),
    )
