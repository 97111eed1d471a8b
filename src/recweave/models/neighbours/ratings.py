"""What UserCF and ItemCF share: settings, ratings and means, how a prediction is finished."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, field_validator
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadInput
from recweave.data.interactions import Histories, Interactions
from recweave.models.base import Model, Recipe, Tune
from recweave.models.neighbours.verdict import LIKED, Verdict
from recweave.models.neighbours.words import Words
from recweave.models.ratings import rated
from recweave.models.training import TrainingData

Semantics = Literal["rigorous", "as_written"]
Means = Literal["rated", "all"]


class RatingCF(Recipe, ABC):
    """The settings of both."""

    predicts_ratings: ClassVar[bool] = True

    k: Annotated[int, Tune(5, 200, log=True)] = Field(30, gt=0, description="neighbours heard")
    semantics: Semantics = Field(
        "rigorous",
        description="rigorous: only what is rated counts, neighbours have rated the target; "
        "as_written: what is not rated is a rating of 0, predictions are rounded",
    )
    means: Means | None = Field(
        None,
        description="a user's mean over the rated items, or over all with 0 for the others; "
        "without it as the semantics say: rated if rigorous, all as written",
    )
    shrinkage: Annotated[float, Tune(0.0, 100.0)] = Field(
        10.0, ge=0, description="rigorous only: likeness from n common ratings times n / (n + it)"
    )
    aggregation: Literal["normalised", "sum"] = Field(
        "normalised",
        description="sum does not divide by the weights, nor round or clip; its error grows with k",
    )
    scale: tuple[float, float] | None = Field(
        None, description="lowest and highest rating; without it those of the training ratings"
    )

    @field_validator("scale")
    @classmethod
    def _rises(cls, scale: tuple[float, float] | None) -> tuple[float, float] | None:
        if scale is not None and scale[0] >= scale[1]:
            raise ValueError("the lowest rating must be below the highest")
        return scale

    def _shared(self, train: Interactions, *, clipped: bool) -> dict[str, Any]:
        """The fields of `RatingNeighbours`.

        Raises:
            BadInput: if the log holds no ratings.
        """
        table = rated(Histories.of(train))
        if not table.nnz:
            raise BadInput(
                f"{type(self).__name__} learns from ratings and none of the {len(train):,} events "
                "is one; item_knn and user_knn learn from other behaviours"
            )
        rigorous = self.semantics == "rigorous"
        means = self.means or ("rated" if rigorous else "all")
        found = float(table.data.min()), float(table.data.max())
        low, high = self.scale or found
        averaged = self.aggregation == "normalised"
        return {
            "ratings": table,
            "user_mean": line_means(table, means),
            "item_mean": line_means(table.T.tocsr(), "rated"),
            "overall": float(table.data.mean(dtype=np.float64)),
            "low": low,
            "high": high,
            "means": means,
            "k": self.k,
            "rigorous": rigorous,
            "summed": not averaged,
            "rounded": averaged and not rigorous,
            "clipped": averaged and clipped,
        }

    def _words(self, data: TrainingData) -> Words | None:
        """What likeness in words is told by; nothing in the plain models."""
        return None


@dataclass(frozen=True, eq=False)
class RatingNeighbours(Model, ABC):
    """A model that predicts ratings from those of neighbours.

    Attributes:
        ratings: Users by items: each pair's newest rating; a rating of 0 is an entry too.
        user_mean, item_mean: NaN for those without ratings.
        overall: Mean of all ratings.
        low, high: The scale.
        means: What a user's mean is taken over.
        k: Neighbours heard.
        rigorous: Whether only neighbours with a rating for the target are heard.
        summed: Whether votes are added up and not divided by the weights.
        rounded, clipped: What is done to a prediction, in this order.
    """

    ratings: Csr
    user_mean: Float[Array, " users"]
    item_mean: Float[Array, " items"]
    overall: float
    low: float
    high: float
    means: Means
    k: int
    rigorous: bool
    summed: bool
    rounded: bool
    clipped: bool

    def predict(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """The rating of each pair; user -1 is somebody of whom nothing is known.

        Rigorous models always have an answer: where no neighbour is heard the user's mean, else the
        item's, else that of all ratings. As written, it is NaN where the weights add up to 0.
        """
        return self.finished(self.raw(user, item))

    def finished(self, raw: Float[Array, " n"]) -> Float[Array, " n"]:
        """Raw predictions, rounded and clipped to the scale as the settings ask."""
        made = np.round(raw) if self.rounded else raw
        return np.clip(made, self.low, self.high) if self.clipped else made

    @abstractmethod
    def raw(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """`predict` before rounding and clipping."""

    @abstractmethod
    def heard(self, user: int, item: int) -> tuple[Int[Array, " some"], Float[Array, " some"]]:
        """Rows of the neighbours that a prediction rests on, and their weights."""

    def recommend_item(self, user: int, item: int, threshold: float | None = None) -> Verdict:
        """Whether to recommend one item to one known user.

        Args:
            user: Row of the user.
            item: Row of the item.
            threshold: The prediction from which on it is recommended; without it 0.6 of the scale's
                upper end, so 6 of 10 and 3 of 5. (A stricter reading of "like" on 1 to 5 is 4.)
        """
        raw = self.raw(np.array([user]), np.array([item]))
        prediction = float(self.finished(raw)[0])
        limit = LIKED * self.high if threshold is None else threshold
        start, stop = self.ratings.indptr[user : user + 2]
        neighbour, weight = self.heard(user, item)
        order = np.argsort(-weight, kind="stable")
        return Verdict(
            rated=item in self.ratings.indices[start:stop],
            prediction=prediction,
            raw=float(raw[0]),
            threshold=limit,
            neighbour=tuple(neighbour[order].tolist()),
            weight=tuple(weight[order].tolist()),
        )

    def _rows(self, user: Int[Array, " some"]) -> Csr:
        """Ratings of known users; -1 gives an empty line."""
        table = self.ratings
        bounds = np.append(table.indptr, table.indptr[-1])
        one_more = (table.shape[0] + 1, table.shape[1])
        return sparse.csr_array((table.data, table.indices, bounds), shape=one_more)[user]

    def _share(
        self, above: Float[Array, " n"], below: Float[Array, " n"], fallback: Float[Array, " n"]
    ) -> Float[Array, " n"]:
        """Sums of votes over sums of weights; the fallback where the weights are nothing."""
        if self.summed:
            return np.where(below != 0, above, fallback)
        made = np.divide(above, below, out=fallback.astype(np.float64), where=below != 0)
        return np.asarray(made)

    def _fallback(self, mean: Float[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """User mean, else item mean, else the mean of all; nothing of the kind as written."""
        if not self.rigorous:
            return np.full(len(mean), np.nan)
        known = np.where(np.isnan(mean), self.item_mean[item], mean)
        return np.where(np.isnan(known), self.overall, known)


def line_means(table: Csr, means: Means) -> Float[Array, " lines"]:
    """Mean of each line, over its entries or over all its places; NaN for a line without any."""
    size = np.diff(table.indptr).astype(np.float64)
    places = size if means == "rated" else np.full(len(size), table.shape[1])
    total = table.sum(axis=1, dtype=np.float64)
    return np.asarray(np.divide(total, places, out=np.full(len(size), np.nan), where=size > 0))


def groups(key: Int[Array, " n"]) -> Iterator[tuple[int, Int[Array, " some"]]]:
    """Each key that occurs, rising, with the places where it does."""
    order = np.argsort(key, kind="stable")
    found, first = np.unique(key[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, first)[1:], strict=True)
