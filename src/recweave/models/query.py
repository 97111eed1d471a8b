"""The input of a model: the users, their histories, and the time of the query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.lists import pair_keys
from recweave.data.impressions import Impressions
from recweave.data.interactions import Histories, Interactions


@dataclass(frozen=True, eq=False)
class Query:
    """A batch of users to make lists for (query users).

    Attributes:
        user: Row of the user in training; -1 for a cold user, of whom only the history is known.
        history: The events of each user before `now`, oldest first.
        now: The time of the query, in the clock of the log.
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
        """A query for these users of the log (by default all), with all their events as history.

        Without `now`, the time of a query is one tick after the user's last event.
        """
        all_users = np.arange(log.shape[0], dtype=np.int32)
        rows = all_users if users is None else np.asarray(users, np.int32)
        history = Histories.of(log, rows)
        if now is None:
            last = np.full(len(rows), log.time.max(initial=0))
            has_history = history.lengths > 0
            last[has_history] = history.time[history.start[1:][has_history] - 1]
            now = last + 1
        return cls(user=rows, history=history, now=np.asarray(now, np.int64))

    @classmethod
    def before(cls, known: Interactions, held_out: Interactions) -> "Query":
        """One query for each user with held-out events, at the time of the first of them.

        Users are in the order of their rows; the history is all their events in `known`.

        Args:
            known: The events before the held-out ones.
            held_out: The events to predict; of the same users and items.
        """
        users = np.unique(held_out.user)
        first = np.full(held_out.shape[0], np.iinfo(np.int64).max)
        np.minimum.at(first, held_out.user, held_out.time)
        return cls.of(known, users, first[users])

    @classmethod
    def of_impressions(cls, impressions: Impressions, known: Interactions) -> "Query":
        """One query for each impression, at its time, with its history.

        Where the source tells none, the history is the user's known events before that time; of a
        log without times, the known events with other items than those that the impression shows,
        as the order of the two tables cannot be compared.

        Args:
            impressions: Those to rank.
            known: Events of the same users and items that may be read.
        """
        own = impressions.history
        without = np.flatnonzero(own.lengths == 0)
        of_log = Histories.of(known, impressions.user[without])
        row = without[of_log.row_numbers()]
        if known.clock == impressions.clock == "seconds":
            of_log = of_log.only(of_log.time < impressions.time[row])
        else:
            shown = pair_keys(impressions.row_numbers(), impressions.item, of_log.items)
            of_log = of_log.only(~np.isin(pair_keys(row, of_log.item, of_log.items), shown))
        both = own.join(of_log)
        rows = np.arange(len(impressions))
        rows[without] = len(impressions) + np.arange(len(without))
        return cls(impressions.user, both.rows(rows), impressions.time)

    def __len__(self) -> int:
        return len(self.user)

    def rows(self, rows: Int[Array, " n"]) -> "Query":
        """The query of these rows of the batch."""
        return Query(self.user[rows], self.history.rows(rows), self.now[rows])

    def batches(self, size: int) -> "Iterator[Query]":
        """Batches of `size` query users, in order."""
        for first in range(0, len(self), size):
            rows = slice(first, first + size)
            yield Query(self.user[rows], self.history.between(first, first + size), self.now[rows])
