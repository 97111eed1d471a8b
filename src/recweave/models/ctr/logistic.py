"""Logistic regression on features: the plain yardstick of click models."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import expit

from recweave.core.arrays import Array
from recweave.models.base import Model, Recipe, Tune
from recweave.models.ctr.design import Block, design
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData


class Logistic(Recipe):
    """L2-regularized logistic regression on features of events, items and users.

    The probability of a yes is 1 / (1 + exp(-b - w·x)), x the features' columns, each scaled to
    mean 0 and deviation 1 over the training rows. What counts as a yes is the experiment's
    `positive_from`. The objective is convex, so nothing is random; it is minimized by a trust
    region Newton method with conjugate gradients, O(rows · columns) for each step.
    """

    trainer: ClassVar[str] = f"{__name__}:train_logistic"
    stochastic: ClassVar[bool] = False

    features: tuple[str, ...] = Field(
        (), description="features of events, items or users; without any, the share of yes"
    )
    reg: Annotated[float, Tune(0.01, 1000, log=True)] = Field(
        1.0, gt=0, description="L2: half of it times the squared weights is added to the log loss"
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none",
        description="balanced: both classes weigh the same, so it is no probability any more",
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features


@dataclass(frozen=True, eq=False)
class LogisticClicks(Model):
    """log-odds(user, item) = user + item + bias.

    A linear model of features of users and items falls apart into one number for each of them.

    Attributes:
        user, item: What each adds to the log-odds.
        unknown_user, unknown_item: The same of somebody or something of which nothing is known.
        bias: The log-odds where both add nothing.
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
        """Of pairs; the rows are broadcast against each other, -1 is unknown."""
        of_user = np.where(user >= 0, self.user[user], self.unknown_user)
        of_item = np.where(item >= 0, self.item[item], self.unknown_item)
        return np.asarray(of_user + of_item + self.bias)


def train_logistic(recipe: Logistic, data: TrainingData, options: Options) -> LogisticClicks:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if it is not known which events are a yes.
    """
    columns, blocks = design(data, recipe.features)
    positive = data.labels()
    weight, bias = solve(columns, positive, recipe.reg, balanced=recipe.class_weight == "balanced")
    users, items = data.train.shape
    by_entity = {"user": np.zeros(users), "item": np.zeros(items)}
    unknown = {"user": 0.0, "item": 0.0}
    first = 0
    for block in blocks:
        part, first = _part(weight, block, first)
        by_entity[block.entity.of] += block.of_entities() @ part
        unknown[block.entity.of] += float(block.unknown() @ part)
    return LogisticClicks(
        by_entity["user"], by_entity["item"], unknown["user"], unknown["item"], bias
    )


def _part(weight: Array, block: Block, first: int) -> tuple[Array, int]:
    end = first + len(block.unknown())
    return weight[first:end], end


def solve(
    columns: Float[Array, "n columns"],
    positive: Bool[Array, " n"],
    reg: float,
    *,
    balanced: bool = False,
) -> tuple[Float[Array, " columns"], float]:
    """The weights and the bias that minimize Σ c_i log loss_i + reg/2 · ‖w‖²; the bias is free.

    With rows of one class only there is no finite minimum: the weights are 0 then, and the bias
    says (yes + ½) / (rows + 1).

    Args:
        columns: The rows; scale them, as the penalty is the same for all columns.
        positive: Their labels.
        reg: As in the formula; scikit-learn's C is 1 / reg.
        balanced: Whether c_i is n / (2 · rows of the class); else 1.
    """
    n, yes = len(positive), int(positive.sum())
    if yes in (0, n):
        return np.zeros(columns.shape[1]), float(np.log((yes + 0.5) / (n - yes + 0.5)))
    sign = np.where(positive, 1.0, -1.0)
    each = np.where(positive, n / (2 * yes), n / (2 * (n - yes))) if balanced else np.ones(n)

    def loss(at: Array) -> tuple[float, Array]:
        margin = sign * (columns @ at[:-1] + at[-1])
        pull = -each * sign * expit(-margin)
        value = float(each @ np.logaddexp(0, -margin)) + reg / 2 * float(at[:-1] @ at[:-1])
        return value, np.append(columns.T @ pull + reg * at[:-1], pull.sum())

    def curvature(at: Array, along: Array) -> Array:
        chance = expit(columns @ at[:-1] + at[-1])
        moved = each * chance * (1 - chance) * (columns @ along[:-1] + along[-1])
        return np.append(columns.T @ moved + reg * along[:-1], moved.sum())

    start = np.append(np.zeros(columns.shape[1]), np.log(yes / (n - yes)) if not balanced else 0.0)
    found = minimize(
        loss, start, jac=True, hessp=curvature, method="trust-ncg", options={"gtol": 1e-6}
    )
    return found.x[:-1], float(found.x[-1])
