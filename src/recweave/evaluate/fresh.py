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
        """The items that each impression could show, each once, padded with -1.

        Those first shown in the `hours` before it or at that moment, and those it does show. A log
        without times gives all items that any impression shows.

        Args:
            impressions: Of the same log.
            hours: How long an item is fresh.
        """
        items = len(self.time)
        order = np.argsort(self.time, kind="stable")
        ordered = self.time[order]
        row, item = impressions.row_numbers(), impressions.item
        if self.clock == "seconds":
            since = impressions.time - hours * HOUR
            first = np.searchsorted(ordered, since, side="right")
            end = np.searchsorted(ordered, impressions.time, side="right")
            old = self.time[item] <= since[row]
        else:
            first = np.zeros(len(impressions), np.int64)
            end = np.full(len(impressions), np.count_nonzero(ordered < NEVER))
            old = np.zeros(len(item), bool)
        fresh = end - first
        owner, shown = np.divmod(np.unique(pair_keys(row[old], item[old], items)), items)
        more = np.bincount(owner, minlength=len(impressions))
        step = np.arange(max(1, int((fresh + more).max(initial=1))))
        is_fresh = step < fresh[:, None]
        pool = np.full(is_fresh.shape, -1, np.int32)
        pool[is_fresh] = order[(first[:, None] + step)[is_fresh]]
        place = np.arange(len(owner)) - np.repeat(np.cumsum(more) - more, more)
        pool[owner, fresh[owner] + place] = shown
        return pool
