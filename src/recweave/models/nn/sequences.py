"""Histories as batches of sequences: of like length together, nothing padded to the maximum."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories


@dataclass(frozen=True, eq=False)
class Sequences:
    """Events in rows, oldest first; what is shorter than the longest is filled up at the end.

    Attributes:
        item: -1 where there is no event.
        behavior: Code of the event.
        value, time: Of the event.
        next_item, next_behavior: Those of the event that follows; -1 where none does.
        weight: What predicting the next event counts; 0 where none follows.
    """

    item: Int[Array, "batch time"]
    behavior: Int[Array, "batch time"]
    value: Float[Array, "batch time"]
    time: Int[Array, "batch time"]
    next_item: Int[Array, "batch time"]
    next_behavior: Int[Array, "batch time"]
    weight: Float[Array, "batch time"]


@dataclass(frozen=True, eq=False)
class Windows:
    """Pieces of histories, each with at most `length` events that another follows.

    Attributes:
        history: The histories.
        start: Place of each piece's first event.
        size: Its events, with the last, which is only a target.
        weight: What each event counts as a target.
    """

    history: Histories
    start: Int[Array, " pieces"]
    size: Int[Array, " pieces"]
    weight: Float[Array, " n"]

    @classmethod
    def of(cls, history: Histories, length: int, weight: Float[Array, " n"]) -> "Windows":
        """Cut from the end of each history, so that its newest events are never left short.

        Every event but a history's first is a target once. Pieces without a target that counts are
        left out.

        Raises:
            BadSetting: if that leaves none.
        """
        targets = np.maximum(history.lengths - 1, 0)
        pieces = -(-targets // length)
        owner = np.repeat(np.arange(len(history)), pieces)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        end = history.start[owner + 1] - nth * length
        start = np.maximum(history.start[owner], end - length - 1)
        size = end - start
        counted = np.concatenate([[0], np.cumsum(weight > 0)])
        some = counted[end] > counted[start + 1]
        if not some.any():
            raise BadSetting(
                "there is nothing to learn from: no user has an event that counts after another; "
                'look at target, behaviors and targets ("new" leaves out what a user had before)'
            )
        return cls(history, start[some], size[some], weight)

    def batches(self, rng: np.random.Generator, events: int) -> list["Batch"]:
        """All pieces in batches of about so many places, in a random order."""
        order = np.argsort(self.size + rng.random(len(self.size)), kind="stable")
        made, first = [], 0
        size = self.size[order]
        while first < len(order):
            # Lengths rise, so the last of a batch is its longest.
            rows = np.arange(1, min(len(order) - first, events) + 1)
            fits = rows * (size[first : first + len(rows)] - 1) <= max(events, size[first] - 1)
            count = max(1, int(np.count_nonzero(fits)))
            made.append(Batch(self, order[first : first + count]))
            first += count
        return [made[place] for place in rng.permutation(len(made))]


@dataclass(frozen=True, eq=False)
class Batch:
    """Some pieces, made into sequences when they are needed."""

    windows: Windows
    pieces: Int[Array, " some"]

    def owners(self) -> Int[Array, " some"]:
        """The row of the history that each piece is of."""
        start = self.windows.history.start
        return np.asarray(np.searchsorted(start, self.windows.start[self.pieces], side="right") - 1)

    def read(self) -> Sequences:
        """The sequences."""
        windows = self.windows
        size = windows.size[self.pieces] - 1
        return _sequences(
            windows.history, windows.start[self.pieces], size, windows.weight, follows=True
        )


def newest(history: Histories, length: int) -> Sequences:
    """The last events of each history, as they are asked with: what follows is to be told.

    Rows without events have one place, which is empty.
    """
    size = np.minimum(history.lengths, length)
    weight = np.ones(len(history.item), np.float32)
    return _sequences(history, history.start[1:] - size, size, weight, follows=False)


def new_to_user(history: Histories) -> Bool[Array, " n"]:
    """Whether each event is the first of its user with its item."""
    row = history.row_numbers()
    key = row * history.items + history.item
    _, first = np.unique(key, return_index=True)
    found = np.zeros(len(key), bool)
    found[first] = True
    return found


def _sequences(
    history: Histories,
    start: Int[Array, " rows"],
    size: Int[Array, " rows"],
    weight: Float[Array, " n"],
    *,
    follows: bool,
) -> Sequences:
    step = np.arange(max(1, int(size.max(initial=1))))
    there = step < size[:, None]
    at = np.where(there, start[:, None] + step, 0)

    def of(column: Array, places: Array, mask: Array, empty: int | float) -> Array:
        if not len(column):
            return np.full(places.shape, empty, column.dtype)
        return np.asarray(np.where(mask, column[places], column.dtype.type(empty)))

    after = np.where(there, at + 1, 0) if follows else np.zeros_like(at)
    told = there if follows else np.zeros_like(there)
    return Sequences(
        item=of(history.item, at, there, -1),
        behavior=of(history.behavior, at, there, 0),
        value=of(history.value, at, there, 0.0),
        time=of(history.time, at, there, 0),
        next_item=of(history.item, after, told, -1),
        next_behavior=of(history.behavior, after, told, 0),
        weight=of(weight, after, told, 0.0),
    )
