"""The linear autoencoder in closed form."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from recweave.data.interactions import Histories, Interactions
from recweave.encode.features import Features
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors.pull import Toward
from recweave.models.gram import ROWS, gram_matrix, invert, taking_part
from recweave.models.kinds import ItemWeights
from recweave.parallel import Pool, Serial


class EASE(Recipe):
    """Weights between items that best give each user's items from their others (Steck, WWW 2019).

    B minimises |X − XB|² + reg |B|² with a diagonal of zeros. In closed form, with
    P = (XᵀX + reg I)⁻¹, it is B_ij = −P_ij / P_jj (equation 8). X holds users by items, an event
    being as strong as its behaviour says. With `decay` below 1 the events of a history fade when
    lists are asked for, the oldest most; training does not change.

    With `features`, B is also pulled toward the weights B_f that the items' vectors alone would
    give (L3AE, arXiv 2508.13500): it minimises |X − XB|² + reg |B|² + Σ_f pull / n |B − B_f|², n
    being the number of features; see `pull.Toward`. Items nobody had in training then have weights
    too.

    Time is items³ multiplications by BLAS, whatever the number of users; memory is items² · 4
    bytes, checked before it is taken, and the model is as large.
    """

    draws: ClassVar[bool] = False

    reg: Annotated[float, Tune(1, 1000, log=True)] = Field(
        100.0, gt=0, description="L2 penalty on the weights, in events"
    )
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0, gt=0, le=1, description="when asked: an event fades by this for each event since"
    )
    min_count: Annotated[int, Tune(0, 20)] = Field(
        0, ge=0, description="items with fewer users get no weights, which saves time and memory"
    )
    features: tuple[str, ...] = Field((), description="vectors of the items to be pulled toward")
    pull: Annotated[float, Tune(10, 1000, log=True)] = Field(
        200.0, gt=0, description="strength of that pull, shared by the features; beside reg"
    )
    feature_reg: Annotated[float, Tune(0.3, 100, log=True)] = Field(
        3.0, gt=0, description="L2 penalty on the weights that the vectors give"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="strength of an event by its behaviour"
    )

    def fit(
        self,
        train: Interactions,
        *,
        features: Features | None = None,
        valid: Interactions | None = None,
        seed: int = 0,
        pool: Pool = Serial(),  # noqa: B008
    ) -> ItemWeights:
        """See `Recipe.fit`.

        Raises:
            BadSetting: if no item has `min_count` users, or a feature is not there.
        """
        codes = self.behaviors.by_code()
        events = Histories.of(train).matrix(weights=codes)
        kept = taking_part(events, self.min_count, "EASE")
        whole = len(kept) == train.shape[1]
        toward = Toward.of(features, self.features, self.pull, self.feature_reg, kept)
        weights = gram_matrix(events if whole else events[:, kept])
        np.fill_diagonal(weights, weights.diagonal() + np.float32(self.reg + toward.strength))
        invert(weights)
        # B = P (XᵀX + ΣsB_f) − P diag(g) = I + P left rightᵀ − P diag(g'), where g' takes up every
        # multiple of a column of P and is what makes the diagonal zero.
        left = weights @ toward.left
        own = np.einsum("id,id->i", left, toward.right)
        taken = (1 + own) / weights.diagonal()

        for first in range(0, len(kept), ROWS):
            rows = slice(first, first + ROWS)
            weights[rows] *= -taken
            weights[rows] += left[rows] @ toward.right.T
        np.fill_diagonal(weights, 0)
        return ItemWeights(weights, self.decay, codes, None if whole else kept)
