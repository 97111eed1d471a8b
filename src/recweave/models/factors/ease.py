"""EASE: a linear autoencoder with a closed-form solution."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from recweave.data.interactions import Histories
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors.prior import FeaturePrior
from recweave.models.gram import ROWS, gram_matrix, invert, select_items
from recweave.models.kinds import ItemWeights
from recweave.models.training import Options, TrainingData


class EASE(Recipe):
    """Item-to-item weights that predict each item of a user from their others (Steck, WWW 2019).

    B minimizes |X − XB|² + reg |B|² with a zero diagonal. The closed form, with
    P = (XᵀX + reg I)⁻¹, is B_ij = −P_ij / P_jj (equation 8). X is users by items; an entry is the
    weight of the event's behaviour. With `decay` below 1, older events of the history of a query
    count less; training does not change.

    With `features`, the prior of B is the weights B_f computed from the item features alone
    (L3AE, arXiv 2508.13500): B minimizes |X − XB|² + reg |B|² + Σ_f prior_weight / n |B − B_f|²,
    where n is the number of features; see `prior.FeaturePrior`. Then cold items have weights too.

    The time is items³ multiplications in BLAS, independent of the number of users. The memory is
    items² · 4 bytes, checked before training, and the model has the same size.
    """

    trainer: ClassVar[str] = f"{__name__}:train_ease"
    stochastic: ClassVar[bool] = False

    reg: Annotated[float, Tune(1, 1000, log=True)] = Field(
        100.0, gt=0, description="L2 penalty on the weights, in events"
    )
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0,
        gt=0,
        le=1,
        description="in queries: event weight, to the power of the number of later events",
    )
    min_count: Annotated[int, Tune(0, 20)] = Field(
        0, ge=0, description="items with fewer users get no weights; this saves time and memory"
    )
    features: tuple[str, ...] = Field(
        (), description="item features whose weights are the prior (for cold items)"
    )
    prior_weight: Annotated[float, Tune(10, 1000, log=True)] = Field(
        200.0,
        gt=0,
        description="weight of the feature prior, in addition to reg; divided among the features",
    )
    feature_reg: Annotated[float, Tune(0.3, 100, log=True)] = Field(
        3.0, gt=0, description="L2 penalty on the weights computed from the features"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event by its behaviour"
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features


def train_ease(recipe: EASE, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if no item has `min_count` users, or a feature does not exist.
    """
    codes = recipe.behaviors.by_code()
    events = Histories.of(data.train).matrix(weights=codes)
    kept = select_items(events, recipe.min_count, "EASE")
    all_items = len(kept) == data.train.shape[1]
    prior = FeaturePrior.of(
        data.features, recipe.features, recipe.prior_weight, recipe.feature_reg, kept
    )
    weights = gram_matrix(events if all_items else events[:, kept])
    np.fill_diagonal(weights, weights.diagonal() + np.float32(recipe.reg + prior.weight))
    invert(weights)
    # B = P (XᵀX + ΣsB_f) − P diag(g) = I + P left rightᵀ − P diag(g'), where g' is chosen so that
    # the diagonal of B is zero.
    left = weights @ prior.left
    own = np.einsum("id,id->i", left, prior.right)
    multiplier = (1 + own) / weights.diagonal()

    for first in range(0, len(kept), ROWS):
        rows = slice(first, first + ROWS)
        weights[rows] *= -multiplier
        weights[rows] += left[rows] @ prior.right.T
    np.fill_diagonal(weights, 0)
    new_items = prior.for_new_items(left, recipe.reg)
    return ItemWeights(weights, recipe.decay, codes, None if all_items else kept, new_items)
