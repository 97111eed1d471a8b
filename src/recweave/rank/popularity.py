"""More or less of what everybody likes, as a stage."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from recweave.core.arrays import Array
from recweave.rank.ranking import Ranking, Stage
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
