"""What UserCF and ItemCF share: settings, ratings, means, rounding and clipping of predictions."""

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
from recweave.models.neighbours.decision import LIKED, Decision
from recweave.models.neighbours.text_similarity import TextSimilarity
from recweave.models.ratings import rated
from recweave.models.training import TrainingData

Semantics = Literal["rigorous", "as_written"]
Means = Literal["rated", "all"]


class RatingCF(Recipe, ABC):
    """The settings that UserCF and ItemCF share."""

    predicts_ratings: ClassVar[bool] = True

    k: Annotated[int, Tune(5, 200, log=True)] = Field(
        30, gt=0, description="number of neighbours used for a prediction"
    )
    semantics: Semantics = Field(
        "rigorous",
        description="rigorous: only given ratings count, and neighbours have rated the target; "
        "as_written: a missing rating counts as 0, and predictions are rounded",
    )
    means: Means | None = Field(
        None,
        description="a user's mean over the rated items, or over all items with 0 for a missing "
        "rating; by default rated for rigorous and all for as_written semantics",
    )
    shrinkage: Annotated[float, Tune(0.0, 100.0)] = Field(
        10.0,
        ge=0,
        description="rigorous only: a similarity from n common ratings times n / (n + this)",
    )
    aggregation: Literal["normalised", "sum"] = Field(
        "normalised",
        description="normalised: a weighted mean; sum: not divided by the weights, not rounded and "
        "not clipped, so its error grows with k",
    )
    scale: tuple[float, float] | None = Field(
        None, description="lowest and highest rating; by default those of the training ratings"
    )

    @field_validator("scale")
    @classmethod
    def _check_scale(cls, scale: tuple[float, float] | None) -> tuple[float, float] | None:
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
        low, high = self.scale or (float(table.data.min()), float(table.data.max()))
        averaged = self.aggregation == "normalised"
        return {
            "ratings": table,
            "user_mean": row_means(table, means),
            "item_mean": row_means(table.T.tocsr(), "rated"),
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

    def _text_similarity(self, data: TrainingData) -> TextSimilarity | None:
        """The text similarity of users or items; None in the models without text."""
        return None


@dataclass(frozen=True, eq=False)
class RatingNeighbours(Model, ABC):
    """A model that predicts ratings from those of neighbours.

    Attributes:
        ratings: Users by items: each pair's newest rating; a rating of 0 is an entry too.
        user_mean, item_mean: Mean ratings; NaN for users and items without ratings.
        overall: Mean of all ratings.
        low, high: The rating scale.
        means: Which items a user's mean is taken over.
        k: Number of neighbours used.
        rigorous: Whether only neighbours with a rating of the target are used.
        summed: Whether weighted ratings are summed and not divided by the weights.
        rounded, clipped: Whether a prediction is rounded, then clipped to the scale.
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
        """The rating of each pair; user -1 is a cold user without ratings.

        Rigorous models always give a number: without neighbours it is the user's mean, else the
        item's mean, else the mean of all ratings. As written, it is NaN where the weights sum to 0.
        """
        return self.round_and_clip(self.raw(user, item))

    def round_and_clip(self, raw: Float[Array, " n"]) -> Float[Array, " n"]:
        """Raw predictions, rounded and clipped to the scale if the settings say so."""
        rounded = np.round(raw) if self.rounded else raw
        return np.clip(rounded, self.low, self.high) if self.clipped else rounded

    @abstractmethod
    def raw(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """`predict` before rounding and clipping."""

    @abstractmethod
    def neighbors_used(self, user: int, item: int) -> tuple[Int[Array, " k"], Float[Array, " k"]]:
        """Rows and weights of the neighbours that a prediction is computed from."""

    def recommend_item(self, user: int, item: int, threshold: float | None = None) -> Decision:
        """Whether to recommend one item to one known user.

        Args:
            user: Row of the user.
            item: Row of the item.
            threshold: The item is recommended if the prediction is at least this. The default is
                0.6 of the highest rating: 6 of 10, 3 of 5. (For "likes it" on 1 to 5, use 4.)
        """
        raw = self.raw(np.array([user]), np.array([item]))
        prediction = float(self.round_and_clip(raw)[0])
        limit = LIKED * self.high if threshold is None else threshold
        start, stop = self.ratings.indptr[user : user + 2]
        neighbor, weight = self.neighbors_used(user, item)
        order = np.argsort(-weight, kind="stable")
        return Decision(
            rated=item in self.ratings.indices[start:stop],
            prediction=prediction,
            raw=float(raw[0]),
            threshold=limit,
            neighbor=tuple(neighbor[order].tolist()),
            weight=tuple(weight[order].tolist()),
        )

    def _rows(self, user: Int[Array, " n"]) -> Csr:
        """Ratings of known users; -1 gives an empty row."""
        table = self.ratings
        bounds = np.append(table.indptr, table.indptr[-1])
        one_more = (table.shape[0] + 1, table.shape[1])
        return sparse.csr_array((table.data, table.indices, bounds), shape=one_more)[user]

    def _share(
        self,
        numerator: Float[Array, " n"],
        denominator: Float[Array, " n"],
        fallback: Float[Array, " n"],
    ) -> Float[Array, " n"]:
        """The quotient of the sums; the fallback where the denominator is 0."""
        if self.summed:
            return np.where(denominator != 0, numerator, fallback)
        quotient = fallback.astype(np.float64)
        np.divide(numerator, denominator, out=quotient, where=denominator != 0)
        return np.asarray(quotient)

    def _fallback(self, mean: Float[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """User mean, else item mean, else the mean of all ratings; NaN if as_written."""
        if not self.rigorous:
            return np.full(len(mean), np.nan)
        known = np.where(np.isnan(mean), self.item_mean[item], mean)
        return np.where(np.isnan(known), self.overall, known)


def row_means(table: Csr, means: Means) -> Float[Array, " rows"]:
    """Mean of each row, over its entries or over all columns; NaN for a row without entries."""
    size = np.diff(table.indptr).astype(np.float64)
    count = size if means == "rated" else np.full(len(size), table.shape[1])
    total = table.sum(axis=1, dtype=np.float64)
    return np.asarray(np.divide(total, count, out=np.full(len(size), np.nan), where=size > 0))


def groups(key: Int[Array, " n"]) -> Iterator[tuple[int, Int[Array, " m"]]]:
    """Each key that occurs, in rising order, with the positions where it occurs."""
    order = np.argsort(key, kind="stable")
    keys, first = np.unique(key[order], return_index=True)
    yield from zip(keys.tolist(), np.split(order, first)[1:], strict=True)
