"""Means of vectors by item or user; for training events without their own pair (leave-one-out)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting
from recweave.core.memory import require_memory
from recweave.data.interactions import Interactions
from recweave.data.k_fold import assign_folds
from recweave.data.profiles import Entity
from recweave.data.split import TRAIN, Split
from recweave.encode.features import EventFeature, Feature


@dataclass(frozen=True, eq=False)
class Contributions:
    """Vectors to be averaged by item or user: of reviews, of their pictures, of events' items.

    Attributes:
        of: Whether the means are of items or of users.
        user, item: Of each contribution; -1 is unknown, and not allowed for whom the means are of.
        shape: Numbers of users and items.
        vectors: The vectors.
        vector: The row in `vectors` of each contribution.
        rows: The row of the table that each contribution comes from.
        table: The table's name: "reviews" or "events".
        size: Number of rows of that table.
        encoder, source: See `Feature`.
    """

    of: Entity
    user: Int[Array, " n"]
    item: Int[Array, " n"]
    shape: tuple[int, int]
    vectors: Float[Array, "vectors dim"]
    vector: Int[Array, " n"]
    rows: Int[Array, " n"]
    table: str
    size: int
    encoder: str
    source: str

    def mean(self) -> Feature:
        """The mean of all contributions of each item, or of each user.

        All contributions have the same weight. The more they differ, the shorter is the mean; it is
        not scaled to unit length.
        """
        entity, _ = self._sides()
        entities = self.shape[self.of == "item"]
        count = np.bincount(entity, minlength=entities)
        return Feature(
            vectors=_divide(self._sums(entity, entities), count),
            present=count > 0,
            encoder=self.encoder,
            source=self.source,
            used=self._used(entity, entities),
            of=self.of,
        )

    def leave_out(
        self, log: Interactions, split: Split, *, folds: int = 0, seed: int = 0
    ) -> EventFeature:
        """The same, where each training event gets the mean without its own pair of user and item.

        The exclusion rule of MMREC (arXiv 2408.04211): for the event (u, b), the mean of an item is
        over the contributions of users other than u, and the mean of a user over items other than
        b. It is the sum of all less the sum of the pair, divided by what is left.

        Args:
            log: All events of the dataset.
            split: Of these events.
            folds: 0: the event's pair alone is left out. Else the pairs of each item or user are
                divided into so many folds, and the whole fold of the pair is left out (K-fold).
            seed: Of the folds.

        Raises:
            BadSetting: if the split was not cut from the log, or `folds` is 1.
            TooLarge: if the variants do not fit into memory.
        """
        if split.part is None:
            raise BadSetting("features of events need a split that was cut from the log")
        if folds == 1:
            raise BadSetting("folds = 1 leaves nothing; give 0, or two or more")
        entity, other = self._sides()
        events = np.flatnonzero(split.part == TRAIN)
        own, others = (log.item, log.user) if self.of == "item" else (log.user, log.item)
        # Folds are of all training pairs: an event must not show by its variant whether it counts.
        all_entities = np.append(entity, own[events])
        all_others = np.append(other, others[events])
        if folds:
            group = assign_folds(all_entities, all_others, folds, 0, seed)
        else:
            _, group = np.unique(all_others, return_inverse=True)
        cells, cell = np.unique(np.stack([all_entities, group]), axis=1, return_inverse=True)
        left_cell, event_cell = np.split(cell.reshape(-1), [len(entity)])
        owner, variants = cells[0], cells.shape[1]
        require_memory(
            3 * 8 * self.vectors.shape[1] * variants,
            f"{variants:,} means of {self.vectors.shape[1]:,} numbers, each without an event",
            "give `folds`, such as 5, for fewer of them",
        )
        whole = self.mean()
        count = np.bincount(entity, minlength=len(whole.present))
        left = count[owner] - np.bincount(left_cell, minlength=variants)
        rest = self._sums(entity, len(count))[owner] - self._sums(left_cell, variants)
        rest[left == 0] = 0  # not what rounding leaves
        variant = np.full(len(log), -1, np.int64)
        variant[events] = event_cell
        return EventFeature(
            whole=whole,
            entity=own,
            variant=variant,
            vectors=_divide(rest, left),
            present=left > 0,
            left_out=self._used(left_cell, variants),
        )

    def _sides(self) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
        """Whom the means are of, and the other side of each pair."""
        user, item = self.user.astype(np.int64), self.item.astype(np.int64)
        return (item, user) if self.of == "item" else (user, item)

    def _sums(self, group: Int[Array, " n"], groups: int) -> Float[Array, "groups dim"]:
        """Sums by group, in double precision, as one sum is taken from another."""
        shape = (groups, len(self.vectors))
        members = sparse.csr_array((np.ones(len(group)), (group, self.vector)), shape=shape)
        return np.asarray(members @ self.vectors.astype(np.float64))

    def _used(self, group: Int[Array, " n"], groups: int) -> Mapping[str, Csr]:
        """The rows of the table that are part of each group."""
        ones = np.ones(len(group), np.float32)
        used = sparse.csr_array((ones, (group, self.rows)), shape=(groups, self.size))
        used.sum_duplicates()
        used.data[:] = 1  # several pictures of one review are one row
        return {self.table: used}


def _divide(sums: Array, count: Array) -> Float[Array, "groups dim"]:
    return np.asarray(sums / np.maximum(count, 1)[:, None], np.float32)
