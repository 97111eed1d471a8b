"""The linear autoencoder in closed form."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from recweave.data.interactions import Histories
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors.prior import FeaturePrior
from recweave.models.gram import ROWS, gram_matrix, invert, taking_part
from recweave.models.kinds import ItemWeights
from recweave.models.training import Options, TrainingData


class EASE(Recipe):
    """Weights between items that best give each user's items from their others (Steck, WWW 2019).

    B minimises |X − XB|² + reg |B|² with a diagonal of zeros. In closed form, with
    P = (XᵀX + reg I)⁻¹, it is B_ij = −P_ij / P_jj (equation 8). X holds users by items, an event
    being as strong as its behaviour says. With `decay` below 1 the events of a history fade when
    lists are asked for, the oldest most; training does not change.

    With `features`, the prior of B is the weights B_f that the items' vectors alone would give
    (L3AE, arXiv 2508.13500): it minimises |X − XB|² + reg |B|² + Σ_f prior_weight / n |B − B_f|², n
    being the number of features; see `prior.FeaturePrior`. Cold items then have weights too.

    Time is items³ multiplications by BLAS, whatever the number of users; memory is items² · 4
    bytes, checked before it is taken, and the model is as large.
    """

    trainer: ClassVar[str] = f"{__name__}:train_ease"
    stochastic: ClassVar[bool] = False

    reg: Annotated[float, Tune(1, 1000, log=True)] = Field(
        100.0, gt=0, description="L2 penalty on the weights, in events"
    )
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0, gt=0, le=1, description="when asked: an event fades by this for each event since"
    )
    min_count: Annotated[int, Tune(0, 20)] = Field(
        0, ge=0, description="items with fewer users get no weights, which saves time and memory"
    )
    features: tuple[str, ...] = Field(
        (), description="vectors of the items, whose weights are the prior"
    )
    prior_weight: Annotated[float, Tune(10, 1000, log=True)] = Field(
        200.0, gt=0, description="weight of that prior, shared by the features; beside reg"
    )
    feature_reg: Annotated[float, Tune(0.3, 100, log=True)] = Field(
        3.0, gt=0, description="L2 penalty on the weights that the vectors give"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="strength of an event by its behaviour"
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features


def train_ease(recipe: EASE, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if no item has `min_count` users, or a feature is not there.
    """
    codes = recipe.behaviors.by_code()
    events = Histories.of(data.train).matrix(weights=codes)
    kept = taking_part(events, recipe.min_count, "EASE")
    whole = len(kept) == data.train.shape[1]
    prior = FeaturePrior.of(
        data.features, recipe.features, recipe.prior_weight, recipe.feature_reg, kept
    )
    weights = gram_matrix(events if whole else events[:, kept])
    np.fill_diagonal(weights, weights.diagonal() + np.float32(recipe.reg + prior.weight))
    invert(weights)
    # B = P (XᵀX + ΣsB_f) − P diag(g) = I + P left rightᵀ − P diag(g'), where g' takes up every
    # multiple of a column of P and is what makes the diagonal zero.
    left = weights @ prior.left
    own = np.einsum("id,id->i", left, prior.right)
    taken = (1 + own) / weights.diagonal()

    for first in range(0, len(kept), ROWS):
        rows = slice(first, first + ROWS)
        weights[rows] *= -taken
        weights[rows] += left[rows] @ prior.right.T
    np.fill_diagonal(weights, 0)
    placing = prior.placing(left, recipe.reg)
    return ItemWeights(weights, recipe.decay, codes, None if whole else kept, placing)
