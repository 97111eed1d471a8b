"""Matrix factorisation for ratings: means, biases and vectors."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadInput
from recweave.core.progress import track
from recweave.data.interactions import Histories
from recweave.models.base import Model, Recipe, Tune
from recweave.models.query import Query
from recweave.models.ratings import rated
from recweave.models.ridge import Ridge
from recweave.models.training import Options, TrainingData
from recweave.parallel import Pool, Serial


class BiasedMF(Recipe):
    """Ratings as μ + b_u + b_i + p_u · q_i (Koren, Bell & Volinsky, Computer 2009, equation 5).

    The squared error on the ratings is minimised, plus `reg` (|p|² + |q|²) and `bias_reg`
    (b_u² + b_i²), by turns: with the items fixed, each user's bias and vector are one ridge
    regression, and the other way round. No learning rate, and the same model from the same seed. μ
    is the mean of all ratings.

    The time of an epoch is O(Σ n · dim · min(n, dim)), n being the ratings of a user or an item.
    """

    trainer: ClassVar[str] = f"{__name__}:train_biased_mf"
    predicts_ratings: ClassVar[bool] = True

    dim: Annotated[int, Tune(4, 128, log=True)] = Field(
        32, gt=0, description="length of the vectors"
    )
    reg: Annotated[float, Tune(1, 50, log=True)] = Field(
        14.0, gt=0, description="L2 penalty on each vector, in squared ratings"
    )
    bias_reg: Annotated[float, Tune(0.1, 30, log=True)] = Field(
        3.0, gt=0, description="L2 penalty on each bias"
    )
    epochs: Annotated[int, Tune(5, 50)] = Field(20, gt=0, description="passes over users and items")
    scale: tuple[float, float] | None = Field(
        None, description="lowest and highest rating; without it those of the training ratings"
    )


def train_biased_mf(recipe: BiasedMF, data: TrainingData, options: Options) -> "BiasedFactors":
    """See `Recipe.fit`.

    Raises:
        BadInput: if the log holds no ratings.
    """
    by_user = rated(Histories.of(data.train))
    if not by_user.nnz:
        raise BadInput(
            f"BiasedMF learns from ratings and none of the {len(data.train):,} events is one; "
            "als, bpr and ease learn from other behaviours"
        )
    low, high = recipe.scale or (float(by_user.data.min()), float(by_user.data.max()))
    mean = float(by_user.data.mean(dtype=np.float64))
    by_user.data -= np.float32(mean)
    by_item = by_user.T.tocsr()
    rng = np.random.default_rng(options.seed)
    item = 0.1 * rng.standard_normal((data.train.shape[1], recipe.dim + 1), dtype=np.float32)
    item[:, -1] = 0
    with threadpool_limits(1):
        for _ in track(range(recipe.epochs), "biased MF"):
            user = _regress(by_user, item, recipe.reg, recipe.bias_reg, options.pool)
            item = _regress(by_item, user, recipe.reg, recipe.bias_reg, options.pool)
        user = _regress(by_user, item, recipe.reg, recipe.bias_reg, options.pool)
    return BiasedFactors(user, item, mean, low, high, recipe.reg, recipe.bias_reg)


@dataclass(frozen=True, eq=False)
class BiasedFactors(Model):
    """Predicts ratings from vectors whose last number is the bias.

    Attributes:
        user, item: p or q and then b; zeros for those without ratings, so that only what is known
            of a pair speaks: the other side's bias, else the mean.
        mean: Of all ratings.
        low, high: Predictions are kept between these.
        reg, bias_reg: Penalties, for somebody new.
    """

    user: Float[Array, "users dim"]
    item: Float[Array, "items dim"]
    mean: float
    low: float
    high: float
    reg: float
    bias_reg: float

    def predict(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """The rating of each pair, on the scale. -1 is a user or item of which nothing is known."""
        of_user = np.where(user[:, None] < 0, np.float32(0), self.user[user])
        of_item = np.where(item[:, None] < 0, np.float32(0), self.item[item])
        taste = np.einsum("nd,nd->n", of_user[:, :-1], of_item[:, :-1])
        made = self.mean + of_user[:, -1] + of_item[:, -1] + taste
        return np.asarray(np.clip(made, self.low, self.high))

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`: predicted ratings, not cut to the scale, which would tie the best.

        Whoever has ratings in their history is regressed on these as they stand.
        """
        of_user = np.where(query.user[:, None] < 0, np.float32(0), self.user[query.user])
        ratings = rated(query.history)
        ratings.data -= np.float32(self.mean)
        rates = np.diff(ratings.indptr) > 0
        of_user[rates] = _regress(ratings, self.item, self.reg, self.bias_reg)[rates]
        level = np.float32(self.mean) + of_user[:, -1:] + self.item[:, -1]
        return np.asarray(level + of_user[:, :-1] @ self.item[:, :-1].T)


def _regress(
    ratings: Csr,
    other: Float[Array, "columns dim"],
    reg: float,
    bias_reg: float,
    pool: Pool = Serial(),  # noqa: B008
) -> Float[Array, "rows dim"]:
    """Vectors and biases of the rows that best give their ratings; the other side's are known."""
    left = ratings.data - other[ratings.indices, -1]
    target = sparse.csr_array((left, ratings.indices, ratings.indptr), shape=ratings.shape)
    # A bias is the weight of a constant; a constant s times as large divides its penalty by s².
    constant = np.float32((reg / bias_reg) ** 0.5)
    design = other.copy()
    design[:, -1] = constant
    penalty = np.full(ratings.shape[0], reg, np.float32)
    made = Ridge.of(design).solve(target, np.ones_like(left), penalty, pool)
    made[:, -1] *= constant
    return made
