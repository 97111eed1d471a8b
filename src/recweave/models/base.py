"""The contract between models and everything around them."""

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr
from recweave.core.registry import resolve
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Features, find_feature
from recweave.models.query import Query
from recweave.models.reasons import no_lines
from recweave.models.training import Options, TrainingData

Basis = Literal["history", "likeness", "everybody", "unknown"]
"""What an item's score rests on.

history: The sum of what the items of the history add.
likeness: The history, in a way that cannot be divided; the most similar items of it are named.
everybody: The item alone, the same for all users.
unknown: This kind of model gives no reasons item by item.
"""


class Model:
    """A trained model: a frozen dataclass of arrays, made by `Recipe.fit` or read from disk.

    A subclass defines `scores` or `score`; each is derived from the other. A model of a catalogue
    defines `scores`, a model that looks at one pair at a time (clicks, language) defines `score`.
    """

    rests_on: ClassVar[Basis] = "unknown"
    """See `basis`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if ABC in cls.__bases__:
            return  # what several models share; the models themselves are checked
        if cls.scores is Model.scores and cls.score is Model.score:
            raise TypeError(f"{cls.__name__} is a Model and must define scores or score")

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """How much each query user would like each item of the catalogue, float32.

        Higher is better; only the order within a row matters. Items already consumed are scored
        like any other; `rank.recommend` hides them. Never NaN; -inf means "not to be shown".
        The array is the caller's to overwrite, or read-only: never one that the model still needs.
        """
        everything = np.arange(query.history.items, dtype=np.int32)
        return self.score(query, np.broadcast_to(everything, (len(query), len(everything))))

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """The same for some items of each user: candidates. -inf where `item` is -1."""
        scores = np.take_along_axis(self.scores(query), np.maximum(item, 0), axis=1)
        return np.where(item >= 0, scores, np.float32(-np.inf))

    def basis(self, query: Query) -> list[Basis]:
        """What each query user's scores rest on."""
        return [self.rests_on] * len(query)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """What speaks for some items, to each query user.

        Line r · k + j is for `item[r, j]`, and its column i holds what item i of the history adds
        to that item's score; negative if it speaks against it. Where the basis is "history", the
        line sums to the score, or holds how much lower the score is without each item. Where the
        score comes from elsewhere, or the item is -1, it is empty.
        """
        return no_lines(query.history.items, item)

    def with_items(self, features: Features, count: int) -> "Model | None":
        """The model with more items, placed by their features; None if it cannot place any.

        Args:
            features: By name, vectors of the new items alone.
            count: How many there are; they get the next rows.
        """
        return None

    def likeness(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """Where the basis is "likeness": cosines with the items of the history, in such lines."""
        return no_lines(query.history.items, item)


@runtime_checkable
class DotProduct(Protocol):
    """A model whose scores are dot products, so that the best items can be searched for."""

    @property
    def item(self) -> Float[Array, "items dim"]:
        """The items' vectors."""

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """The users' vectors: `scores` is `vectors(query) @ item.T`."""


@runtime_checkable
class RatingModel(Protocol):
    """A model that also predicts ratings on the scale of the log."""

    def predict(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """The rating of each pair; NaN where the model has no grounds for one."""


@runtime_checkable
class ClickModel(Protocol):
    """A model that gives the probability that a user likes or clicks an item."""

    def probability(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """P(y = 1) of each pair, in [0, 1]; -1 is a user or item of which nothing is known."""


@runtime_checkable
class Sourced(Protocol):
    """A model of several sources that can tell how much each counts."""

    def sources(self, events: Int[Array, " items"]) -> Mapping[str, Float[Array, " tenths"]]:
        """Each source's share in the scores of items, by tenths of the catalogue.

        Shares of a tenth sum to 1. The first tenth has the fewest train events.
        """


class Recipe(Value, ABC):
    """Hyperparameters, and the name of the function that trains with them.

    A recipe is a value: compare it, hash it, write it to JSON. Unknown names are refused.
    """

    trainer: ClassVar[str] = ""
    """`package.module:function`, called as `function(recipe, data, options) -> Model`. A name, so
    that settings never import what they train: `recweave --help` does not load torch."""
    predicts_ratings: ClassVar[bool] = False
    """Whether `fit` gives a `RatingModel`."""
    stochastic: ClassVar[bool] = True
    """Whether `fit` draws anything at random; if not, one seed is as good as another."""
    uses_validation: ClassVar[bool] = False
    """Whether `fit` stops or weighs by `TrainingData.valid`."""

    def fit(self, data: TrainingData | Interactions, options: Options | None = None) -> Model:
        """Train on `data.train` alone; the same recipe, data and seed give the same model.

        Args:
            data: What may be seen; bare events are training events without anything else.
            options: Seed, pool, device, precision, checkpoints; the defaults if not given.

        Raises:
            BadSetting: if a feature that the recipe reads is not in the data.
            MissingExtra: if packages that the recipe needs are not installed.
            TooLarge: if the work would not fit into memory, before it starts.
        """
        given = TrainingData(data) if isinstance(data, Interactions) else data
        for name in self.features_used():
            find_feature(given.features, name)
        self.require_extras()
        if not self.trainer:
            raise TypeError(f"{type(self).__name__} names no trainer (package.module:function)")
        model: Model = resolve(self.trainer)(self, given, options or Options())
        return model

    def fit_bundle(
        self,
        dataset: Dataset,
        *,
        features: Features | None = None,
        options: Options | None = None,
        name: str = "",
    ) -> Any:
        """Train on all events of a dataset; a `Bundle` that answers by itself.

        See `bundle.make.fit_bundle`, which is found by name, as bundles stand above models.
        """
        fit_bundle = resolve("recweave.bundle.make:fit_bundle")
        return fit_bundle(self, dataset, features=features, options=options, name=name)

    def features_used(self) -> tuple[str, ...]:
        """Names of all features that the model reads, each once.

        The audit, the report on text features, circularity checks and bundles ask this and nothing
        else.
        """
        return ()

    def require_extras(self) -> None:
        """Fail, with the command that installs them, if needed packages are missing.

        Raises:
            MissingExtra: naming the command.
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
