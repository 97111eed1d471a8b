"""Markov chains over items: what comes next, by what came next before."""

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
    """What followed the items of the history, the last ones most: counts of transitions.

    With `order` 1 and `decay` 0 this is the first-order Markov chain: the shares of what came right
    after the last item. A pair l events apart counts `decay` to the power of l − 1, up to l =
    `order`, and the items of a history fade alike when lists are asked for. Shares are out of all
    that followed an item and `smoothing` more, so that what was seen once is not certain. Items
    that no transition leads to from the history score 0. Needs an order of events within users.

    The cost is events · `order`; memory holds no more transitions than that.
    """

    trainer: ClassVar[str] = f"{__name__}:train_markov"
    stochastic: ClassVar[bool] = False

    order: Annotated[int, Tune(1, 10, log=True)] = Field(
        1, ge=1, description="events ahead to which a transition may lead"
    )
    decay: Annotated[float, Tune(0.0, 0.95)] = Field(
        0.5, ge=0, le=1, description="fading for each event between, in training and when asked"
    )
    smoothing: Annotated[float, Tune(0.0, 20.0)] = Field(
        1.0, ge=0, description="transitions to nowhere, added to those out of each item"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="strength of an event by its behaviour, before and as next"
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
    strength, user = codes[history.behavior], history.row_numbers()
    items = data.train.shape[1]
    follows = cast(Csr, sparse.csr_array((items, items), dtype=np.float32))
    for apart in range(1, recipe.order + 1):
        first = np.flatnonzero(user[apart:] == user[:-apart])
        then = first + apart
        counted = strength[first] * strength[then] * np.float32(recipe.decay ** (apart - 1))
        pairs = (history.item[first], history.item[then])
        follows = follows + sparse.csr_array((counted, pairs), shape=follows.shape)
    follows.eliminate_zeros()
    out = np.asarray(follows.sum(axis=1)) + recipe.smoothing
    follows.data /= np.repeat(out, np.diff(follows.indptr)).astype(np.float32)
    follows.sort_indices()
    return ItemWeights(follows, recipe.decay, codes)
