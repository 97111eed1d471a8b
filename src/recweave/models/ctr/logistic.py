"""Logistic regression on features: the baseline of click models (CTR prediction)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator
from scipy.special import expit

from recweave.core.arrays import Array
from recweave.models.base import Model, Recipe, Tune
from recweave.models.ctr.class_weights import DESCRIPTION, ClassWeight, row_weights
from recweave.models.ctr.design import Block, training_columns
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData


class Logistic(Recipe):
    """L2-regularized logistic regression on features of events, items and users.

    The probability of the positive class is 1 / (1 + exp(-b - w·x)), where x are the features'
    columns, standardized over the training rows. The experiment's `positive_from` says which
    events are positive. The objective is convex, so nothing is random. It is minimized by a
    trust-region Newton method with conjugate gradients; each step costs O(rows +
    distinct vectors · columns).
    """

    trainer: ClassVar[str] = f"{__name__}:train_logistic"
    predicts_clicks: ClassVar[bool] = True
    stochastic: ClassVar[bool] = False

    features: tuple[str, ...] = Field(
        (), description="features of events, items or users; none: the share of positives"
    )
    reg: Annotated[float, Tune(0.01, 1000, log=True)] = Field(
        1.0, gt=0, description="L2 regularization: adds reg / 2 · ‖weights‖² to the log loss"
    )
    class_weight: ClassWeight = Field("none", description=DESCRIPTION)

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features


@dataclass(frozen=True, eq=False)
class LogisticClicks(Model):
    """log-odds(user, item) = user + item + bias.

    A linear model on features of users and items is a sum of one number per user and one per item.

    Attributes:
        user, item: What each user and each item adds to the log-odds.
        unknown_user, unknown_item: The same for users and items that the model does not know.
        bias: The log-odds where both add 0.
    """

    user: Float[Array, " users"]
    item: Float[Array, " items"]
    unknown_user: float
    unknown_item: float
    bias: float

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`: the log-odds."""
        odds = self.log_odds(query.user[:, None], item)
        return np.where(item >= 0, odds, -np.inf).astype(np.float32)

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`: the log-odds."""
        everything = np.arange(len(self.item))
        return self.log_odds(query.user[:, None], everything).astype(np.float32)

    def probability(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """See `ClickModel.probability`."""
        return np.asarray(expit(self.log_odds(user, item)))

    def log_odds(self, user: Array, item: Array) -> Array:
        """Log-odds of pairs; `user` and `item` are broadcast, -1 is unknown."""
        user_part = np.where(user >= 0, self.user[user], self.unknown_user)
        item_part = np.where(item >= 0, self.item[item], self.unknown_item)
        return np.asarray(user_part + item_part + self.bias)


def train_logistic(recipe: Logistic, data: TrainingData, options: Options) -> LogisticClicks:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if it is not known which events are positive.
    """
    blocks = [Block.find(data, name) for name in recipe.features]
    columns = training_columns(blocks, len(data.train))
    positive = data.labels()
    row_weight = row_weights(positive, recipe.class_weight)
    weight, bias = solve(columns, positive, recipe.reg, row_weight)
    users, items = data.train.shape
    by_entity = {"user": np.zeros(users), "item": np.zeros(items)}
    unknown = {"user": 0.0, "item": 0.0}
    first = 0
    for block in blocks:
        part = weight[first : first + block.standardizer.width]
        first += len(part)
        by_entity[block.source.of] += block.of_entities() @ part
        unknown[block.source.of] += float(block.standardizer.unknown() @ part)
    return LogisticClicks(
        by_entity["user"], by_entity["item"], unknown["user"], unknown["item"], bias
    )


def solve(
    columns: Float[Array, "n columns"] | LinearOperator,
    positive: Bool[Array, " n"],
    reg: float,
    row_weight: Float[Array, " n"] | None = None,
) -> tuple[Float[Array, " columns"], float]:
    """The weights and the bias that minimize Σ c_i log loss_i + reg/2 · ‖w‖²; the bias is free.

    With rows of one class only there is no finite minimum. Then the weights are 0, and the bias
    gives the probability (positives + ½) / (rows + 1).

    Args:
        columns: The rows; standardize them, as the penalty is the same for all columns.
        positive: The labels of the rows.
        reg: As in the formula; scikit-learn's C is 1 / reg.
        row_weight: c_i; 1 if not given.
    """
    n, positives = len(positive), int(positive.sum())
    if positives in (0, n):
        return np.zeros(columns.shape[1]), float(np.log((positives + 0.5) / (n - positives + 0.5)))
    sign = np.where(positive, 1.0, -1.0)
    weight = np.ones(n) if row_weight is None else row_weight
    share = float(weight[positive].sum() / weight.sum())

    def loss(at: Array) -> tuple[float, Array]:
        margin = sign * (columns @ at[:-1] + at[-1])
        residual = -weight * sign * expit(-margin)
        value = float(weight @ np.logaddexp(0, -margin)) + reg / 2 * float(at[:-1] @ at[:-1])
        return value, np.append(columns.T @ residual + reg * at[:-1], residual.sum())

    def hessian_product(at: Array, vector: Array) -> Array:
        probability = expit(columns @ at[:-1] + at[-1])
        variance = weight * probability * (1 - probability)
        product = variance * (columns @ vector[:-1] + vector[-1])
        return np.append(columns.T @ product + reg * vector[:-1], product.sum())

    start = np.append(np.zeros(columns.shape[1]), np.log(share / (1 - share)))
    solution = minimize(
        loss, start, jac=True, hessp=hessian_product, method="trust-ncg", options={"gtol": 1e-6}
    )
    return solution.x[:-1], float(solution.x[-1])
