"""More or less of what everybody likes, as a stage."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from recweave.core.arrays import Array
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.reasons import Reasons, beside_mean, one_each
from recweave.rank.stages import StageContext, StageRecipe
from recweave.rank.strength import best_strength

DEPTH = 100
"""Items of a list that the choice of a strength re-ranks."""


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

    strengths: tuple[float, ...] = Field(
        (), description="if given, the strength is chosen among these on validation, by NDCG@10"
    )

    @property
    def learns(self) -> bool:
        """See `StageRecipe.learns`: the strength, if there are some to choose among."""
        return bool(self.strengths)

    def settled(self, stage: Stage) -> StageRecipe:
        """See `StageRecipe.settled`: with the strength that was chosen."""
        assert isinstance(stage, PopularityWeight)
        return self.model_copy(update={"strength": stage.strength, "strengths": ()})

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`.

        Raises:
            BadSetting: also if a strength is to be chosen, and there is no validation part.
        """
        popularity = np.log1p(context.train.item_counts())
        stage = PopularityWeight(popularity / popularity.max(), self.strength)
        if not self.learns:
            return stage

        def with_strength(base: Ranking) -> Callable[[float], Ranking]:
            return lambda strength: replace(stage, strength=strength)(base)

        chosen = best_strength(context, self.strengths, with_strength, stage=self.kind, depth=DEPTH)
        return replace(stage, strength=chosen)
