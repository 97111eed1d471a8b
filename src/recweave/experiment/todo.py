"""Which rows of a run are done, which are to be made, and which have failed."""

import errno
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from recweave.core.errors import RecweaveError
from recweave.runs.folder import RunFolder
from recweave.runs.keys import RowKey
from recweave.runs.layout import FAILED

log = logging.getLogger(__name__)

OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What is wrong for every row, as all of them write to one folder."""


class RowFailed(RecweaveError):
    """A row could not be made; the message says why."""


@dataclass(frozen=True)
class Todo:
    """The rows of a run.

    Attributes:
        folder: Where they are kept.
        keys: What each row depends on, by name.
        seeds, folds: Of each row. The bundle of a row is that of the first seed and fold.
        errors: Why rows failed.
    """

    folder: RunFolder
    keys: Mapping[str, RowKey]
    seeds: Sequence[int]
    folds: Sequence[int | None]
    errors: list[RecweaveError] = field(default_factory=list)

    def is_done(self, fold: int | None, *rows: str) -> bool:
        """Whether every seed of the rows is there, made from what the rows now depend on."""
        return all(self.has_cell(row, seed, fold) for row, seed in product(rows, self.seeds))

    def has_cell(self, row: str, seed: int, fold: int | None) -> bool:
        """The same of one seed of a row."""
        return self.folder.is_done(row, seed, fold, self.keys[row].whole)

    def must_be_done(self, fold: int | None, row: str) -> None:
        """Make sure that a row which another one is made from is there.

        Raises:
            RowFailed: if it failed.
        """
        if not self.is_done(fold, row):
            raise RowFailed(f"its member '{row}' failed")

    def has_model(self, folder: RunFolder, row: str) -> bool:
        """Whether a folder keeps the bundle of a row, with the model that the row now asks for."""
        first = folder.has_fit(row, self.seeds[0], self.folds[0], self.keys[row].fit)
        return first and folder.bundle(row).exists()

    def drop_bundles(self) -> None:
        """Remove bundles of rows that now ask for another model, so that none of them answers."""
        for row in self.keys:
            if not self.has_model(self.folder, row):
                shutil.rmtree(self.folder.bundle(row), ignore_errors=True)

    def take_from(self, others: Sequence[Path]) -> None:
        """Copy what other runs have finished: cells that nothing has changed for, and models of
        rows of which only what is measured has changed.

        A folder that cannot be read, or that is changed meanwhile, is passed over.

        Raises:
            OSError: if it is the disk that failed.
        """
        for path in others:
            if path == self.folder.path:
                continue
            taken: dict[str, None] = {}
            for row, seed, fold in product(self.keys, self.seeds, self.folds):
                if self._take(RunFolder(path), row, seed, fold):
                    taken[row] = None
            if taken:
                log.warning("%s: taken from %s, where they were fitted", ", ".join(taken), path)

    def _take(self, other: RunFolder, row: str, seed: int, fold: int | None) -> bool:
        first = (seed, fold) == (self.seeds[0], self.folds[0])
        if self.has_cell(row, seed, fold):
            return False
        whole = other.is_done(row, seed, fold, self.keys[row].whole)
        model = first and self.has_model(other, row) and not self.has_model(self.folder, row)
        if not whole and not model:
            return False
        try:
            self.folder.take_cell(other, row, seed, fold, with_bundle=first)
        except OSError as error:  # what is broken there, or just being replaced, is made again here
            raise_of_the_disk(error)
            return False
        return True

    def failed(self, row: str, fold: int | None, error: BaseException) -> None:
        """Keep why a row failed, and go on with the others.

        Raises:
            OSError: if it is the disk that failed.
        """
        raise_of_the_disk(error)
        key = self.keys[row].whole
        for seed in self.seeds:
            if not self.has_cell(row, seed, fold):
                self.folder.keep_failure(row, seed, fold, key, error)
        reason = self.folder.failure(row, self.seeds[-1], fold, key)
        log.warning("%s failed: %s", row, reason)
        if not isinstance(error, RecweaveError):
            file = self.folder.cell(row, self.seeds[-1], fold) / FAILED
            error = RowFailed(f"'{row}' failed with {reason}; {file} shows where")
        self.errors.append(error)


def raise_of_the_disk(error: BaseException) -> None:
    """Raise an error of the disk again, as it is no fault of one row."""
    if isinstance(error, OSError) and error.errno in OF_THE_DISK:
        raise error
