"""Several models as one: a weighted sum of their scores on one scale."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.models.base import Model
from recweave.models.query import Query

FLAT = 1e-6
"""A row whose standard deviation is less than this share of its mean holds equal scores."""


@dataclass(frozen=True, eq=False)
class Blend:
    """Scores by the weighted sum of the members' scores, standardised within each asker's row.

    What any member with a weight will not show (-inf) is not shown. A member of weight 0 is not
    asked. Where one alone has a weight, its scores are given as they are: no order is lost to
    rounding.

    Attributes:
        members: Trained models over the same items.
        weights: One each, not negative.
    """

    members: tuple[Model, ...]
    weights: Float[Array, " members"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        asked = np.flatnonzero(self.weights)
        if len(asked) == 1:
            return np.asarray(self.members[asked[0]].scores(query))
        total = np.zeros((len(query), query.history.items), np.float32)
        for member in asked:
            scores = standardised(self.members[member].scores(query))
            scores *= np.float32(self.weights[member])
            total += scores
        return total


def standardised(scores: Float[Array, "batch items"]) -> Float[Array, "batch items"]:
    """Each row less its mean, over its standard deviation; float32.

    -inf stays and counts for neither; a row of equal scores becomes 0.
    """
    hidden = np.isneginf(scores)
    some = hidden.any()
    scaled = np.where(hidden, 0, scores).astype(np.float32)
    count = np.maximum(1, scores.shape[1] - np.count_nonzero(hidden, axis=1))[:, None]
    mean = scaled.sum(axis=1, keepdims=True) / count
    scaled -= mean
    if some:
        scaled[hidden] = 0
    spread = np.sqrt(np.einsum("ui,ui->u", scaled, scaled)[:, None] / count)
    flat = spread <= FLAT * np.abs(mean)
    scaled *= np.where(flat, 0, 1 / np.where(flat, 1, spread)).astype(np.float32)
    if some:
        scaled[hidden] = -np.inf
    return scaled
