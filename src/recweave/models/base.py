"""The interface of models and recipes."""

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
from recweave.models.reasons import no_contributions
from recweave.models.training import Options, TrainingData

Basis = Literal["history", "likeness", "everybody", "unknown"]
"""What an item's score is computed from.

history: The sum of the contributions of the items in the history.
likeness: The history, but not as a sum; reasons name the most similar items of the history.
everybody: The item alone; the score is the same for all users.
unknown: This kind of model gives no reasons per item.
"""


class Model:
    """A trained model: a frozen dataclass of arrays, from `Recipe.fit` or loaded from disk.

    A subclass defines `scores` or `score`; each is derived from the other. A model that scores the
    whole catalogue defines `scores`; a model that scores single pairs (clicks, language models)
    defines `score`.
    """

    rests_on: ClassVar[Basis] = "unknown"
    """See `basis`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if ABC in cls.__bases__:
            return  # an abstract base class; its subclasses are checked
        if cls.scores is Model.scores and cls.score is Model.score:
            raise TypeError(f"{cls.__name__} is a Model and must define scores or score")

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """The predicted preference of each query user for each item of the catalogue, float32.

        Higher is better; only the order within a row matters. Items already consumed are scored
        like any other; `rank.recommend` hides them. Never NaN; -inf means "must not be shown".
        The caller may overwrite the array unless it is read-only.
        """
        all_items = np.arange(query.history.items, dtype=np.int32)
        return self.score(query, np.broadcast_to(all_items, (len(query), len(all_items))))

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """The same for k candidate items of each user. -inf where `item` is -1."""
        scores = np.take_along_axis(self.scores(query), np.maximum(item, 0), axis=1)
        return np.where(item >= 0, scores, np.float32(-np.inf))

    def basis(self, query: Query) -> list[Basis]:
        """What the scores of each query user are computed from."""
        return [self.rests_on] * len(query)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """The contributions of the items in the history to the scores of k items.

        Row r · k + j is for `item[r, j]`; its column i is what item i of the history adds to that
        score (it may be negative). Where the basis is "history", the row sums to the score, or its
        entries are how much lower the score is without each item. The row is empty where the basis
        is another, or the item is -1.
        """
        return no_contributions(query.history.items, item)

    def with_items(self, features: Features, count: int) -> "Model | None":
        """The model extended by cold items, from their features; None if it cannot be extended.

        Args:
            features: Vectors of the new items alone, by name.
            count: Number of new items; they get the next rows.
        """
        return None

    def likeness(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """Where the basis is "likeness": cosines with the items of the history, as rows."""
        return no_contributions(query.history.items, item)


@runtime_checkable
class DotProduct(Protocol):
    """A model whose scores are dot products, as approximate nearest neighbour search needs."""

    @property
    def item(self) -> Float[Array, "items dim"]:
        """The vectors of the items."""

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """The vectors of the query users: `scores` is `vectors(query) @ item.T`."""


@runtime_checkable
class RatingModel(Protocol):
    """A model that also predicts ratings, on the rating scale of the log."""

    def predict(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """The rating of each pair; NaN where the model cannot predict one."""


@runtime_checkable
class ClickModel(Protocol):
    """A model that predicts the probability that a user likes or clicks an item (CTR)."""

    def probability(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """P(y = 1) of each pair, in [0, 1]; -1 is a cold user or item."""


@runtime_checkable
class Sourced(Protocol):
    """A model with several sources (behaviour, text, …) that knows the share of each."""

    def sources(self, events: Int[Array, " items"]) -> Mapping[str, Float[Array, " deciles"]]:
        """The share of each source in the scores, by popularity decile of the items.

        The shares of a decile sum to 1. The first decile has the fewest training events.
        """


class Recipe(Value, ABC):
    """Hyperparameters, and the name of the function that trains a model with them.

    A recipe is a value: it can be compared, hashed and written to JSON. Unknown settings are
    refused.
    """

    trainer: ClassVar[str] = ""
    """`package.module:function`, called as `function(recipe, data, options) -> Model`. A name, so
    that settings never import what they train: `recweave --help` does not load torch."""
    predicts_ratings: ClassVar[bool] = False
    """Whether `fit` gives a `RatingModel`."""
    predicts_clicks: ClassVar[bool] = False
    """Whether `fit` gives a `ClickModel`."""
    stochastic: ClassVar[bool] = True
    """Whether the result of `fit` depends on the seed."""
    uses_validation: ClassVar[bool] = False
    """Whether `fit` uses `TrainingData.valid`, for early stopping or for weights."""

    def fit(self, data: TrainingData | Interactions, options: Options | None = None) -> Model:
        """Train on `data.train` alone; the same recipe, data and seed give the same model.

        Args:
            data: What training may read; `Interactions` are training events without anything else.
            options: Seed, pool, device, precision, checkpoints; None means the defaults.

        Raises:
            BadSetting: if the data lack a feature that the recipe reads.
            MissingExtra: if packages that the recipe needs are not installed.
            TooLarge: if training would not fit into memory; checked before it starts.
        """
        training_data = TrainingData(data) if isinstance(data, Interactions) else data
        for name in self.features_used():
            find_feature(training_data.features, name)
        self.require_extras()
        if not self.trainer:
            raise TypeError(f"{type(self).__name__} names no trainer (package.module:function)")
        model: Model = resolve(self.trainer)(self, training_data, options or Options())
        return model

    def fit_bundle(
        self,
        dataset: Dataset,
        *,
        features: Features | None = None,
        options: Options | None = None,
        name: str = "",
    ) -> Any:
        """Train on all events of a dataset; returns a `Bundle` that recommends without the data.

        See `bundle.make.fit_bundle`. It is imported by name, as bundles are a layer above models.
        """
        fit_bundle = resolve("recweave.bundle.make:fit_bundle")
        return fit_bundle(self, dataset, features=features, options=options, name=name)

    def features_used(self) -> tuple[str, ...]:
        """Names of all features that the model reads, each once.

        The audit, the report on text features, the circularity check and bundles rely on it.
        """
        return ()

    def doubt(self) -> str:
        """What readers must know before they believe the numbers of its model, as a sentence.

        "" for nearly all; a recipe that repeats a leak of published code says so. Reports show it.
        """
        return ""

    def same_fit(self) -> "Recipe":
        """The recipe with each setting that has no effect, given the others, set to one value.

        Two recipes with the same one make the same model, so a search fits only one of them.
        """
        return self

    def require_extras(self) -> None:
        """Fail, with the command that installs them, if needed packages are missing.

        Raises:
            MissingExtra: naming the command.
        """


@dataclass(frozen=True)
class Tune:
    """Search space of a hyperparameter: `Annotated[int, Tune(16, 256, log=True)]` on a field.

    Attributes:
        low, high: The range, both ends included.
        log: Whether to sample on a logarithmic scale.
        choices: The values, instead of a range.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()


def by_deciles(value: Float[Array, " items"], events: Int[Array, " items"]) -> Float[Array, " 10"]:
    """The mean of a value by popularity decile, least popular first; NaN for an empty decile."""
    order = np.argsort(events, kind="stable")
    parts = [value[rows] for rows in np.array_split(order, 10)]
    return np.array([part.mean() if len(part) else np.nan for part in parts])
