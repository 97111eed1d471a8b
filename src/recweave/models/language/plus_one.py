"""The "+1" heuristic: after item number n comes n + 1 (F-SEQIDX)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from recweave.core.arrays import Array
from recweave.data.interactions import Histories
from recweave.models.base import Basis, Model, Recipe
from recweave.models.behaviors import BehaviorWeights
from recweave.models.language.numbering import LEAK, Index, number_items
from recweave.models.nn.reading import read_events
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData


class PlusOne(Recipe):
    """Recommends the items whose numbers follow that of the newest item of the history.

    A baseline of `numbered`, with the same numbers for the same seed: n + 1 comes first, then
    n + 2, and so on; after the largest number the smallest. It learns nothing but the numbers. A
    model of numbers that is not better than this copies the order of numbering. Users without a
    history get score 0 for all items.
    """

    trainer: ClassVar[str] = f"{__name__}:train_plus_one"

    index: Index = Field(
        "sequential",
        description="numbers of the items: random, or in the order of their first training event, "
        "user by user",
    )
    paper: bool = Field(
        False, description="number validation events as well, as OpenP5 does (sequential): a leak"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(),
        description="behaviours of weight 0 are not read; other weights do nothing",
    )

    def doubt(self) -> str:
        """See `Recipe.doubt`."""
        return LEAK if self.paper else ""


def train_plus_one(recipe: PlusOne, data: TrainingData, options: Options) -> "NextNumber":
    """See `Recipe.fit`."""
    codes = recipe.behaviors.by_code()
    history = read_events(Histories.of(data.train), codes)
    later = Histories.of(data.valid) if recipe.paper and data.valid is not None else None
    return NextNumber(number_items(recipe.index, history, options.seed, later), codes)


@dataclass(frozen=True, eq=False)
class NextNumber(Model):
    """The score of an item is minus the steps from the newest item's number to its own, less 1.

    Attributes:
        number: The number of each item.
        behaviors: Weight of an event by its behaviour; events of weight 0 are not read.
    """

    rests_on: ClassVar[Basis] = "unknown"

    number: Int[Array, " items"]
    behaviors: Float[Array, " behaviors"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`: from 0 for n + 1 to −(items − 1) for n itself."""
        history = read_events(query.history, self.behaviors)
        scores = np.zeros((len(query), len(self.number)), np.float32)
        has_history = np.flatnonzero(history.lengths > 0)
        newest = self.number[history.item[history.start[1:][has_history] - 1]]
        steps = (self.number - newest[:, None] - 1) % len(self.number)
        scores[has_history] = -steps.astype(np.float32)
        return scores
