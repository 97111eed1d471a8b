"""Which rows of a run are done, which are to be made, and which have failed."""

import errno
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from recweave.core.errors import BadArtifact, RecweaveError
from recweave.runs.folder import FAILED, RunFolder

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
        keys: What each row hangs on, by name.
        seeds: Of each row.
        errors: Why rows failed.
    """

    folder: RunFolder
    keys: Mapping[str, str]
    seeds: Sequence[int]
    errors: list[RecweaveError] = field(default_factory=list)

    def is_done(self, fold: int | None, *rows: str) -> bool:
        """Whether every seed of the rows is there, made from what the rows now hang on."""
        return all(
            self.folder.is_done(row, seed, fold, self.keys[row])
            for row, seed in product(rows, self.seeds)
        )

    def must_be_done(self, fold: int | None, row: str) -> None:
        """Make sure that a row which another one is made from is there.

        Raises:
            RowFailed: if it failed.
        """
        if not self.is_done(fold, row):
            raise RowFailed(f"its member '{row}' failed")

    def take_from(self, others: Sequence[Path], folds: Sequence[int | None]) -> None:
        """Copy rows that other runs have finished and nothing has changed for."""
        for path in others:
            if path == self.folder.path:
                continue
            taken = {
                row
                for row, seed, fold in product(self.keys, self.seeds, folds)
                if not self.folder.is_done(row, seed, fold, self.keys[row])
                and _take(self.folder, RunFolder(path), row, seed, fold, self.keys[row])
            }
            if taken:
                log.warning("%s: not changed since %s, taken from there", ", ".join(taken), path)

    def failed(self, row: str, fold: int | None, error: Exception) -> None:
        """Keep why a row failed, and go on with the others.

        Raises:
            OSError: if it is the disk that failed.
        """
        if isinstance(error, OSError) and error.errno in OF_THE_DISK:
            raise error
        for seed in self.seeds:
            if not self.folder.is_done(row, seed, fold, self.keys[row]):
                self.folder.keep_failure(row, seed, fold, self.keys[row], error)
        reason = self.folder.failure(row, self.seeds[-1], fold, self.keys[row])
        log.warning("%s failed: %s", row, reason)
        if not isinstance(error, RecweaveError):
            file = self.folder.cell(row, self.seeds[-1], fold) / FAILED
            error = RowFailed(f"'{row}' failed with {reason}; {file} shows where")
        self.errors.append(error)


def _take(
    ours: RunFolder, theirs: RunFolder, row: str, seed: int, fold: int | None, key: str
) -> bool:
    try:
        return ours.take_cell(theirs, row, seed, fold, key)
    except BadArtifact:  # broken there; made again here
        return False
