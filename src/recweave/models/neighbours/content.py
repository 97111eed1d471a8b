"""Items like those in the history by what is said of them: no events needed."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.memory import require_memory
from recweave.encode.features import find_item_feature
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import ItemWeights
from recweave.models.neighbours.nearest import nearest
from recweave.models.neighbours.words import cosines, directions
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

    def _weights(self, direction: Float[Array, "items dim"]) -> Iterator[Csr]:
        """The nearest of each item, by blocks of items."""
        items = len(direction)
        require_memory(
            8 * (items * min(self.k, items) + direction.size) + 3 * max(8 * items, TABLE_BYTES),
            f"ContentKNN with {self.k:,} neighbours of {items:,} items",
            "ask for a smaller k",
        )
        size = max(1, TABLE_BYTES // (8 * items))
        for first in range(0, items, size):
            similar = cosines(direction[first : first + size], direction)
            own = np.arange(len(similar))
            similar[own, first + own] = -np.inf
            near = np.where(nearest(similar, self.k), similar, 0)
            yield sparse.csr_array(np.maximum(near, 0))


def train_content_knn(recipe: ContentKNN, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if the feature is not there, or of users.
    """
    feature = find_item_feature(data.features, recipe.feature)
    weights = sparse.vstack(list(recipe._weights(directions(feature))), format="csr")
    return ItemWeights(sparse.csr_array(weights), recipe.decay, recipe.behaviors.by_code())
