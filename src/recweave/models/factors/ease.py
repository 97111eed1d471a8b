"""The linear autoencoder in closed form."""

from typing import Annotated

import numpy as np
from pydantic import Field

from recweave.data.interactions import Histories, Interactions
from recweave.encode.features import Features
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.gram import gram_matrix, invert, taking_part
from recweave.models.kinds import ItemWeights
from recweave.parallel import Pool, Serial


class EASE(Recipe):
    """Weights between items that best give each user's items from their others (Steck, WWW 2019).

    B minimises |X − XB|² + reg |B|² with a diagonal of zeros. In closed form, with
    P = (XᵀX + reg I)⁻¹, it is B_ij = −P_ij / P_jj (equation 8). X holds users by items, an event
    being as strong as its behaviour says. With `decay` below 1 the events of a history fade when
    lists are asked for, the oldest most; training does not change.

    Time is items³ multiplications by BLAS, whatever the number of users; memory is items² · 4
    bytes, checked before it is taken, and the model is as large.
    """

    reg: Annotated[float, Tune(1, 1000, log=True)] = Field(
        100.0, gt=0, description="L2 penalty on the weights, in events"
    )
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0, gt=0, le=1, description="when asked: an event fades by this for each event since"
    )
    min_count: Annotated[int, Tune(0, 20)] = Field(
        0, ge=0, description="items with fewer users get no weights, which saves time and memory"
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
            BadSetting: if no item has `min_count` users.
        """
        codes = self.behaviors.by_code()
        events = Histories.of(train).matrix(weights=codes)
        kept = taking_part(events, self.min_count, "EASE")
        whole = len(kept) == train.shape[1]
        weights = gram_matrix(events if whole else events[:, kept])
        np.fill_diagonal(weights, weights.diagonal() + np.float32(self.reg))
        invert(weights)
        weights /= -weights.diagonal()
        np.fill_diagonal(weights, 0)
        return ItemWeights(weights, self.decay, codes, None if whole else kept)
