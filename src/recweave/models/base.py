"""The contract between models and everything around them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr
from recweave.core.value import Value
from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.models.query import Query
from recweave.parallel import Pool, Serial


@runtime_checkable
class Model(Protocol):
    """A trained model: a frozen dataclass of arrays, made by `Recipe.fit` or read from disk."""

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """How much each asker would like each item, float32.

        Higher is better; only the order within a row matters. Items already consumed are scored
        like any other; `rank.recommend` hides them. Never NaN; -inf means "not to be shown".
        The array is the caller's to overwrite, or read-only: never one that the model still needs.
        """


@runtime_checkable
class DotProduct(Model, Protocol):
    """A model whose scores are dot products, so that the best items can be searched for."""

    @property
    def item(self) -> Float[Array, "items dim"]:
        """The items' vectors."""

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """The askers' vectors: `scores` is `vectors(query) @ item.T`."""


@runtime_checkable
class RatingModel(Model, Protocol):
    """A model that also predicts ratings on the scale of the log."""

    def predict(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """The rating of each pair; NaN where the model has no grounds for one."""


@runtime_checkable
class Explaining(Model, Protocol):
    """A model that can tell what each item of a history adds to a score."""

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """What speaks for some items, to each asker.

        Line r · k + j is for `item[r, j]`, and its column i holds what item i of the history adds
        to that item's score; negative if it speaks against it. Where a score comes from the history
        alone, the line sums to it; where it comes from elsewhere, or the item is -1, it holds no
        more than zeros.
        """


@runtime_checkable
class Sourced(Protocol):
    """A model of several sources that can tell how much each counts."""

    def sources(self, events: Int[Array, " items"]) -> Mapping[str, Float[Array, " tenths"]]:
        """Each source's share in the scores of items, by tenths of the catalogue.

        Shares of a tenth sum to 1. The first tenth has the fewest train events.
        """


class Recipe(Value, ABC):
    """Hyper-parameters, and how to train with them.

    A recipe is a value: compare it, hash it, write it to JSON. Unknown names are refused.
    """

    rates: ClassVar[bool] = False
    """Whether `fit` gives a `RatingModel`."""
    draws: ClassVar[bool] = True
    """Whether `fit` draws anything at random; if not, one seed is as good as another."""

    @abstractmethod
    def fit(
        self,
        train: Interactions,
        *,
        features: Features | None = None,
        valid: Interactions | None = None,
        seed: int = 0,
        pool: Pool = Serial(),  # noqa: B008 - a frozen value without state
    ) -> Model:
        """Train on `train` alone; the same recipe, data and seed give the same model.

        Args:
            train: All that parameters and statistics may be learned from.
            features: Content of the items, made from `train`'s part of the reviews alone.
            valid: For early stopping only; recipes without it pay it no heed.
            seed: For whatever is drawn at random.
            pool: Where independent pieces of work are done.

        Raises:
            TooLarge: if the work would not fit into memory, before it starts.
        """


@dataclass(frozen=True)
class Tune:
    """How a setting is searched: `Annotated[int, Tune(16, 256, log=True)]` on a recipe's field.

    Attributes:
        low, high: The range, both ends included.
        log: Whether to search by orders of magnitude.
        choices: Instead of a range.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()


def by_tenths(value: Float[Array, " items"], events: Int[Array, " items"]) -> Float[Array, " 10"]:
    """The mean of a value over tenths of the catalogue, from the least popular; NaN where empty."""
    order = np.argsort(events, kind="stable")
    parts = [value[rows] for rows in np.array_split(order, 10)]
    return np.array([part.mean() if len(part) else np.nan for part in parts])
