"""What is popular now: popularity that fades."""

from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from recweave.core.arrays import Array
from recweave.data.interactions import Interactions
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import ItemScores
from recweave.models.popularity import DAY
from recweave.models.training import Options, TrainingData


class Recency(Recipe):
    """The most consumed items, an event counting half as much after each `half_life`.

    The sum over an item's events of 2^(−age / half_life). As all events fade alike, the order is
    the same whenever lists are asked for. What has faded to nothing goes by its count of all time,
    then by item row.
    """

    trainer: ClassVar[str] = f"{__name__}:train_recency"
    stochastic: ClassVar[bool] = False

    half_life: Annotated[float | None, Tune(choices=(None, 1.0, 7.0, 30.0, 90.0))] = Field(
        None,
        gt=0,
        description="days, or events where the log has only their order; without it a tenth of the"
        " log",
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="how much an event counts by its behaviour"
    )


def train_recency(recipe: Recency, data: TrainingData, options: Options) -> ItemScores:
    """See `Recipe.fit`."""
    age = _ages(data.train)
    half_life = recipe.half_life or max(float(age.max(initial=0)), 1e-9) / 10
    weight = recipe.behaviors.by_code()[data.train.behavior]
    late, ever = (
        np.bincount(data.train.item, each, minlength=data.train.shape[1])
        for each in (weight * np.exp2(-age / half_life), weight)
    )
    # The place in the order, as float32 would lose what is old.
    _, place = np.unique(np.stack([late, ever]), axis=1, return_inverse=True)
    return ItemScores(place.ravel().astype(np.float32))


def _ages(log: Interactions) -> Float[Array, " n"]:
    """Days before the newest event, or, without times, events of a later time."""
    if log.clock == "seconds":
        return np.asarray((log.time.max(initial=0) - log.time) / DAY)
    later = len(log) - np.searchsorted(np.sort(log.time), log.time, side="right")
    return later.astype(np.float64)
