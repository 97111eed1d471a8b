"""What is popular at a moment, from what was clicked before it alone (POPK, arXiv 2407.09939).

Nothing at or after a moment changes what was popular then. The log is read once, in order of time:
running sums of each item, and a list for each time bucket that is asked about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.lists import pair_keys
from recweave.core.topk import top_k
from recweave.data.interactions import Clock

Logic = Literal["acc", "ptb", "ratio", "var"]
"""How popularity is counted.

acc: All clicks before the moment.
ptb: Clicks in the last time bucket that is over (popularity per time bucket).
ratio: Clicks per time shown, clicks / (times shown + prior), until the end of that bucket.
var: Variance of the clicks of a bucket, over all buckets until then.
"""
HOUR = 3600
PARTS = 100
"""Time buckets of a log without times."""
EXTRA = 64
"""Items of a list that may be skipped before it is made again, longer."""


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Items and times, in order of time.

    Attributes:
        item: Rows of items.
        time: In the clock of the log, ascending.
    """

    item: Int[Array, " n"]
    time: Int[Array, " n"]

    @classmethod
    def of(cls, item: Int[Array, " n"], time: Int[Array, " n"]) -> "Occurrences":
        """From any order."""
        order = np.argsort(time, kind="stable")
        return cls(item[order], time[order])

    def between(self, start: int, end: int) -> "Occurrences":
        """From `start` on and before `end`."""
        first, last = np.searchsorted(self.time, [start, end])
        return Occurrences(self.item[first:last], self.time[first:last])


@dataclass(frozen=True, eq=False)
class PopularAt:
    """The popular items of any moment.

    Attributes:
        clicks: Of training.
        shown: Times that items were shown, the clicked ones too.
        items: Size of the catalogue.
        logic: See `Logic`.
        bucket: Length of a time bucket, in the clock of the log.
        fresh: An item counts for so long after it was first shown or clicked, to the bucket; None
            for always.
        prior: Times shown that `ratio` adds to each item.
    """

    clicks: Occurrences
    shown: Occurrences
    items: int
    logic: Logic = "acc"
    bucket: int = HOUR
    fresh: int | None = None
    prior: float = 10.0

    def top(self, time: Int[Array, " n"], k: int) -> Int[Array, "n k"]:
        """The k most popular items at each moment, the most popular first, equal ones by row.

        Items without a click that counts are in no list; lists that end early are padded with -1.
        """
        found = np.full((len(time), k), -1, np.int32)
        for rows, running in self._buckets(time):
            score = running.score(self.logic, self.prior)
            usable = (score > 0) & self._is_fresh(running)
            listed = top_k(np.where(usable, score, -np.inf)[None], k)[0][0]
            if self.logic == "acc":
                listed = self._within(running, time[rows], listed, k)
            found[rows] = listed
        return found

    def first(
        self,
        time: Int[Array, " n"],
        k: int,
        skip: tuple[Int[Array, " pairs"], Int[Array, " pairs"]],
        owner: Int[Array, " n"] | None = None,
    ) -> Int[Array, "n k"]:
        """The k most popular items at each moment that are not skipped, as `top`.

        Args:
            time: The moments.
            k: Items wanted.
            skip: Pairs of an owner and an item.
            owner: Of each moment; its position, without it.
        """
        skipped = np.unique(pair_keys(*skip, self.items))
        of = np.arange(len(time)) if owner is None else owner
        found = np.full((len(time), k), -1, np.int32)
        rows, wide = np.arange(len(time)), min(k + EXTRA, self.items)
        while len(rows):
            listed = self.top(time[rows], wide)
            keys = pair_keys(of[rows][:, None], listed, self.items)
            allowed = (listed >= 0) & ~np.isin(keys, skipped)
            place = np.cumsum(allowed, axis=1) - 1
            row, column = np.nonzero(allowed & (place < k))
            found[rows[row], place[row, column]] = listed[row, column]
            if wide == self.items:
                break
            short = (place[:, -1] + 1 < k) & (listed[:, -1] >= 0)
            rows, wide = rows[short], min(4 * wide, self.items)
        return found

    def _buckets(self, time: Int[Array, " n"]) -> "Iterator[tuple[Int[Array, ' rows'], _Running]]":
        """The moments bucket by bucket, each with the sums until the bucket begins."""
        begin = min(
            (int(part.time[0]) for part in (self.clicks, self.shown) if len(part.time)),
            default=0,
        )
        number = (time - begin) // self.bucket
        order = np.argsort(number, kind="stable")
        running = _Running.empty(self.items, begin, self.bucket)
        for part in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
            if len(part):
                running.advance(self.clicks, self.shown, int(number[part[0]]))
                yield part, running

    def _is_fresh(self, running: "_Running") -> Bool[Array, " items"]:
        if self.fresh is None:
            return np.ones(self.items, bool)
        return np.asarray(running.first >= running.now - self.fresh)

    def _within(
        self,
        running: "_Running",
        time: Int[Array, " n"],
        best: Int[Array, " k"],
        k: int,
    ) -> Int[Array, "n k"]:
        """The k best at moments within a bucket.

        An item that is among them was so when the bucket began, or has been clicked since.
        """
        since = self.clicks.between(running.now, int(time.max(initial=running.now)))
        usable = self._is_fresh(running) | (running.first >= running.now)
        new = np.unique(since.item)
        candidate = np.union1d(best[best >= 0], new[usable[new]])
        if not len(candidate):
            return np.full((len(time), k), -1, np.int32)
        moment, row = np.unique(time, return_inverse=True)
        clicked = np.zeros((len(moment), len(candidate)))
        column = np.searchsorted(candidate, since.item)
        known = (column < len(candidate)) & np.isin(since.item, candidate)
        after = np.searchsorted(moment, since.time, side="right")  # the first moment that knows it
        inside = known & (after < len(moment))
        np.add.at(clicked, (after[inside], column[inside]), 1)
        count = running.clicks[candidate] + np.cumsum(clicked, axis=0)
        place, _ = top_k(np.where(count > 0, count, -np.inf), k)
        listed = np.where(place >= 0, candidate[np.maximum(place, 0)], -1).astype(np.int32)
        return np.asarray(listed[row.ravel()])


@dataclass
class _Running:
    """Sums of each item until a bucket begins.

    Attributes:
        begin, bucket: When the first bucket begins, and how long each is.
        number: Of the bucket; those before it are over.
        clicks, shown: Of each item.
        squares: Sum of the squares of the clicks of each bucket.
        last: Clicks in the last bucket that is over.
        first: When each item was first shown or clicked.
    """

    begin: int
    bucket: int
    number: int
    clicks: Float[Array, " items"]
    shown: Float[Array, " items"]
    squares: Float[Array, " items"]
    last: Float[Array, " items"]
    first: Int[Array, " items"]

    @classmethod
    def empty(cls, items: int, begin: int, bucket: int) -> "_Running":
        clicks, shown, squares, last = (np.zeros(items) for _ in range(4))
        first = np.full(items, np.iinfo(np.int64).max)
        return cls(begin, bucket, 0, clicks, shown, squares, last, first)

    @property
    def now(self) -> int:
        """When the bucket begins."""
        return self.begin + self.number * self.bucket

    def advance(self, clicks: Occurrences, shown: Occurrences, number: int) -> None:
        """Add what happened until another bucket begins; one before the first knows nothing."""
        if number <= self.number:
            self.number = max(self.number, number)
            return
        before, end = self.now, self.begin + number * self.bucket
        items = len(self.clicks)
        clicked, seen = clicks.between(before, end), shown.between(before, end)
        bucket = (clicked.time - self.begin) // self.bucket
        pair, count = np.unique(pair_keys(bucket, clicked.item, items), return_counts=True)
        owner, item = np.divmod(pair, items)
        self.squares += np.bincount(item, weights=count.astype(float) ** 2, minlength=items)
        self.clicks += np.bincount(clicked.item, minlength=items)
        self.shown += np.bincount(seen.item, minlength=items)
        is_last = owner == number - 1
        self.last = np.bincount(item[is_last], weights=count[is_last], minlength=items).astype(
            float
        )
        for part in (clicked, seen):
            np.minimum.at(self.first, part.item, part.time)
        self.number = number

    def score(self, logic: Logic, prior: float) -> Float[Array, " items"]:
        """The popularity of each item."""
        if logic == "acc":
            return self.clicks
        if logic == "ptb":
            return self.last
        if logic == "ratio":
            return self.clicks / (self.shown + prior)
        over = max(1, self.number)
        return np.asarray(self.squares / over - (self.clicks / over) ** 2)


def in_clock(
    clock: Clock, time: Int[Array, " n"], hours: float, fresh_hours: float | None
) -> tuple[int, int | None]:
    """The length of a bucket and of freshness in the clock of a log.

    Without times, a bucket is a hundredth of the log, and everything is fresh.
    """
    if clock == "seconds":
        fresh = None if fresh_hours is None else round(fresh_hours * HOUR)
        return max(1, round(hours * HOUR)), fresh
    return max(1, (int(time.max(initial=0)) + 1) // PARTS), None
