"""Variety within a list, as a stage."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadSetting
from recweave.encode.categories import encode_categories
from recweave.encode.features import find_item_feature
from recweave.rank.ranking import PAD, Ranking, Stage
from recweave.rank.reasons import Reasons, StageReason
from recweave.rank.stages import StageContext, StageRecipe

BLOCK_BYTES = 4 * 2**20
"""Vectors looked at together; what stays in the processor's cache is read k times for once."""


@dataclass(frozen=True, eq=False)
class MMR:
    """Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998), as a `Stage`.

    Greedily takes the item with the largest `trade` · score − (1 − trade) · similarity, where
    similarity is the largest cosine to an item already taken (0 for the first). Scores are first
    scaled to [0, 1] within each list; equals go by the order they had. The new scores are the
    values at which items were taken, none above the one before. O(users · length · k · dim).

    Attributes:
        vectors: One unit-length vector per item of the catalogue; zero where there is none.
        trade: 1 keeps the order, 0 looks at variety alone.
        k: Length of the lists given back; None keeps all items.
        label: What explanations call it.
    """

    vectors: Float[Array, "items dim"]
    trade: float
    k: int | None = None
    label: str = "diversity"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        k = min(self.k or ranking.k, ranking.k)
        if self.trade == 1:
            return ranking.top(k)
        relevance = np.where(ranking.filled, ranking.scaled(), -np.inf)
        item = np.full((len(ranking), k), PAD, np.int32)
        score = np.full((len(ranking), k), -np.inf, np.float32)
        size = max(1, BLOCK_BYTES // max(1, 4 * ranking.k * self.vectors.shape[1]))
        for first in range(0, len(ranking), size):
            block = slice(first, first + size)
            listed = ranking.item[block]
            position, worth = _greedy(self.vectors[listed], relevance[block], self.trade, k)
            taken = np.take_along_axis(listed, position, axis=1)
            item[block] = np.where(worth > -np.inf, taken, PAD)
            score[block] = worth
        return replace(ranking, item=item, score=np.minimum.accumulate(score, axis=1))

    def reasons(self, before: Ranking, item: Int[Array, "users n"]) -> Reasons:
        """See `Reasoned`: of the items above an item, the one that it is most like."""
        return [
            [self._nearest_above(taken, int(one)) for one in listed]
            for taken, listed in zip(self(before).item, item, strict=True)
        ]

    def _nearest_above(self, taken: Int[Array, " k"], item: int) -> list[StageReason]:
        place = np.flatnonzero(taken == item)
        above = taken[: place[0]] if item != PAD and len(place) else taken[:0]
        if not len(above):
            return []
        similarity = self.vectors[above] @ self.vectors[item]
        most = int(similarity.argmax())
        value = float((self.trade - 1) * similarity[most])
        reason = StageReason("similar to", value, ((int(above[most]), ""),), named=True)
        return [reason] if value < 0 else []


def _greedy(
    vectors: Float[Array, "users n dim"], relevance: Float[Array, "users n"], trade: float, k: int
) -> tuple[Int[Array, "users k"], Float[Array, "users k"]]:
    """Positions in the order they are taken, and the value of each; -inf where none was left."""
    row = np.arange(len(relevance))
    position = np.empty((len(row), k), np.int64)
    worth = np.empty((len(row), k))
    left = relevance.copy()
    left[left > -np.inf] *= trade  # trade may be 0, and 0 · inf is no number
    nearest = np.zeros_like(left)
    for step in range(k):
        value = left - (1 - trade) * nearest
        best = value.argmax(axis=1)
        position[:, step], worth[:, step] = best, value[row, best]
        left[row, best] = -np.inf
        similarity = (vectors @ vectors[row, best, :, None])[..., 0]
        nearest = np.maximum(nearest, similarity) if step else similarity
    return position, worth


class MMRRecipe(StageRecipe):
    """Variety within each list, by maximal marginal relevance (Carbonell & Goldstein 1998)."""

    kind: Literal["mmr"] = "mmr"
    trade: float = Field(0.7, ge=0, le=1, description="1 keeps the order, 0 looks at variety alone")
    k: int | None = Field(None, ge=1, description="length of the lists given back; all without")
    feature: str = Field(
        "categories", description="vectors that say which items are alike; categories need no other"
    )

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        there = context.features
        if self.feature in there:
            vectors = find_item_feature(there, self.feature).vectors
        elif self.feature == "categories":
            vectors = encode_categories(context.dataset).vectors
        else:
            known = ", ".join(sorted({"categories", *there}))
            raise BadSetting(f"stage 'mmr': no feature is called '{self.feature}', only {known}")
        if not vectors.any():
            raise BadSetting(f"stage 'mmr': no item has {self.feature}; name another feature")
        return MMR(unit_rows(vectors), self.trade, self.k)

    def features_used(self) -> tuple[str, ...]:
        """See `StageRecipe.features_used`; categories are read from the catalogue."""
        return () if self.feature == "categories" else (self.feature,)
