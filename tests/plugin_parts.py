"""One small part of each kind, as a user would write them outside recweave."""

from typing import Literal

import numpy as np
from pydantic import Field
from recweave.features.specs import FeatureSpec

from recweave.data.filters import Filter
from recweave.data.readers.sequence import sequence
from recweave.data.split import TEST, TRAIN, VALID, Splitter
from recweave.encode import Feature
from recweave.encode.numeric import NumberCode
from recweave.evaluate import Measure, Slice
from recweave.models import Recipe
from recweave.models.kinds import ItemScores
from recweave.rank import StageRecipe


class Buys(Recipe):
    """Items by their number of events."""

    power: float = Field(1.0, gt=0)
    feature: str = Field("", description="multiplied in, if named")

    def fit(self, train, *, features=None, valid=None, seed=0, pool=None):
        score = train.item_counts() ** self.power
        if self.feature:
            score = score + features[self.feature].vectors[:, 0]
        return ItemScores(score.astype(np.float32))


class EveryNth(Splitter):
    """Every nth event for test, the one before for validation. Has no field `kind`."""

    n: int = Field(3, ge=3)

    def parts(self, log, *, published, seed):
        place = np.arange(len(log)) % self.n
        return np.select([place == 0, place == 1], [TEST, VALID], TRAIN).astype(np.int8)


class OwnKind(EveryNth):
    """Its own `kind` is no name that anybody listed."""

    kind: Literal["mine"] = "mine"


class FirstEvents(Filter):
    """The first events of the log."""

    count: int = 600

    def keeps(self, dataset):
        return np.arange(len(dataset.events)) < self.count


class RowNumber(FeatureSpec):
    """The item's row, scaled."""

    scale: float = 1.0

    def build(self, dataset, split, made, beside=None):
        items = len(dataset.item_ids)
        vectors = self.scale * np.arange(items, dtype=np.float32)[:, None]
        return Feature(vectors, np.ones(items, bool), "row/1", "rows")


class Upside(StageRecipe):
    """Lists upside down."""

    times: int = 1

    def build(self, dataset, train, features=None):
        def stage(ranking):
            return ranking.ordered_by(-ranking.score if self.times % 2 else ranking.score)

        return stage


class Roots(NumberCode):
    """The square root."""

    def vectors(self, values):
        return np.sqrt(values).astype(np.float32)[:, None]


def gain(hits, relevant):
    """Hits of a list."""
    return hits.sum(axis=1).astype(np.float64)


def error(rating, predicted):
    return np.abs(rating - predicted)


GAIN = Measure(gain, "accuracy")
WORST = Measure(error, "rating", lower_is_better=True, weight="predicted")
DRAWN = Measure(gain, "sampled")


def by_parity(train, held):
    return Slice("parity", ("even", "odd"), held.item % 2)


class Lengths:
    """A text encoder: whether there is text."""

    name = "lengths/1"
    dim = 2

    def encode(self, texts):
        return np.array([[1.0, 0.0] if text else [0.0, 0.0] for text in texts], np.float32)


def make_encoder(settings):
    return Lengths()


class Copies:
    """A writer that says the kind of text."""

    def __init__(self, options):
        self.options = options
        self.name = "copies/1"

    def write(self, material, tasks):
        for task in tasks:
            yield task, task.kind


def read_lines(path, *, behavior: "str" = "click"):
    """A reader: a user a line."""
    return sequence(path, behavior=behavior)


class Unfinished(Splitter):
    """Lacks `parts`."""


class Unrelated:
    """Is of no kind."""


def nothing_of_the_kind(*_):
    return 3
