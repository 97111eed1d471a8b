"""Baselines: popularity (of all time or recent) and random scores."""

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
from recweave.models.present import DAY
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData


class Popularity(Recipe):
    """The most popular items, of all time or of the last `days` of the log.

    Items without an event in the window come last, ordered by all-time popularity, which also
    breaks ties of the window; remaining ties go by item row. On logs with strong trends the window
    matters: with a temporal split of MovieLens-20M, the popularity of the last week beat a plain
    SASRec (HSTU's repository).
    """

    trainer: ClassVar[str] = f"{__name__}:train_popularity"
    stochastic: ClassVar[bool] = False

    days: Annotated[float | None, Tune(choices=(None, 7.0, 30.0, 90.0))] = Field(
        None, gt=0, description="count only the last days of the log; by default the whole log"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event by its behaviour"
    )

    def _counts(self, log: Interactions) -> Float[Array, " items"]:
        weight = self.behaviors.by_code()[log.behavior]
        return np.bincount(log.item, weight, minlength=log.shape[1])


def train_popularity(recipe: Popularity, data: TrainingData, options: Options) -> ItemScores:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if `days` is set and the log has no times.
    """
    all_time = recipe._counts(data.train)
    if recipe.days is None:
        return ItemScores(all_time.astype(np.float32))
    if data.train.clock != "seconds":
        raise BadSetting(
            f"days is {recipe.days:g}, but this log has an order and no times; leave days out"
        )
    recent = recipe._counts(
        data.train[data.train.time > data.train.time.max(initial=0) - recipe.days * DAY]
    )
    # The score is the rank, because a weighted sum of both counts could lose a difference.
    _, rank = np.unique(np.stack([recent, all_time]), axis=1, return_inverse=True)
    return ItemScores(rank.ravel().astype(np.float32))


class Random(Recipe):
    """A random order of the items for each user, from the seed: the lower bound of any metric."""

    trainer: ClassVar[str] = f"{__name__}:train_random"


def train_random(recipe: Random, data: TrainingData, options: Options) -> "RandomScores":
    """See `Recipe.fit`."""
    return RandomScores(int(np.random.default_rng(options.seed).integers(2**32)))


@dataclass(frozen=True, eq=False)
class RandomScores(Model):
    """Pseudo-random scores from 0 to 1 that are the same in every query of a user.

    Attributes:
        key: From 0 to 2³² - 1; another key gives other scores. All cold users share one order.
    """

    key: int

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        user = _mix(query.user.astype(np.uint32) + np.uint32(self.key))
        item = _mix(np.arange(query.history.items, dtype=np.uint32))
        return (_mix(user[:, None] + item) >> 8).astype(np.float32) / np.float32(2**24)


def _mix(number: Integer[Array, "*shape"]) -> Integer[Array, "*shape"]:
    """A hash of 32-bit integers: near numbers get unrelated hashes (lowbias32)."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        number = (number ^ (number >> shift)) * np.uint32(factor)
    return np.asarray(number ^ (number >> 16))
