"""What a shop decides: items that are kept out, capped, pushed or pinned, as stages."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Bool, Int
from pydantic import Field, PositiveInt, field_validator

from recweave.core.arrays import Array
from recweave.rank.ranking import PAD, Ranking, Stage
from recweave.rank.rules import AnyRule, item_table, require_field
from recweave.rank.stages import StageContext, StageRecipe


@dataclass(frozen=True, eq=False)
class Exclude:
    """Takes items out of the lists; what is left moves up.

    Attributes:
        out: Mask of the items.
        label: What explanations call it.
    """

    out: Bool[Array, " items"]
    label: str = "exclusion"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        return ranking.only(~self.out[ranking.item])


@dataclass(frozen=True, eq=False)
class Cap:
    """Leaves at most `n` of each group in a list, the first ones.

    Attributes:
        group: Code of each item's group, not negative; -1 for an item without one, never capped.
        n: How many of a group may stay.
        label: What explanations call it.
    """

    group: Int[Array, " items"]
    n: int
    label: str = "cap"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        group = np.where(ranking.filled, self.group[ranking.item], -1)
        order = np.argsort(group, axis=1, kind="stable")
        row = np.arange(len(ranking))[:, None]
        ordered = group[row, order]
        # How many of its group come before an item: its position less that of the group's first.
        position = np.arange(ranking.k)
        first = np.ones_like(ordered, bool)
        first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        start = np.maximum.accumulate(np.where(first, position, 0), axis=1)
        kept = np.empty_like(first)
        kept[row, order] = (position - start < self.n) | (ordered < 0)
        return ranking.only(kept)


@dataclass(frozen=True, eq=False)
class Boost:
    """Multiplies the scores of some items, scaled to [0, 1] within each list, by a factor.

    Above 1 moves them up, below 1 down; 1 changes nothing. The last of a list is at 0 and stays
    where it is.

    Attributes:
        chosen: Mask of the items.
        factor: Not negative.
        label: What explanations call it.
    """

    chosen: Bool[Array, " items"]
    factor: float
    label: str = "boost"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        if self.factor == 1:
            return ranking
        factor = np.where(self.chosen[ranking.item], self.factor, 1.0)
        return ranking.ordered_by(ranking.scaled() * factor)


@dataclass(frozen=True, eq=False)
class Pin:
    """Puts items at fixed positions of the lists that they are in; the others keep their order.

    A list too short for a position has the item at its end. An item that is not in a list is not
    added. Scores stay at their positions.

    Attributes:
        position: Of each pinned item in the list, from 0; -1 for the others. No two are equal.
        label: What explanations call it.
    """

    position: Int[Array, " items"]
    label: str = "pin"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        position = np.where(ranking.filled, self.position[ranking.item], -1)
        pinned = position >= 0
        free = np.cumsum(~pinned, axis=1) - 1  # the number, from 0, of an item that is not pinned
        # Above the q-th pinned item of a list, by position, are q pinned ones: position - q others.
        order = np.argsort(np.where(pinned, position, np.iinfo(position.dtype).max), axis=1)
        number = np.argsort(order, axis=1)
        others = (~pinned & ranking.filled).sum(axis=1, keepdims=True)
        above = np.where(pinned, np.minimum(position - number, others), free)
        turn = np.lexsort((number, ~pinned, above), axis=1)
        return replace(ranking, item=np.take_along_axis(ranking.item, turn, axis=1))


class ExcludeRecipe(StageRecipe):
    """Take out the items that a rule says yes to; to refill the lists, allow fewer instead."""

    kind: Literal["exclude"] = "exclude"
    where: AnyRule = Field(description="a rule on the items' fields")

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        return Exclude(self.where.matches(context.dataset), f"excluding {self.where}")


class ColdRecipe(StageRecipe):
    """Leave only the items without events in train (cold items), such as a list of what is new.

    Set `depth` to the size of the catalogue: the stage sees no more of it than it is handed.
    """

    kind: Literal["cold"] = "cold"

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        return Exclude(context.train.item_counts() > 0, "cold items alone")


class CapRecipe(StageRecipe):
    """At most n items per list that share a field's value; of a list, its last, finest member."""

    kind: Literal["cap"] = "cap"
    field: str = Field("brand", description="a column of the items table")
    n: int = Field(2, ge=1, description="how many of one value may stay in a list")

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        table = item_table(context.dataset)
        require_field(table, self.field)
        column = table[self.field]
        value = column.list.last() if isinstance(column.dtype, pl.List) else column
        group = value.rank("dense").cast(pl.Int32) - 1
        return Cap(group.fill_null(-1).to_numpy(), self.n, f"at most {self.n} per {self.field}")


class BoostRecipe(StageRecipe):
    """Push the items that a rule says yes to up (factor above 1) or down (below 1)."""

    kind: Literal["boost"] = "boost"
    where: AnyRule = Field(description="a rule on the items' fields")
    factor: float = Field(description="multiplies scores scaled to [0, 1] in each list", ge=0)

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        return Boost(self.where.matches(context.dataset), self.factor, f"boosting {self.where}")


class PinRecipe(StageRecipe):
    """Put items at fixed positions of the lists that they are in."""

    kind: Literal["pin"] = "pin"
    pins: tuple[tuple[str, PositiveInt], ...] = Field(
        min_length=1, description="pairs of an item's id and its position, 1 at the top"
    )

    @field_validator("pins")
    @classmethod
    def _no_two_alike(cls, pins: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        for part in zip(*pins, strict=True):
            if len(set(part)) < len(part):
                raise ValueError("an item or a position is named twice")
        return pins

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`."""
        position = np.full(len(context.dataset.item_ids), PAD, np.int32)
        for item_id, at in self.pins:
            position[context.dataset.item_ids.row(item_id)] = at - 1
        return Pin(position)
