"""What a model is asked with: who, what they did so far, and when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.data.interactions import Histories, Interactions


@dataclass(frozen=True, eq=False)
class Query:
    """A batch of users who want a list each.

    Attributes:
        user: Row of the user in training; -1 for somebody new, known by the history alone.
        history: What each did before `now`, oldest first.
        now: The moment of asking, in the clock of the log.
    """

    user: Int[Array, " batch"]
    history: Histories
    now: Int[Array, " batch"]

    @classmethod
    def of(
        cls,
        log: Interactions,
        users: Int[Array, " batch"] | Sequence[int] | None = None,
        now: Int[Array, " batch"] | Sequence[int] | None = None,
    ) -> "Query":
        """Ask for these users of the log (all, without it), with all that the log says of them.

        Without `now`, a user asks one tick after their last event.
        """
        everyone = np.arange(log.shape[0], dtype=np.int32)
        rows = everyone if users is None else np.asarray(users, np.int32)
        history = Histories.of(log, rows)
        if now is None:
            last = np.full(len(rows), log.time.max(initial=0))
            some = history.lengths > 0
            last[some] = history.time[history.start[1:][some] - 1]
            now = last + 1
        return cls(user=rows, history=history, now=np.asarray(now, np.int64))

    @classmethod
    def before(cls, known: Interactions, held_out: Interactions) -> "Query":
        """Each user with held-out events asks once, at the time of their first one.

        Users come in the order of their rows; the history of each is all their events in `known`.

        Args:
            known: What users did before.
            held_out: What is predicted; of the same users and items.
        """
        users = np.unique(held_out.user)
        first = np.full(held_out.shape[0], np.iinfo(np.int64).max)
        np.minimum.at(first, held_out.user, held_out.time)
        return cls.of(known, users, first[users])

    def __len__(self) -> int:
        return len(self.user)

    def rows(self, rows: Int[Array, " some"]) -> "Query":
        """Some of the askers."""
        return Query(self.user[rows], self.history.rows(rows), self.now[rows])

    def batches(self, size: int) -> "Iterator[Query]":
        """The askers in order, `size` at a time."""
        for first in range(0, len(self), size):
            rows = slice(first, first + size)
            yield Query(self.user[rows], self.history.between(first, first + size), self.now[rows])
