"""Matrix factorization for ratings: mean, biases and vectors."""

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
    """Predicts ratings as μ + b_u + b_i + p_u · q_i (Koren et al., Computer 2009, equation 5).

    Minimizes the squared error on the ratings, plus `reg` (|p|² + |q|²) and `bias_reg`
    (b_u² + b_i²), by alternating least squares: with the items fixed, the bias and the vector of
    each user are one ridge regression, and vice versa. There is no learning rate, and the same seed
    gives the same model. μ is the mean of all ratings.

    The time of an epoch is O(Σ n · dim · min(n, dim)), where n is the number of ratings of a user
    or an item.
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
        None, description="lowest and highest rating; by default those of the training ratings"
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
    """Predicts ratings from vectors whose last column is the bias.

    Attributes:
        user, item: p or q and then b; zeros for users and items without ratings. So if one side of
            a pair is cold, the prediction is the mean plus the bias of the other side.
        mean: Mean of all ratings.
        low, high: Predictions are clipped to this range.
        reg, bias_reg: Penalties, for fold-in.
    """

    user: Float[Array, "users dim"]
    item: Float[Array, "items dim"]
    mean: float
    low: float
    high: float
    reg: float
    bias_reg: float

    def predict(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """The rating of each pair, on the scale. -1 is a cold user or item."""
        of_user = np.where(user[:, None] < 0, np.float32(0), self.user[user])
        of_item = np.where(item[:, None] < 0, np.float32(0), self.item[item])
        taste = np.einsum("nd,nd->n", of_user[:, :-1], of_item[:, :-1])
        rating = self.mean + of_user[:, -1] + of_item[:, -1] + taste
        return np.asarray(np.clip(rating, self.low, self.high))

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`: predicted ratings, not clipped, because clipping would tie the best.

        If the history of a query has ratings, the user vector is computed from them (fold-in).
        """
        of_user = np.where(query.user[:, None] < 0, np.float32(0), self.user[query.user])
        ratings = rated(query.history)
        ratings.data -= np.float32(self.mean)
        has_ratings = np.diff(ratings.indptr) > 0
        folded_in = _regress(ratings, self.item, self.reg, self.bias_reg)
        of_user[has_ratings] = folded_in[has_ratings]
        level = np.float32(self.mean) + of_user[:, -1:] + self.item[:, -1]
        return np.asarray(level + of_user[:, :-1] @ self.item[:, :-1].T)


def _regress(
    ratings: Csr,
    other: Float[Array, "columns dim"],
    reg: float,
    bias_reg: float,
    pool: Pool = Serial(),  # noqa: B008
) -> Float[Array, "rows dim"]:
    """Vectors and biases of the rows that best predict their ratings; the other side is fixed."""
    residual = ratings.data - other[ratings.indices, -1]
    target = sparse.csr_array((residual, ratings.indices, ratings.indptr), shape=ratings.shape)
    # A bias is the weight of a constant; a constant s times as large divides its penalty by s².
    constant = np.float32((reg / bias_reg) ** 0.5)
    design = other.copy()
    design[:, -1] = constant
    penalty = np.full(ratings.shape[0], reg, np.float32)
    vectors = Ridge.of(design).solve(target, np.ones_like(residual), penalty, pool)
    vectors[:, -1] *= constant
    return vectors
