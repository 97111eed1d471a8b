"""What everybody should beat: popularity, of all time or of late, and chance."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float, Integer
from pydantic import Field

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.models.base import Model, Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import ItemScores
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData

DAY = 86_400


class Popularity(Recipe):
    """The most consumed items, of all time or of the last `days` before the log ends.

    Items without an event in the window come last, in the order of all time, which also parts equal
    counts; what is then equal goes by item row. On logs with strong trends the window matters: on
    MovieLens-20M cut at one moment, the last week's beat a plain SASRec (HSTU's repository).
    """

    trainer: ClassVar[str] = f"{__name__}:train_popularity"
    stochastic: ClassVar[bool] = False

    days: Annotated[float | None, Tune(choices=(None, 7.0, 30.0, 90.0))] = Field(
        None, gt=0, description="count only the log's last days; all of it without"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="how much an event counts by its behaviour"
    )

    def _counts(self, log: Interactions) -> Float[Array, " items"]:
        weight = self.behaviors.by_code()[log.behavior]
        return np.bincount(log.item, weight, minlength=log.shape[1])


def train_popularity(recipe: Popularity, data: TrainingData, options: Options) -> ItemScores:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if `days` is set and the log has no times.
    """
    ever = recipe._counts(data.train)
    if recipe.days is None:
        return ItemScores(ever.astype(np.float32))
    if data.train.clock != "seconds":
        raise BadSetting(
            f"days is {recipe.days:g}, but this log has an order and no times; leave days out"
        )
    late = recipe._counts(
        data.train[data.train.time > data.train.time.max(initial=0) - recipe.days * DAY]
    )
    # The place in the order, as a sum of both counts could round a difference away.
    _, place = np.unique(np.stack([late, ever]), axis=1, return_inverse=True)
    return ItemScores(place.ravel().astype(np.float32))


class Random(Recipe):
    """A random order of the items for each user, drawn from the seed: the floor of any metric."""

    trainer: ClassVar[str] = f"{__name__}:train_random"


def train_random(recipe: Random, data: TrainingData, options: Options) -> "RandomScores":
    """See `Recipe.fit`."""
    return RandomScores(int(np.random.default_rng(options.seed).integers(2**32)))


@dataclass(frozen=True, eq=False)
class RandomScores(Model):
    """Scores from 0 to 1 that look random and are the same whenever a user asks.

    Attributes:
        key: From 0 to 2³² - 1; another one gives other scores. All new users share one order.
    """

    key: int

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        user = _mix(query.user.astype(np.uint32) + np.uint32(self.key))
        item = _mix(np.arange(query.history.items, dtype=np.uint32))
        return (_mix(user[:, None] + item) >> 8).astype(np.float32) / np.float32(2**24)


def _mix(number: Integer[Array, "*shape"]) -> Integer[Array, "*shape"]:
    """Whole numbers of 32 bits stirred so that neighbours have nothing in common (lowbias32)."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        number = (number ^ (number >> shift)) * np.uint32(factor)
    return np.asarray(number ^ (number >> 16))
