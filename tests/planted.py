"""A log whose right answers are known by heart, and parts that write down what they were handed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.encode.features import Feature
from recweave.features.spec import FeatureSpec
from recweave.models import Recipe, Tune
from recweave.models.base import Model
from recweave.models.kinds import ItemScores
from recweave.rank.stages import StageRecipe
from recweave.runs.spec import Experiment

ITEMS = ("t0", "t1", "common", "valid", "test", "f0", "f1", "f2")
T0, T1, COMMON, VALID, TEST, F0, F1, F2 = range(8)
USERS = 30


def planted_shop(order: Any = None) -> Dataset:
    """30 users with four purchases each: t0 or t1, common, valid, test, in this order.

    `leave_last_out` holds out the items of these names; f0 to f2 are never bought.

    Args:
        order: Rows of the events and of the users table, as another export would have them.
    """
    rows = [
        (f"u{user}", item, 10 * user + place)
        for user in range(USERS)
        for place, item in enumerate((f"t{user % 2}", "common", "valid", "test"))
    ]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "time"], orient="row")
    events = events.with_columns(behavior=pl.lit("purchase"))
    items = pl.DataFrame({"item_id": ITEMS, "title": [f"Title of {item}" for item in ITEMS]})
    events = events if order is None else events[order]
    return Dataset("planted", events=events, items=items, numbering="table")


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """The folder of recipes beside which the planted shop lies as `shop`."""
    planted_shop().save(tmp_path / "shop")
    return tmp_path


def experiment(**asked: Any) -> Experiment:
    """A recipe for the planted shop."""
    given = {"data": "shop", "save": False, "metrics": ["recall@1"], "choose": "recall@1"}
    return Experiment.parse(given | asked, "the test")


@dataclass(frozen=True)
class Handed:
    """What a training was handed."""

    recipe: Recipe
    data: Any
    options: Any


HANDED: list[Handed] = []
CONTEXTS: list[Any] = []


@pytest.fixture
def handed() -> list[Handed]:
    """Every training of the recipes below, in order."""
    HANDED.clear()
    return HANDED


@pytest.fixture
def contexts() -> list[Any]:
    """What the features below were made from, in order."""
    CONTEXTS.clear()
    return CONTEXTS


class Favors(Recipe):
    """One item first, then the others by row."""

    trainer: ClassVar[str] = "planted:train_favors"
    stochastic: ClassVar[bool] = False

    item: int = 0


class Draws(Favors):
    """The same, and says that it is random."""

    stochastic: ClassVar[bool] = True


def train_favors(recipe: Favors, data: Any, options: Any) -> ItemScores:
    """Scores fall by row; the favoured item is above all."""
    HANDED.append(Handed(recipe, data, options))
    value = -np.arange(data.train.shape[1], dtype=np.float32)
    value[recipe.item] = 1
    return ItemScores(value)


class Spreads(Recipe):
    """The first users get f0, f1 or f2 in turn, all others f0: lists spread with `users`."""

    trainer: ClassVar[str] = "planted:train_spreads"
    stochastic: ClassVar[bool] = False

    users: Annotated[int, Tune(0, USERS)] = 0


@dataclass(frozen=True, eq=False)
class Spread(Model):
    """See `Spreads`."""

    users: int

    def scores(self, query: Any) -> np.ndarray:
        """See `Model.scores`."""
        scores = np.zeros((len(query), query.history.items), np.float32)
        best = np.where(query.user < self.users, F0 + query.user % 3, F0)
        scores[np.arange(len(query)), best] = 1
        return scores


def train_spreads(recipe: Spreads, data: Any, options: Any) -> Spread:
    """See `Spreads`."""
    HANDED.append(Handed(recipe, data, options))
    return Spread(recipe.users)


class EventCounts(FeatureSpec):
    """Events of each item in what the context calls train, and the rows that were counted."""

    leak: tuple[int, ...] = ()
    """More rows of the log that it says it has read."""

    def build(self, context: Any) -> Feature:
        """See `FeatureSpec.build`."""
        CONTEXTS.append(context)
        train = context.split.train
        rows = np.flatnonzero(context.split.part == 0)
        shape = (train.shape[1], len(context.split.part))
        line, row = np.append(train.item, [0] * len(self.leak)), np.append(rows, self.leak)
        pairs = (np.ones(len(row)), (line, row.astype(np.int64)))
        used = sparse.csr_array(pairs, shape=shape)
        counts = train.item_counts().astype(np.float32)[:, None]
        present = np.ones(len(counts), bool)
        return Feature(counts, present, "counts/1", "events", used={"events": used})


@dataclass(frozen=True, eq=False)
class Asked(Model):
    """Scores fall by row; keeps every query."""

    queries: list[Any]

    def scores(self, query: Any) -> np.ndarray:
        """See `Model.scores`."""
        self.queries.append(query)
        items = np.arange(query.history.items, dtype=np.float32)
        return np.tile(-items, (len(query), 1))


STAGE_CONTEXTS: list[Any] = []


@pytest.fixture
def stage_contexts() -> list[Any]:
    """What the stages below were made from, in order."""
    STAGE_CONTEXTS.clear()
    return STAGE_CONTEXTS


class Flips(StageRecipe):
    """Lists upside down."""

    def fit(self, context: Any) -> Any:
        """See `StageRecipe.fit`."""
        STAGE_CONTEXTS.append(context)
        return turned_over


def turned_over(ranking: Any) -> Any:
    """A stage: lists upside down, so the first item tells how long the list was."""
    return ranking.ordered_by(-ranking.score)


class PutsFirst(StageRecipe):
    """One item first: the one with the most validation events, unless it is given."""

    item: int | None = None

    @property
    def learns(self) -> bool:
        """See `StageRecipe.learns`."""
        return self.item is None

    def settled(self, stage: Any) -> StageRecipe:
        """See `StageRecipe.settled`."""
        return self.model_copy(update={"item": stage.item})

    def fit(self, context: Any) -> Any:
        """See `StageRecipe.fit`."""
        STAGE_CONTEXTS.append(context)
        if self.item is not None:
            return First(self.item)
        if context.model is None:
            raise BadSetting("there is no model to learn by")
        return First(int(context.valid.item_counts().argmax()))


@dataclass(frozen=True)
class First:
    """A stage: one item first."""

    item: int

    def __call__(self, ranking: Any) -> Any:
        """See `Stage`."""
        return ranking.ordered_by((ranking.item == self.item) - np.arange(ranking.k) / ranking.k)
