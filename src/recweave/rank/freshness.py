"""More or less of what is new, or still of interest, as stages."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.enrich.interest import Interest
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.reasons import Reasons, beside_mean, one_each
from recweave.rank.stages import StageContext, StageRecipe

DAY = 86_400


@dataclass(frozen=True, eq=False)
class FreshnessWeight:
    """Adds strength · 2^(−age / half-life) to the scores, scaled to [0, 1] within each list.

    An item's age is the time from its first, or its last, event before `Query.now` until then: what
    comes after the time of the query is not known to it. Without an event so far, nothing is added.

    Attributes:
        start: Item i's events are `start[i]` to `start[i + 1]`, without the last.
        time: Of the events, item by item, in order.
        since: Which event the age is counted from.
        half_life: In the clock of the log; one for all items, or one each.
        strength: Above 0 favours the new, below 0 the old; 0 changes nothing.
        label: What explanations call it.
    """

    start: Int[Array, " items_and_one"]
    time: Int[Array, " n"]
    since: Literal["first", "last"]
    half_life: float | Float[Array, " items"]
    strength: float
    label: str = "freshness"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        if not self.strength:
            return ranking
        fresh = self.freshness(ranking.item, ranking.query.now[:, None])
        return ranking.ordered_by(ranking.scaled() + self.strength * fresh)

    def freshness(
        self, item: Int[Array, "users k"], now: Int[Array, "users 1"]
    ) -> Float[Array, "users k"]:
        """2^(−age / half-life); 0 where there was no event before `now`."""
        item = np.maximum(item, 0)
        age = self.age(item, now)
        half_life = self.half_life if isinstance(self.half_life, float) else self.half_life[item]
        return np.where(np.isnan(age), 0.0, np.exp2(-age / half_life))

    def reasons(self, before: Ranking, item: Int[Array, "users n"]) -> Reasons:
        """See `Reasoned`: the item's age, against the mean of the list."""
        now = before.query.now[:, None]
        fresh, of_list = self.freshness(item, now), self.freshness(before.item, now)
        value = self.strength * beside_mean(fresh, of_list, before)
        age = self.age(np.maximum(item, 0), now)
        return one_each(lambda row, at: self._said(float(age[row, at])), value, item)

    def _said(self, age: float) -> str:
        if np.isnan(age):
            return "no event so far"
        days = round(age / DAY)
        count = {0: "less than a day", 1: "1 day"}.get(days, f"{days:,} days")
        return f"{count} since its {self.since} event"

    def age(
        self, item: Int[Array, "users k"], now: Int[Array, "users 1"]
    ) -> Float[Array, "users k"]:
        """Time since the event that counts; NaN where there was none before `now`."""
        # Item and time as one number, so that one search finds an item's last event before now.
        began, span = self.time.min(), np.ptp(self.time) + 2
        owner = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        key = owner * span + (self.time - began)
        sought = item * span + np.clip(now - began, 0, span - 1)
        last = np.searchsorted(key, sought) - 1
        event = last if self.since == "last" else self.start[item]
        return np.where(last >= self.start[item], now - self.time[np.minimum(event, last)], np.nan)


class FreshnessRecipe(StageRecipe):
    """Push new items up or down, by the time since their first or last event in train."""

    kind: Literal["freshness"] = "freshness"
    strength: float = Field(
        0.2, description="above 0 favours the new; scores are scaled to [0, 1] per list"
    )
    half_life: float = Field(30.0, gt=0, description="days after which half of it is left")
    since: Literal["first", "last"] = Field("first", description="the event that age counts from")

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        _need_times(context.train, self.kind)
        return _weight(context.train, self.since, self.half_life * DAY, self.strength, self.kind)


class InterestRecipe(StageRecipe):
    """Push down what people have lost interest in, each item by a half-life of its own.

    Half-lives are fitted from train's times (`enrich.interest.Interest`): news fade within hours,
    a guitar does not. Relevance is 2^(−age / half-life), the age counted as `since` says.
    """

    kind: Literal["interest"] = "interest"
    strength: float = Field(
        0.2, description="above 0 favours what is still of interest; scores are scaled to [0, 1]"
    )
    since: Literal["first", "last"] = Field("first", description="the event that age counts from")

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        _need_times(context.train, self.kind)
        half_life = Interest.fit(context.train).half_life * DAY
        return _weight(context.train, self.since, half_life, self.strength, self.kind)


def _weight(
    train: Interactions,
    since: Literal["first", "last"],
    half_life: float | Float[Array, " items"],
    strength: float,
    what: str,
) -> FreshnessWeight:
    order = np.lexsort((train.time, train.item))
    start = np.concatenate([[0], np.cumsum(train.item_counts())])
    return FreshnessWeight(start, train.time[order], since, half_life, strength, what)


def _need_times(train: Interactions, what: str) -> None:
    if train.clock != "seconds":
        raise BadSetting(f"stage '{what}' needs times; this log has only an order")
