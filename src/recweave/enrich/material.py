"""The rows that writers may read: the training part, in folds for texts without their own rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, UnknownName
from recweave.data.dataset import Dataset
from recweave.data.k_fold import assign_folds
from recweave.data.profiles import Entity, Table
from recweave.data.reviews import train_reviews
from recweave.data.split import TRAIN, Split


@dataclass(frozen=True)
class Kind:
    """A kind of text.

    Attributes:
        what: Its content, for people.
        entities: Whether it is written of items, of users or of both.
        reads: The table whose rows it is written from.
        catalogue: Whether an item without any such row has one too, from the catalogue alone.
    """

    what: str
    entities: tuple[Entity, ...]
    reads: Table = "reviews"
    catalogue: bool = False


KINDS: Mapping[str, Kind] = {
    "summary": Kind("what reviews say, in few words", ("item", "user")),
    "profile": Kind("what it is, for whom, and why", ("item",), catalogue=True),
    "price": Kind("overpriced, fair, cheap or unclear", ("item",)),
    "categories": Kind("what kind of thing it is", ("item",), catalogue=True),
    "aspects": Kind("what is liked and disliked", ("item", "user")),
    "explanation": Kind("sentences that speak for it", ("item",)),
    "interest": Kind("how long interest lasts, if events have times", ("item",), "events"),
}


@dataclass(frozen=True, eq=False)
class Task:
    """One text to write.

    Attributes:
        kind: A key of `KINDS`.
        entity, id: The item or user that it is about.
        fold: The fold whose rows the writer may not read; None if it reads all of train.
        rows: The entity's rows of the table that the kind reads, newest first.
    """

    kind: str
    entity: Entity
    id: str
    fold: int | None
    rows: Int[Array, " n"]


@dataclass(frozen=True, eq=False)
class Material:
    """The training part of a dataset, which is all that writers read.

    With folds, the pairs of each entity (an item with its users, a user with its items) are divided
    into `folds` groups, or into one group per pair if there are at most `small`. All rows of a pair
    are in one fold, and the text of fold f, with all statistics behind it, is written as if fold f
    did not exist (cross-fitting).

    Attributes:
        dataset: The catalogue and the tables that rows are of.
        rows: Rows of the training part, by table.
        fold_of: The fold of each of these rows, by entity and table; empty without folds.
    """

    dataset: Dataset
    rows: Mapping[Table, Int[Array, " n"]]
    fold_of: Mapping[tuple[Entity, Table], Int[Array, " n"]]

    @classmethod
    def of(
        cls, dataset: Dataset, split: Split, *, folds: int = 0, small: int = 0, seed: int = 0
    ) -> "Material":
        """The training part of a split.

        Args:
            dataset: What was split.
            split: Cut from this dataset's events.
            folds: Cross-fitted variants of each text; 0 for none. Two at least.
            small: Entities with no more pairs than this have a variant for each pair.
            seed: Of the assignment to folds.
        """
        if folds == 1 or folds < 0:
            raise BadSetting(f"{folds} folds cannot leave rows out in turn; ask for two or more")
        reviews = train_reviews(dataset, split)  # checks that dataset and split belong together
        rows: dict[Table, Array] = {"reviews": reviews}
        rows["events"] = np.flatnonzero(np.asarray(split.part) == TRAIN)
        fold_of: dict[tuple[Entity, Table], Array] = {}
        if folds:
            for table, table_rows in rows.items():
                user, item = _pairs(dataset, table, table_rows)
                fold_of["item", table] = assign_folds(item, user, folds, small, seed)
                fold_of["user", table] = assign_folds(user, item, folds, small, seed)
        return cls(dataset, rows, fold_of)

    def corpus(self, entity: Entity, table: Table, fold: int | None) -> Int[Array, " n"]:
        """All rows of a table that may be read for a fold, statistics included."""
        rows = self.rows[table]
        return rows if fold is None else rows[self.fold_of[entity, table] != fold]

    def tasks(self, kinds: Sequence[str]) -> Iterator[Task]:
        """Every text of these kinds, an entity's and a fold's one after the other.

        Raises:
            UnknownName: for a kind that is none of `KINDS`.
        """
        for kind in kinds:
            if kind not in KINDS:
                raise UnknownName("kind of text", kind, KINDS)
        entities: tuple[Entity, ...] = ("item", "user")
        for entity in entities:
            written = [kind for kind in kinds if entity in KINDS[kind].entities]
            if written:
                yield from self._tasks_of(entity, written)

    def _tasks_of(self, entity: Entity, kinds: Sequence[str]) -> Iterator[Task]:
        ids = (self.dataset.item_ids if entity == "item" else self.dataset.user_ids).ids
        tables = {KINDS[kind].reads: self._grouped(entity, KINDS[kind].reads) for kind in kinds}
        for row, id in enumerate(ids):
            tasks = []
            for kind in kinds:
                rows, folds = tables[KINDS[kind].reads][row]
                if len(rows) or KINDS[kind].catalogue:
                    tasks.append(Task(kind, entity, id, None, rows))
                for fold in np.unique(folds).tolist():
                    tasks.append(Task(kind, entity, id, fold, rows[folds != fold]))
            # All kinds of a fold together: they read the same rows.
            yield from sorted(tasks, key=lambda task: -1 if task.fold is None else task.fold)

    def _grouped(self, entity: Entity, table: Table) -> list[tuple[Array, Array]]:
        """The rows of each entity, newest first, and their folds."""
        rows = self.rows[table]
        user, item = _pairs(self.dataset, table, rows)
        owner, size = (
            (item, len(self.dataset.item_ids))
            if entity == "item"
            else (user, len(self.dataset.user_ids))
        )
        time = getattr(self.dataset, table)["time"].gather(rows).fill_null(0).to_numpy()
        order = np.lexsort((-rows, -time, owner))
        ends = np.cumsum(np.bincount(owner, minlength=size))[:-1]
        folds = self.fold_of[entity, table][order] if self.fold_of else np.empty(0, np.int64)
        by_owner = np.split(folds, ends) if self.fold_of else [folds] * size
        return list(zip(np.split(rows[order], ends), by_owner, strict=True))


def _pairs(dataset: Dataset, table: Table, rows: Int[Array, " n"]) -> tuple[Array, Array]:
    frame: pl.DataFrame = getattr(dataset, table)[rows]
    return dataset.user_ids.rows(frame["user_id"]), dataset.item_ids.rows(frame["item_id"])
