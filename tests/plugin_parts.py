"""One small part of each kind, as a user would write them outside recweave."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from recweave.data.filters import Filter
from recweave.data.readers.sequence import sequence
from recweave.data.split import TEST, TRAIN, VALID, Splitter
from recweave.encode import Feature
from recweave.encode.numeric import NumberCode
from recweave.evaluate import Measure, Slice
from recweave.features.spec import FeatureSpec
from recweave.models import Recipe
from recweave.models.base import Model
from recweave.models.kinds import ItemScores
from recweave.rank import StageRecipe


class Buys(Recipe):
    """Items by their number of events."""

    trainer: ClassVar[str] = "plugin_parts:count_buys"
    power: float = Field(1.0, gt=0)
    feature: str = Field("", description="added, if named")

    def features_used(self):
        return (self.feature,) if self.feature else ()


class Watched(Recipe):
    """Remembers how many validation events it was given."""

    trainer: ClassVar[str] = "plugin_parts:train_watched"
    seen: ClassVar[list] = []


def train_watched(recipe, data, options):
    """The trainer of `Watched`."""
    Watched.seen.append(None if data.valid is None else len(data.valid))
    return ItemScores(data.train.item_counts().astype(np.float32))


def count_buys(recipe, data, options):
    """The trainer of `Buys`; its model is of a kind that is listed."""
    score = data.train.item_counts() ** recipe.power
    if recipe.feature:
        score = score + data.features[recipe.feature].vectors[:, 0]
    return ItemScores(score.astype(np.float32))


class OwnModel(Recipe):
    """Its trained model is of a class that no registry lists."""

    trainer: ClassVar[str] = "plugin_parts:fit_own"


@dataclass(frozen=True, eq=False)
class Constant(Model):
    """The same score for all items."""

    items: int

    def scores(self, query):
        return np.zeros((len(query), self.items), np.float32)


def fit_own(recipe, data, options):
    """The trainer of `OwnModel`."""
    return Constant(data.train.shape[1])


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

    def build(self, context):
        items = len(context.dataset.item_ids)
        vectors = self.scale * np.arange(items, dtype=np.float32)[:, None]
        return Feature(vectors, np.ones(items, bool), "row/1", "rows")


class Upside(StageRecipe):
    """Lists upside down."""

    times: int = 1

    def fit(self, context):
        return Turned(self.times % 2 == 1)


@dataclass(frozen=True)
class Turned:
    """What `Upside` is fitted to."""

    upside_down: bool

    def __call__(self, ranking):
        return ranking.ordered_by(-ranking.score if self.upside_down else ranking.score)


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
