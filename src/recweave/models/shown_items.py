"""Baselines of items that were shown: how often each was clicked, and how new it is."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from recweave.core.errors import BadSetting
from recweave.models.base import Model, Recipe, Tune
from recweave.models.kinds import ItemScores
from recweave.models.present import NewNow, require_times
from recweave.models.training import Options, TrainingData


class ClickRate(Recipe):
    """Items by their click-through rate: (clicks + prior · mean rate) / (times shown + prior).

    The prior draws the rate of an item that was shown a few times to the mean rate of all, as a
    beta prior does; an item that was never shown has the mean. It needs impressions.
    """

    trainer: ClassVar[str] = f"{__name__}:train_click_rate"
    stochastic: ClassVar[bool] = False

    prior: Annotated[float, Tune(1.0, 1000.0, log=True)] = Field(
        20.0, gt=0, description="times shown, at the mean rate, that are added to each item"
    )


def train_click_rate(recipe: ClickRate, data: TrainingData, options: Options) -> ItemScores:
    """See `Recipe.fit`.

    Raises:
        BadSetting: without impressions.
    """
    shown = data.impressions
    if shown is None or not len(shown.item):
        raise BadSetting(
            "click_rate counts how often items were shown and clicked, and the training part has "
            "no impressions; read them, or choose popularity"
        )
    items = data.train.shape[1]
    times = np.bincount(shown.item, minlength=items)
    clicks = np.bincount(shown.item[shown.clicked], minlength=items)
    mean = clicks.sum() / times.sum()
    rate = (clicks + recipe.prior * mean) / (times + recipe.prior)
    return ItemScores(rate.astype(np.float32))


class Newest(Recipe):
    """The newest items first: by when each was first shown in training, or had its first event.

    Items that training has not seen are newer than all others, and equal among themselves. With
    `at = "query"` the age of an item is that at the time of the query (`NewNow`), from its first
    event; items without an event before it come last.
    """

    trainer: ClassVar[str] = f"{__name__}:train_newest"
    stochastic: ClassVar[bool] = False

    at: Literal["end", "query"] = Field(
        "end", description="new at the end of the log, or at the time of the query"
    )


def train_newest(recipe: Newest, data: TrainingData, options: Options) -> Model:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if the time of the query is asked for and the log has no times.
    """
    unseen = np.iinfo(np.int64).max
    first = np.full(data.train.shape[1], unseen)
    if data.impressions is not None:
        shown = data.impressions
        np.minimum.at(first, shown.item, np.repeat(shown.time, shown.lengths))
    if data.impressions is None or data.impressions.clock == data.train.clock == "seconds":
        np.minimum.at(first, data.train.item, data.train.time)
    if recipe.at == "query":
        require_times(data.train, 'at is "query"')
        time = data.train.time
        start, end = int(time.min(initial=unseen)), int(time.max(initial=0))
        return NewNow(first, start, end)
    # The score is the rank, as float32 cannot hold seconds.
    _, rank = np.unique(first, return_inverse=True)
    return ItemScores(rank.ravel().astype(np.float32))
