"""What is wrong with files and tables: every problem counted, the first of each kind listed.

An error is a row or a file that cannot be taken as it stands. A note is something that can, and
that its owner should know of.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from recweave.core.errors import BadInput, BadSetting

LISTED = 100
"""Problems of one kind that are listed; all are counted."""

SHOWN = 8
"""Kinds of problems that an error's message shows."""

SIDE_HEAD = b"# refused by recweave; below each file, line and reason stands the row as it was\n"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: The file, or a dataset and its table.
        line: From 1: the line of a text file (the first, of a row that spans several), the row of
            a table. None where the whole file is meant.
        what: What is wrong, with the offending value.
        note: Whether it was taken all the same.
    """

    file: str
    line: int | None
    what: str
    note: bool = False

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.what}"


class BrokenFile(BadInput):
    """A file that cannot be read, whichever of its rows are left out."""

    def __init__(self, file: Path, line: int | None, what: str) -> None:
        self.problem = Problem(str(file), line, what)
        super().__init__(str(self.problem))


@dataclass
class Group:
    """The problems of one kind in one file.

    Attributes:
        first: The first that was found.
        more: How many others there are.
    """

    first: Problem
    more: int = 0

    def __str__(self) -> str:
        return f"{self.first} ({self.more:,} more like it)" if self.more else str(self.first)


class Problems:
    """A collection of problems, of which any number may come in.

    Args:
        side: A file that takes the rows that are refused.
        alias: A part of paths, and what it is called in messages instead.

    Attributes:
        listed: The first `LISTED` of each kind, in the order found.
        errors, notes: How many there are of each kind.
        groups: How many there are of each kind in each file, with the first.
        broken: Files that cannot be read; they count as errors too.
        rows: How many rows of each file were taken.
    """

    def __init__(self, side: BinaryIO | None = None, alias: tuple[str, str] = ("", "")) -> None:
        self.listed: list[Problem] = []
        self.errors: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.groups: dict[tuple[str, str, bool], Group] = {}
        self.broken: list[Problem] = []
        self.rows: dict[str, int] = {}
        self._side = side
        self._alias = alias  # of a folder that an archive was unpacked to: the archive

    def __repr__(self) -> str:
        return f"<Problems: {self.errors.total():,} errors, {self.notes.total():,} notes>"

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.listed)

    def break_off(self, problem: Problem) -> None:
        """A file cannot be read."""
        self.broken.append(self._add(problem, "a file that cannot be read"))

    def refuse(self, file: Path, line: int, what: str, row: bytes, *, kind: str) -> None:
        """A row cannot be taken; it goes to the side file, where there is one, as it stands."""
        problem = self._add(Problem(str(file), line, what), kind)
        if self._side is not None:
            self._side.write(f"# {problem}\n".encode() + row + b"\n")

    def error(self, table: str, row: int | None, what: str, *, kind: str, n: int = 1) -> None:
        """A table is wrong in `n` rows, of which this is the first."""
        self._add(Problem(table, row, what), kind, n)

    def note(self, file: str | Path, line: int | None, what: str, *, kind: str, n: int = 1) -> None:
        """Something to know of, `n` times, of which this is the first."""
        self._add(Problem(str(file), line, what, note=True), kind, n)

    def extend(self, more: "Problems") -> None:
        """Take in another collection."""
        self.listed += more.listed
        self.broken += more.broken
        self.errors += more.errors
        self.notes += more.notes
        self.rows |= more.rows
        for key, group in more.groups.items():
            self.groups.setdefault(key, Group(group.first, -1)).more += group.more + 1

    def lines(self) -> list[str]:
        """One line for each kind of problem in each file: errors, then notes."""
        return self.error_lines("error") + self.note_lines()

    def error_lines(self, word: str) -> list[str]:
        """One line for each kind of error in each file, with this word before it."""
        return [f"{word}: {group}" for group in self.groups.values() if not group.first.note]

    def note_lines(self) -> list[str]:
        """One line for each kind of note in each file."""
        return [f"note: {group}" for group in self.groups.values() if group.first.note]

    def to_json(self) -> dict[str, Any]:
        """Counts by kind, and the problems that are listed, for machines."""
        return {
            "errors": dict(self.errors),
            "notes": dict(self.notes),
            "listed": [asdict(problem) for problem in self.listed],
        }

    def raise_broken(self) -> None:
        """Refuse to go on without a file.

        Raises:
            BadInput: if one cannot be read, naming each.
        """
        if self.broken:
            raise BadInput("\n".join(map(str, self.broken)))

    def raise_errors(self, advice: str) -> None:
        """Refuse to go on with errors.

        Raises:
            BadInput: if there are any: the first few, the number of each kind, and the advice.
        """
        self.raise_broken()
        total = self.errors.total()
        if not total:
            return
        groups = [group for group in self.groups.values() if not group.first.note]
        found = [f"  {group}" for group in groups[:SHOWN]]
        if len(groups) > SHOWN:
            found.append(f"  … in all {counted(self.errors)}")
        rows = "1 row" if total == 1 else f"{total:,} rows"
        raise BadInput("\n".join([f"{rows} cannot be taken as they stand:", *found, advice]))

    def took(self, file: Path, rows: int) -> None:
        """These rows of a file were taken."""
        name = self.named(str(file))
        self.rows[name] = self.rows.get(name, 0) + rows

    def named(self, text: str) -> str:
        """A text that names files, with the names that its reader knows."""
        return text.replace(*self._alias) if self._alias[0] else text

    def _add(self, problem: Problem, kind: str, n: int = 1) -> Problem:
        file, what = self.named(problem.file), self.named(problem.what)
        problem = replace(problem, file=file, what=what)
        counts = self.notes if problem.note else self.errors
        if counts[kind] < LISTED:
            self.listed.append(problem)
        counts[kind] += n
        key = (problem.file, kind, problem.note)
        self.groups.setdefault(key, Group(problem, -1)).more += 1
        return problem


def counted(counts: Counter[str]) -> str:
    """How many there are of each kind, the most common first.

    >>> counted(Counter({"time before 1970": 1, "no rating": 2000}))
    '2,000 x no rating, 1 x time before 1970'
    """
    return ", ".join(f"{n:,} x {kind}" for kind, n in counts.most_common())


@contextmanager
def side_file(path: Path | None) -> Iterator[BinaryIO | None]:
    """The file that refused rows go to; an older one of ours is replaced.

    Raises:
        BadSetting: if another file of that name would be lost, or it cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        if path.exists() and not _is_side_file(path):
            raise BadSetting(
                f"skip_bad={path} would overwrite a file that is no list of refused rows; "
                "name a new file"
            )
        side = path.open("wb")
    except OSError as error:
        raise BadSetting(f"skip_bad={path} cannot be written: {error.strerror}") from None
    with side:
        side.write(SIDE_HEAD)
        yield side


def _is_side_file(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SIDE_HEAD)) == SIDE_HEAD
