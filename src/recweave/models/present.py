"""The present: what is popular and what is new at the time of each query, from events before it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.models.base import Basis, Model
from recweave.models.query import Query

DAY = 86_400


@dataclass(frozen=True, eq=False)
class PopularNow(Model):
    """Scores by log(1 + n), where n is the number of events before the query, with decay.

    An event loses half of its weight per half-life. Events at or after the time of the query do not
    count, though training has them: a list for the past knows nothing of what was popular later.
    After the end of the log the numbers are those of its end. The logarithm makes a few very
    popular items comparable with the scores of other models in a blend.

    Attributes:
        item: Rows of items of the training events, in order of time.
        time: Of the events, ascending, in seconds.
        level: The decayed number of events of the item right after each event, itself included.
        half_life: In seconds.
    """

    rests_on: ClassVar[Basis] = "everybody"

    item: Int[Array, " n"]
    time: Int[Array, " n"]
    level: Float[Array, " n"]
    half_life: float

    @classmethod
    def of(cls, log: Interactions, weight: Float[Array, " n"], half_life: float) -> "PopularNow":
        """From the events of a log, each with its weight, and the half-life in seconds.

        Events of weight 0 are left out.
        """
        order = np.argsort(log.time, kind="stable")
        order = order[weight[order] > 0]
        item, time = log.item[order], log.time[order]
        by_item = np.argsort(item, kind="stable")
        level = np.empty(len(item), np.float64)
        heavy = weight[order]
        level[by_item] = _decayed_sums(item[by_item], time[by_item], heavy[by_item], half_life)
        return cls(item, time, level.astype(np.float32), half_life)

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        last = self._last_events(query.now, query.history.items)
        if not len(self.time):
            return np.zeros(last.shape, np.float32)
        now = np.minimum(query.now, self.time[-1] + 1)
        age = np.maximum(now[:, None] - self.time[last], 0).astype(np.float32)
        age *= np.float32(-1 / self.half_life)
        value: Array = self.level[last] * np.exp2(age, out=age)
        value[last < 0] = 0
        return np.asarray(np.log1p(value, out=value))

    def with_items(self, features: Features, count: int) -> "PopularNow":
        """See `Model.with_items`: new items have no events yet."""
        return self

    def _last_events(self, now: Int[Array, " batch"], items: int) -> Int[Array, "batch items"]:
        """The newest event of each item before each query; -1 for none."""
        if not len(now):
            return np.empty((0, items), np.int64)
        order = np.argsort(now, kind="stable")
        end = np.searchsorted(self.time, now[order])
        last = np.full((len(now), items), -1, np.int64)
        last[0] = self._before(int(end[0]), items)
        # Events between the first and the last query, each in the row of the first query after it.
        event = np.arange(end[0], end[-1])
        last[np.searchsorted(end, event, side="right"), self.item[event]] = event
        np.maximum.accumulate(last, axis=0, out=last)
        found = np.empty_like(last)
        found[order] = last
        return found

    def _before(self, end: int, items: int) -> Int[Array, " items"]:
        """The newest of the first `end` events of each item; -1 for none."""
        item, event = self._by_item
        wanted = np.arange(items)
        # Keys of one item rise with time, so its last event before `end` is a binary search.
        key, asked = (row * (len(item) + 1) for row in (item, wanted))
        place = np.searchsorted(key + event, asked + end) - 1
        found = np.full(items, -1)
        inside = np.flatnonzero(place >= 0)
        inside = inside[item[place[inside]] == wanted[inside]]
        found[inside] = event[place[inside]]
        return found

    @cached_property
    def _by_item(self) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
        """Items and positions of the events, by item and within it by time."""
        event = np.argsort(self.item, kind="stable")
        return self.item[event].astype(np.int64), event


@dataclass(frozen=True, eq=False)
class NewNow(Model):
    """Scores by how new an item is at the time of the query: −log2(1 + age in days).

    The age counts from the item's first training event. Items without an event before the query
    are not known to be there yet: they come last, as if they were as old as the log.

    Attributes:
        first: Time of the first event of each item, in seconds; the largest int64 without any.
        start, end: Times of the first and of the last event of the log.
    """

    rests_on: ClassVar[Basis] = "everybody"

    first: Int[Array, " items"]
    start: int
    end: int

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        now = np.minimum(query.now, self.end + 1)[:, None]
        first = np.where(self.first < now, self.first, self.start)
        age = np.maximum(now - first, 0) / DAY
        return np.asarray(-np.log2(1 + age), np.float32)

    def with_items(self, features: Features, count: int) -> "NewNow":
        """See `Model.with_items`: new items came in at the end of the log."""
        return replace(self, first=np.concatenate([self.first, np.full(count, self.end)]))


def require_times(log: Interactions, setting: str) -> None:
    """Refuse a log without times.

    Raises:
        BadSetting: if it has only an order.
    """
    if log.clock != "seconds":
        raise BadSetting(f"{setting}, but this log has an order and no times; leave it out")


def _decayed_sums(
    item: Int[Array, " n"], time: Int[Array, " n"], weight: Float[Array, " n"], half_life: float
) -> Float[Array, " n"]:
    """The decayed sum of the weights of each item right after each of its events.

    Events are by item, and within it by time. The recurrence s_j = w_j + s_(j−1) · 2^(−gap) is
    solved by doubling: after round r, each event has the sum of itself and the 2^r − 1 before it.
    """
    total = weight.astype(np.float64)
    place = np.arange(len(item))
    start = np.zeros(len(item), np.int64)
    new = np.flatnonzero(np.diff(item)) + 1
    start[new] = new
    np.maximum.accumulate(start, out=start)
    step = 1
    while True:
        later = np.flatnonzero(place - step >= start)
        if not len(later):
            return total
        before = later - step
        gap = (time[later] - time[before]) / half_life
        total[later] += total[before] * np.exp2(-gap)
        step *= 2
