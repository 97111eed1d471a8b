"""Recency-weighted popularity: the most popular items now."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from recweave.core.arrays import Array
from recweave.data.interactions import Interactions
from recweave.models.base import Model, Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import ItemScores
from recweave.models.present import DAY, PopularNow, require_times
from recweave.models.training import Options, TrainingData


class Recency(Recipe):
    """The most popular items, with exponential decay: events lose half their weight per half-life.

    The score of an item is the sum over its events of 2^(−age / half_life). With `at = "end"` the
    age is that at the end of the log: all events decay at the same rate, so all queries get one
    order, and ties go by the number of events of all time, then by item row. With `at = "query"`
    only events before the time of the query count (`PopularNow`): where a user's last event is held
    out, that is what was popular on that day, and nothing of the days after it.
    """

    trainer: ClassVar[str] = f"{__name__}:train_recency"
    stochastic: ClassVar[bool] = False

    half_life: Annotated[float | None, Tune(choices=(None, 1.0, 7.0, 30.0, 90.0))] = Field(
        None,
        gt=0,
        description="half-life in days, or in events if the log has no times; none is a tenth of"
        " the log",
    )
    at: Literal["end", "query"] = Field(
        "end", description="popular at the end of the log, or at the time of the query"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event by its behaviour"
    )


def train_recency(recipe: Recency, data: TrainingData, options: Options) -> Model:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if the time of the query is asked for and the log has no times.
    """
    age = _ages(data.train)
    half_life = recipe.half_life or max(float(age.max(initial=0)), 1e-9) / 10
    weight = recipe.behaviors.by_code()[data.train.behavior]
    if recipe.at == "query":
        require_times(data.train, 'at is "query"')
        return PopularNow.of(data.train, weight, half_life * DAY)
    recent, all_time = (
        np.bincount(data.train.item, weights, minlength=data.train.shape[1])
        for weights in (weight * np.exp2(-age / half_life), weight)
    )
    # The score is the rank of the item, as float32 cannot hold the tiny weights of old events.
    _, rank = np.unique(np.stack([recent, all_time]), axis=1, return_inverse=True)
    return ItemScores(rank.ravel().astype(np.float32))


def _ages(log: Interactions) -> Float[Array, " n"]:
    """Age of each event in days, or, without times, the number of later events."""
    if log.clock == "seconds":
        return np.asarray((log.time.max(initial=0) - log.time) / DAY)
    later = len(log) - np.searchsorted(np.sort(log.time), log.time, side="right")
    return later.astype(np.float64)
