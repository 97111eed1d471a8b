"""Markov chains over items: the next item, from counts of transitions in training."""

from typing import Annotated, ClassVar, cast

import numpy as np
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Csr
from recweave.core.memory import require_memory
from recweave.data.interactions import Histories
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import ItemWeights
from recweave.models.training import Options, TrainingData


class Markov(Recipe):
    """Transition probabilities from the items of the history, the newest items weighted most.

    With `order` 1 and `decay` 0 this is the first-order Markov chain: the probability of each item
    right after the last one. A pair l events distance counts `decay` ** (l − 1), up to l = `order`,
    and at inference the items of a history are weighted by the same decay. `smoothing` is added to
    the number of transitions out of an item, so that a transition seen once is not certain. Items
    without a transition from the history score 0. The log needs an order of events within users.

    Time and memory: events · `order` transitions, at most.
    """

    trainer: ClassVar[str] = f"{__name__}:train_markov"
    stochastic: ClassVar[bool] = False

    order: Annotated[int, Tune(1, 10, log=True)] = Field(
        1, ge=1, description="longest transition, in events"
    )
    decay: Annotated[float, Tune(0.0, 0.95)] = Field(
        0.5, ge=0, le=1, description="decay for each event in between, in training and at inference"
    )
    smoothing: Annotated[float, Tune(0.0, 20.0)] = Field(
        1.0, ge=0, description="added to the number of transitions out of each item"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(),
        description="weight of an event by its behaviour",
    )


def train_markov(recipe: Markov, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`."""
    codes = recipe.behaviors.by_code()
    history = Histories.of(data.train)
    require_memory(
        48 * recipe.order * len(data.train),
        f"transitions of order {recipe.order} over {len(data.train):,} events",
        "lower order",
    )
    weight, user = codes[history.behavior], history.row_numbers()
    items = data.train.shape[1]
    transitions = cast(Csr, sparse.csr_array((items, items), dtype=np.float32))
    for distance in range(1, recipe.order + 1):
        first = np.flatnonzero(user[distance:] == user[:-distance])
        second = first + distance
        count = weight[first] * weight[second] * np.float32(recipe.decay ** (distance - 1))
        pairs = (history.item[first], history.item[second])
        transitions = transitions + sparse.csr_array((count, pairs), shape=transitions.shape)
    transitions.eliminate_zeros()
    total = np.asarray(transitions.sum(axis=1)) + recipe.smoothing
    transitions.data /= np.repeat(total, np.diff(transitions.indptr)).astype(np.float32)
    transitions.sort_indices()
    return ItemWeights(transitions, recipe.decay, codes)
