"""More or less of what everybody likes, as a stage."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from recweave.core.arrays import Array
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.reasons import Reasons, beside_mean, one_each
from recweave.rank.stages import StageContext, StageRecipe


@dataclass(frozen=True, eq=False)
class PopularityWeight:
    """Adds strength · popularity to the scores, scaled to [0, 1] within each list.

    Attributes:
        popularity: Of each item, in [0, 1].
        strength: Below 0 favours the little known, above 0 the well known; 0 changes nothing.
        label: What explanations call it.
    """

    popularity: Float[Array, " items"]
    strength: float
    label: str = "popularity"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        if not self.strength:
            return ranking
        return ranking.ordered_by(ranking.scaled() + self.strength * self.popularity[ranking.item])

    def reasons(self, before: Ranking, item: Int[Array, "users n"]) -> Reasons:
        """See `Reasoned`: the item's rank by popularity, against the mean of the list."""
        found = self.popularity[item]
        value = self.strength * beside_mean(found, self.popularity[before.item], before)
        rank = np.searchsorted(np.sort(-self.popularity), -found) + 1
        count = f"of {len(self.popularity):,} in popularity"
        return one_each(lambda row, at: f"number {rank[row, at]:,} {count}", value, item)


class PopularityRecipe(StageRecipe):
    """Push well known items up or down: by log(1 + events in train) over that of the best known."""

    kind: Literal["popularity"] = "popularity"
    strength: float = Field(
        -0.2, description="below 0 favours the little known; scores are scaled to [0, 1] per list"
    )

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        popularity = np.log1p(context.train.item_counts())
        return PopularityWeight(popularity / popularity.max(), self.strength)
