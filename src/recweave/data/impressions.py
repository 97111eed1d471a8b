"""The numeric view of impressions: what was shown to whom, and what of it was clicked."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.data.interactions import Clock, Histories, behavior_code


@dataclass(frozen=True, eq=False)
class Impressions:
    """Lists that were shown, one row each, in the order of the source.

    Ragged columns: row r's shown items stand from `start[r]` to `start[r + 1]`, without the last.

    Attributes:
        user: Row of the user; -1 for somebody who is not in the vocabulary.
        time: Seconds since 1970-01-01 UTC, or the position in the source (see `clock`).
        start: Where each row's shown items begin, and the end of the last.
        item: The shown items, in the order shown.
        clicked: Whether each was clicked.
        history: What each user had read before, oldest first, as the source tells it. Its times
            are all those of the impression, as sources give none.
        shape: Number of users and of items.
        clock: What `time` counts.
        labelled: Whether it is known what was clicked; all are, without it. Where it is not,
            nothing counts as clicked, and neither training nor evaluation may read that.
        unknown_shown, unknown_clicked, unknown_history: How many shown items (and clicks among
            them) and read items were left out of the whole log, as the vocabulary does not have
            them.
    """

    user: Int[Array, " n"]
    time: Int[Array, " n"]
    start: Int[Array, " n_and_one"]
    item: Int[Array, " shown"]
    clicked: Bool[Array, " shown"]
    history: Histories
    shape: tuple[int, int]
    clock: Clock = "seconds"
    labelled: Bool[Array, " n"] | None = None
    unknown_shown: int = 0
    unknown_clicked: int = 0
    unknown_history: int = 0

    def __len__(self) -> int:
        return len(self.user)

    def __repr__(self) -> str:
        return (
            f"<Impressions {len(self):,} lists, {len(self.item):,} items shown, "
            f"{int(self.clicked.sum()):,} clicks>"
        )

    @property
    def lengths(self) -> Int[Array, " n"]:
        """How many items each row shows."""
        return np.diff(self.start)

    def row_numbers(self) -> Int[Array, " shown"]:
        """The row that each shown item belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def __getitem__(self, rows: Int[Array, " m"] | Bool[Array, " n"]) -> "Impressions":
        """Some of the rows, in the order asked."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        size = self.lengths[chosen]
        start = np.concatenate([[0], np.cumsum(size)])
        take = np.arange(start[-1]) + np.repeat(self.start[chosen] - start[:-1], size)
        return replace(
            self,
            user=self.user[chosen],
            time=self.time[chosen],
            start=start,
            item=self.item[take],
            clicked=self.clicked[take],
            history=self.history.rows(chosen),
            labelled=None if self.labelled is None else self.labelled[chosen],
        )

    def with_labels(self) -> "Impressions":
        """Those of which it is known what was clicked."""
        return self if self.labelled is None else self[self.labelled]


def click_history(
    start: Int[Array, " rows_and_one"],
    item: Int[Array, " n"],
    time: Int[Array, " rows"],
    items: int,
) -> Histories:
    """Histories of clicks at the time of each row's impression."""
    return Histories(
        start=start,
        item=item,
        behavior=np.full(len(item), behavior_code("click"), np.int8),
        value=np.ones(len(item), np.float32),
        time=np.repeat(time, np.diff(start)),
        items=items,
    )
