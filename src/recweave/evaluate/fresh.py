"""Which items are fresh at the moment of an impression: what else could have been shown."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.lists import pair_keys
from recweave.data.impressions import Impressions
from recweave.data.interactions import Clock

HOUR = 3600
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class FirstShown:
    """When each item was first shown to anybody.

    That an item is shown is known at that moment, so impressions of the held-out parts count too;
    clicks are not read.

    Attributes:
        time: Of the first impression that shows the item; the largest integer if none does.
        clock: What `time` counts.
    """

    time: Int[Array, " items"]
    clock: Clock

    @classmethod
    def of(cls, impressions: Impressions) -> "FirstShown":
        """From all impressions of a log."""
        time = np.full(impressions.shape[1], NEVER)
        shown_at = np.repeat(impressions.time, impressions.lengths)
        np.minimum.at(time, impressions.item, shown_at)
        return cls(time, impressions.clock)

    def hours(self, impressions: Impressions) -> Float[Array, " shown"]:
        """Hours from an item's first impression to each time it is shown; NaN without times."""
        if self.clock != "seconds":
            return np.full(len(impressions.item), np.nan)
        at = np.repeat(impressions.time, impressions.lengths)
        return np.asarray((at - np.minimum(self.time[impressions.item], at)) / HOUR)

    def pool(self, impressions: Impressions, hours: float) -> Int[Array, "impressions some"]:
        """The items that each impression could show, ascending, padded with -1.

        Those first shown in the `hours` before it or at that moment, and those it does show. A log
        without times gives all items that any impression shows.

        Args:
            impressions: Of the same log.
            hours: How long an item is fresh.
        """
        items = len(self.time)
        order = np.argsort(self.time, kind="stable")
        ordered = self.time[order]
        if self.clock == "seconds":
            first = np.searchsorted(ordered, impressions.time - hours * HOUR, side="right")
            end = np.searchsorted(ordered, impressions.time, side="right")
        else:
            first = np.zeros(len(impressions), np.int64)
            end = np.full(len(impressions), np.count_nonzero(ordered < NEVER))
        size = end - first
        row = np.repeat(np.arange(len(impressions)), size)
        fresh = order[
            np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(first, size)
        ]
        shown = pair_keys(impressions.row_numbers(), impressions.item, items)
        pairs = np.union1d(pair_keys(row, fresh, items), shown)
        owner, item = np.divmod(pairs, items)
        count = np.bincount(owner, minlength=len(impressions))
        place = np.arange(len(pairs)) - np.repeat(np.cumsum(count) - count, count)
        pool = np.full((len(impressions), max(1, int(count.max(initial=0)))), -1, np.int32)
        pool[owner, place] = item
        return pool
