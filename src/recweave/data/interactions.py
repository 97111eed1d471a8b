"""The numeric view of a log: columns of rows, and each user's events in order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr, digest, order_by
from recweave.core.errors import UnknownName
from recweave.data.schema import BEHAVIORS

Clock = Literal["seconds", "order"]


@dataclass(frozen=True, eq=False)
class Interactions:
    """A log of events, one row each, in columns; rows stay in the order of the source.

    Users and items are row numbers, 0-based and dense; `Vocabulary` holds the original ids.

    Attributes:
        user: Row of the user.
        item: Row of the item.
        behavior: Code of the kind of event, its place in `BEHAVIORS`.
        value: A rating on its own scale, else 1. Finite.
        time: Seconds since 1970-01-01 UTC, or the position in the source's order (see `clock`).
        shape: Number of users and of items; may exceed what occurs in the columns.
        clock: What `time` counts. Where it is "order", differences mean nothing but their sign.
    """

    user: Int[Array, " n"]
    item: Int[Array, " n"]
    behavior: Int[Array, " n"]
    value: Float[Array, " n"]
    time: Int[Array, " n"]
    shape: tuple[int, int]
    clock: Clock = "seconds"

    @classmethod
    def of(
        cls,
        user: Sequence[int] | Array,
        item: Sequence[int] | Array,
        value: Sequence[float] | Array | float = 1.0,
        time: Sequence[int] | Array | None = None,
        *,
        behavior: Sequence[str] | str = "rating",
        shape: tuple[int, int] | None = None,
        clock: Clock = "seconds",
    ) -> "Interactions":
        """From plain sequences; without times, the order given is the order of events."""
        users, items = np.asarray(user, np.int32), np.asarray(item, np.int32)
        n = len(users)
        names = [behavior] if isinstance(behavior, str) else behavior
        codes = np.array([BEHAVIORS.index(name) for name in names], np.int8)
        found = (int(users.max(initial=-1)) + 1, int(items.max(initial=-1)) + 1)
        return cls(
            user=users,
            item=items,
            behavior=np.broadcast_to(codes, (n,)).copy(),
            value=np.broadcast_to(np.asarray(value, np.float32), (n,)).copy(),
            time=np.arange(n) if time is None else np.asarray(time, np.int64),
            shape=found if shape is None else shape,
            clock="order" if time is None else clock,
        )

    def __len__(self) -> int:
        return len(self.user)

    def __repr__(self) -> str:
        return (
            f"<Interactions {len(self):,} events, {self.shape[0]:,} users, {self.shape[1]:,} items>"
        )

    def __getitem__(self, rows: Int[Array, " m"] | Bool[Array, " n"] | slice) -> "Interactions":
        """The events at these rows, with the same shape."""
        return replace(
            self,
            user=self.user[rows],
            item=self.item[rows],
            behavior=self.behavior[rows],
            value=self.value[rows],
            time=self.time[rows],
        )

    def only(self, behaviors: Iterable[str]) -> "Interactions":
        """The events of these behaviours."""
        codes = [behavior_code(name) for name in behaviors]
        return self[np.isin(self.behavior, codes)]

    def matrix(self, values: bool = True) -> Csr:
        """Users by items, float32. Repeated events are summed; without `values`, each pair is 1."""
        given = self.value.astype(np.float32) if values else np.ones(len(self), np.float32)
        matrix = sparse.csr_array((given, (self.user, self.item)), shape=self.shape)
        matrix.sum_duplicates()
        if not values:
            matrix.data[:] = 1
        return matrix

    def item_counts(self) -> Int[Array, " items"]:
        """Events of each item."""
        return np.bincount(self.item, minlength=self.shape[1])

    def user_counts(self) -> Int[Array, " users"]:
        """Events of each user."""
        return np.bincount(self.user, minlength=self.shape[0])

    def digest(self) -> str:
        """A short hash of who did what, when and how, in the order of the log, and of its shape."""
        shape = np.array([*self.shape, self.clock == "seconds"])
        return digest(self.user, self.item, self.behavior, self.time, shape)

    def by_user(self) -> Int[Array, " n"]:
        """Row numbers that sort by user, then time; equal times keep the order of the source."""
        order = order_by(self.user, self.shape[0])
        user, time = self.user[order], self.time[order]
        if ((time[1:] < time[:-1]) & (user[1:] == user[:-1])).any():
            by_time = np.argsort(self.time, kind="stable")
            order = by_time[order_by(self.user[by_time], self.shape[0])]
        return order


def join(first: Interactions, *more: Interactions) -> Interactions:
    """One log after the other, all of the same shape and clock.

    Within a user, equal times keep the order of the arguments.
    """
    logs = (first, *more)
    if any(log.shape != first.shape or log.clock != first.clock for log in logs):
        raise ValueError("logs that are joined must share their shape and clock")
    return replace(
        first,
        user=np.concatenate([log.user for log in logs]),
        item=np.concatenate([log.item for log in logs]),
        behavior=np.concatenate([log.behavior for log in logs]),
        value=np.concatenate([log.value for log in logs]),
        time=np.concatenate([log.time for log in logs]),
    )


def some_users(log: Interactions, users: int | None, seed: int) -> Interactions:
    """The events of some of the users of a log, drawn at random; of all if there are no more.

    Args:
        log: The events.
        users: How many of the users with events; None for all.
        seed: Of the draw.
    """
    known = np.unique(log.user)
    if users is None or users >= len(known):
        return log
    drawn = np.random.default_rng(seed).choice(known, users, replace=False)
    return log[np.isin(log.user, drawn)]


def behavior_code(name: str) -> int:
    """The place of a behaviour in `BEHAVIORS`.

    Raises:
        UnknownName: for anything else.
    """
    if name not in BEHAVIORS:
        raise UnknownName("behaviour", name, BEHAVIORS)
    return BEHAVIORS.index(name)


@dataclass(frozen=True, eq=False)
class Histories:
    """Events of several users, each user's in order of time: ragged rows, one after the other.

    Attributes:
        start: Row r's events are `start[r]` to `start[r + 1]`, without the last.
        item, behavior, value, time: The events, as in `Interactions`.
        items: Number of items in the catalogue.
    """

    start: Int[Array, " rows_and_one"]
    item: Int[Array, " n"]
    behavior: Int[Array, " n"]
    value: Float[Array, " n"]
    time: Int[Array, " n"]
    items: int

    @classmethod
    def of(cls, log: Interactions, users: Int[Array, " rows"] | None = None) -> "Histories":
        """The events of `users` (all, without it), oldest first.

        A row of -1 is a user who is not in the log: an empty history.
        """
        order = log.by_user()
        bounds = np.zeros(log.shape[0] + 1, np.int64)
        np.cumsum(log.user_counts(), out=bounds[1:])
        whole = cls(
            start=bounds,
            item=log.item[order],
            behavior=log.behavior[order],
            value=log.value[order],
            time=log.time[order],
            items=log.shape[1],
        )
        return whole if users is None else whole.rows(users)

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def lengths(self) -> Int[Array, " rows"]:
        """Number of events of each row."""
        return np.diff(self.start)

    def rows(self, rows: Int[Array, " some"]) -> "Histories":
        """Some of the rows, in the order asked; -1 gives an empty one."""
        known = rows >= 0
        first = np.where(known, self.start[rows], 0)
        size = np.where(known, self.start[rows + 1] - first, 0)
        start = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(size, out=start[1:])
        take = np.arange(start[-1]) + np.repeat(first - start[:-1], size)
        return replace(
            self,
            start=start,
            item=self.item[take],
            behavior=self.behavior[take],
            value=self.value[take],
            time=self.time[take],
        )

    def join(self, more: "Histories") -> "Histories":
        """These rows, then those of `more`."""
        return replace(
            self,
            start=np.concatenate([self.start, self.start[-1] + more.start[1:]]),
            item=np.concatenate([self.item, more.item]),
            behavior=np.concatenate([self.behavior, more.behavior]),
            value=np.concatenate([self.value, more.value]),
            time=np.concatenate([self.time, more.time]),
        )

    def between(self, first: int, end: int) -> "Histories":
        """The rows from `first` to `end`, without the last; views, nothing is copied."""
        start = self.start[first : end + 1]
        events = slice(start[0], start[-1])
        return replace(
            self,
            start=start - start[0],
            item=self.item[events],
            behavior=self.behavior[events],
            value=self.value[events],
            time=self.time[events],
        )

    def only(self, keep: Bool[Array, " n"]) -> "Histories":
        """The same rows with some of their events."""
        counted = np.concatenate([[0], np.cumsum(keep)])
        return replace(
            self,
            start=counted[self.start],
            item=self.item[keep],
            behavior=self.behavior[keep],
            value=self.value[keep],
            time=self.time[keep],
        )

    def row_numbers(self) -> Int[Array, " n"]:
        """The row that each event belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def matrix(self, decay: float = 1.0, weights: Float[Array, " behaviors"] | None = None) -> Csr:
        """Rows by items, float32: `decay` to the power of the events since; 1 for the newest.

        An item that occurs again counts once, as of its newest event. With `weights`, one for each
        of `BEHAVIORS`, each event's part is multiplied by its behaviour's and the strongest
        counts; what comes to 0 is left out.
        """
        row = self.row_numbers()
        age = self.start[row + 1] - 1 - np.arange(len(row))
        weight = np.power(decay, age, dtype=np.float64).astype(np.float32)
        if weights is not None:
            weight *= weights[self.behavior]
        shape = (len(self), self.items)
        # SciPy keeps the wider of two index types, and products of wide and narrow ones copy.
        narrow = np.int32 if len(row) < 2**31 else np.int64
        columns = self.item.astype(narrow)
        matrix = sparse.csr_array((weight, columns, self.start.astype(narrow)), shape=shape)
        matrix.sort_indices()  # the events of one pair now stand side by side
        new = np.ones(len(row), bool)
        new[1:] = (row[1:] != row[:-1]) | (matrix.indices[1:] != matrix.indices[:-1])
        if not new.all():
            first = np.flatnonzero(new)
            # Where behaviours weigh the same, the newest is the strongest.
            weight = np.maximum.reduceat(matrix.data, first)
            start = np.searchsorted(first, self.start).astype(narrow)
            matrix = sparse.csr_array((weight, matrix.indices[first], start), shape=shape)
        if weights is not None:
            matrix.eliminate_zeros()
        return matrix
