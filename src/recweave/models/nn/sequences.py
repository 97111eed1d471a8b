"""Histories as batches of sequences of similar length, so that little padding is needed."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories


@dataclass(frozen=True, eq=False)
class Sequences:
    """One history per row, oldest event first; shorter rows are padded at the end.

    Attributes:
        item: Row of the item; -1 where there is no event.
        behavior: Code of the event's behaviour.
        value, time: Value and time of the event.
        next_item, next_behavior: The same of the next event; -1 and 0 where there is none.
        weight: Weight of predicting the next event; 0 where there is none.
        next_popular: Negatives of the next event (see `Windows.popular`); -1 where there are none.
    """

    item: Int[Array, "batch time"]
    behavior: Int[Array, "batch time"]
    value: Float[Array, "batch time"]
    time: Int[Array, "batch time"]
    next_item: Int[Array, "batch time"]
    next_behavior: Int[Array, "batch time"]
    weight: Float[Array, "batch time"]
    next_popular: Int[Array, "batch time popk"] | None = None


@dataclass(frozen=True, eq=False)
class Windows:
    """Histories cut into windows of at most `length` inputs, each followed by its target.

    Attributes:
        history: The histories.
        start: Index of each window's first event.
        size: Number of events of each window; the last event is a target only.
        weight: Weight of each event as a target.
        popular: Negatives of each event as a target, padded with -1; None for none of its own.
    """

    history: Histories
    start: Int[Array, " windows"]
    size: Int[Array, " windows"]
    weight: Float[Array, " n"]
    popular: Int[Array, "n popk"] | None = None

    @classmethod
    def of(cls, history: Histories, length: int, weight: Float[Array, " n"]) -> "Windows":
        """Cut each history from its end, so that the window of the newest events is the longest.

        Every event except the first of a history is a target exactly once. Windows in which no
        target has a weight above 0 are left out.

        Raises:
            BadSetting: if no window is left.
        """
        targets = np.maximum(history.lengths - 1, 0)
        windows = -(-targets // length)
        owner = np.repeat(np.arange(len(history)), windows)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(windows) - windows, windows)
        end = history.start[owner + 1] - nth * length
        start = np.maximum(history.start[owner], end - length - 1)
        size = end - start
        counted = np.concatenate([[0], np.cumsum(weight > 0)])
        has_target = counted[end] > counted[start + 1]
        if not has_target.any():
            raise BadSetting(
                "there is nothing to learn from: no user has a target event after another event; "
                'check target, behaviors and targets ("new" leaves out items a user had before)'
            )
        return cls(history, start[has_target], size[has_target], weight)

    def batches(self, rng: np.random.Generator, events: int) -> list["Batch"]:
        """All windows in batches of about `events` positions, in a random order."""
        return [Batch(self, rows) for rows in by_length(self.size - 1, events, rng)]


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of one batch; `read` makes the sequences when they are needed."""

    windows: Windows
    rows: Int[Array, " batch"]

    def owners(self) -> Int[Array, " batch"]:
        """The row of the history that each window belongs to."""
        start = self.windows.history.start
        return np.asarray(np.searchsorted(start, self.windows.start[self.rows], side="right") - 1)

    def read(self) -> Sequences:
        """The sequences of these windows, with targets."""
        windows = self.windows
        start, size = windows.start[self.rows], windows.size[self.rows] - 1
        read = _sequences(windows.history, start, size, windows.weight, targets=True)
        if windows.popular is None:
            return read
        step = np.arange(read.item.shape[1])
        is_input = (step < size[:, None])[..., None]
        target = np.where(is_input[..., 0], start[:, None] + step + 1, 0)
        return replace(read, next_popular=np.where(is_input, windows.popular[target], -1))


def by_length(
    lengths: Int[Array, " rows"], positions: int, rng: np.random.Generator
) -> list[Int[Array, " batch"]]:
    """Rows in batches of similar length, in a random order.

    Args:
        lengths: Positions of each row, at least 1.
        positions: Positions of a batch at most, padding included; a longer row is alone.
        rng: Of the order.
    """
    order = np.argsort(lengths + rng.random(len(lengths)), kind="stable")
    size, batches, first = lengths[order], [], 0
    while first < len(order):
        # Sorted by length, so the last row of a batch is its longest.
        candidates = size[first : first + positions]
        fits = candidates * np.arange(1, len(candidates) + 1) <= positions
        count = max(1, int(np.count_nonzero(fits)))
        batches.append(order[first : first + count])
        first += count
    return [batches[index] for index in rng.permutation(len(batches))]


def newest(history: Histories, length: int) -> Sequences:
    """The newest `length` events of each history, without targets: the input at inference time.

    Histories without events give a row of padding.
    """
    size = np.minimum(history.lengths, length)
    weight = np.ones(len(history.item), np.float32)
    return _sequences(history, history.start[1:] - size, size, weight, targets=False)


def new_to_user(history: Histories) -> Bool[Array, " n"]:
    """Whether each event is its user's first event with its item."""
    row = history.row_numbers()
    key = row * history.items + history.item
    _, first = np.unique(key, return_index=True)
    new = np.zeros(len(key), bool)
    new[first] = True
    return new


def _sequences(
    history: Histories,
    start: Int[Array, " rows"],
    size: Int[Array, " rows"],
    weight: Float[Array, " n"],
    *,
    targets: bool,
) -> Sequences:
    step = np.arange(max(1, int(size.max(initial=1))))
    mask = step < size[:, None]
    at = np.where(mask, start[:, None] + step, 0)

    def take(column: Array, index: Array, present: Array, padding: int | float) -> Array:
        if not len(column):
            return np.full(index.shape, padding, column.dtype)
        return np.asarray(np.where(present, column[index], column.dtype.type(padding)))

    after = np.where(mask, at + 1, 0) if targets else np.zeros_like(at)
    has_next = mask if targets else np.zeros_like(mask)
    return Sequences(
        item=take(history.item, at, mask, -1),
        behavior=take(history.behavior, at, mask, 0),
        value=take(history.value, at, mask, 0.0),
        time=take(history.time, at, mask, 0),
        next_item=take(history.item, after, has_next, -1),
        next_behavior=take(history.behavior, after, has_next, 0),
        weight=take(weight, after, has_next, 0.0),
    )
