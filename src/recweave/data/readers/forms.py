"""How files hold rows. Each form reads in two ways.

`scan` is the fast one: lazy, streaming, of the types hinted at; it fails on the first thing that
is out of order. `batches` is the careful one: it knows the line that each row begins on and the
bytes it stands in, and goes on after what is no row at all.
"""

import csv
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar, NamedTuple

import polars as pl

from recweave.data.problems import BrokenFile
from recweave.data.readers.files import lines

BATCH = 50_000
"""Rows that the careful way holds at a time."""

_OPEN = 1_000  # lines that a quote left open may swallow before it is called so


class Row(NamedTuple):
    """A row of a text.

    Attributes:
        line: The line it begins on, from 1.
        verbatim: Its bytes.
        cells: The cells asked for, None for an empty one; None if this is no row.
        wrong: Why it is none.
        empty: Whether nothing is lost with it.
    """

    line: int
    verbatim: bytes
    cells: Sequence[str | None] | None
    wrong: str = ""
    empty: bool = False


class Batch(NamedTuple):
    """Some rows of a file.

    Attributes:
        cells: The columns asked for.
        lines: The line, or the number, of each.
        verbatim: The bytes of each, by its place in the batch.
        others: What is no row.
    """

    cells: pl.DataFrame
    lines: Sequence[int]
    verbatim: Callable[[int], bytes]
    others: Sequence[Row] = ()


class Form(ABC):
    """How a file holds rows."""

    ragged: ClassVar[bool] = False
    """Whether rows name their cells, so that a column may come up late in the file."""

    @abstractmethod
    def fields(self, path: Path, *, every: bool) -> list[str]:
        """The names of its columns; `every` one, where a file does not list them at its head.

        Raises:
            BrokenFile: if the file cannot be read, or names none.
        """

    @abstractmethod
    def scan(self, path: Path, hints: Mapping[str, pl.DataType]) -> pl.LazyFrame | None:
        """The columns hinted at, of these types or the file's own; None if there is no fast way.

        Polars' errors come from here or when it is collected.
        """

    @abstractmethod
    def batches(
        self, path: Path, wanted: Sequence[str], needed: Collection[str]
    ) -> Iterator[Batch]:
        """All rows with the columns `wanted`; where `needed` ones lack, it is no row.

        Raises:
            BrokenFile: where the file breaks off.
        """


class TextForm(Form):
    """How a text holds rows."""

    @abstractmethod
    def rows(self, path: Path, wanted: Sequence[str], needed: Collection[str]) -> Iterator[Row]:
        """See `Form.batches`."""

    def batches(
        self, path: Path, wanted: Sequence[str], needed: Collection[str]
    ) -> Iterator[Batch]:
        """See `Form.batches`."""
        rows = self.rows(path, wanted, needed)
        while batch := list(islice(rows, BATCH)):
            kept = [row for row in batch if row.cells is not None]
            cells = [row.cells for row in batch if row.cells is not None]
            yield Batch(
                pl.DataFrame(cells, dict.fromkeys(wanted, pl.String), orient="row"),
                [row.line for row in kept],
                [row.verbatim for row in kept].__getitem__,
                [row for row in batch if row.cells is None],
            )


@dataclass(frozen=True)
class Delimited(TextForm):
    """Text with separators: one row a line, unless quotes hold a line break.

    Rows without any content are passed over. Cells missing at the end of a row are empty.

    Attributes:
        separator: One letter; or "::", whose colons cells cannot hold if it is to be fast.
        names: Of the columns, where the first line does not name them.
        quoted: Whether double quotes enclose cells.
        encoding: Of the text.
    """

    separator: str = ","
    names: tuple[str, ...] = ()
    quoted: bool = True
    encoding: str = "utf-8"

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        if self.names:
            return list(self.names)
        line, raw = next(lines(path))
        try:
            names = [cell.strip() for cell in self._cells(raw)]
        except ValueError as error:
            raise BrokenFile(path, line, str(error)) from None
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise BrokenFile(path, line, f"names the column '{twice[0]}' twice; rename one")
        return names

    def scan(self, path: Path, hints: Mapping[str, pl.DataType]) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        if self.encoding != "utf-8":
            return None
        names = self.fields(path, every=True)
        if len(self.separator) > 1:  # Polars takes one letter, so an empty column stands between
            names = [part for name in names for part in (f"before {name}", name)][1:]
        return pl.scan_csv(
            path,
            separator=self.separator[0],
            has_header=not self.names,
            new_columns=names,
            schema_overrides=dict(hints),
            infer_schema=False,
            quote_char='"' if self.quoted else None,
            glob=False,
        )

    def rows(self, path: Path, wanted: Sequence[str], needed: Collection[str]) -> Iterator[Row]:
        """See `TextForm.rows`."""
        names = self.fields(path, every=True)
        places = [names.index(name) for name in wanted]
        least = 1 + max((names.index(name) for name in needed), default=0)
        numbered = lines(path)
        if not self.names:
            next(numbered)
        pending = deque[tuple[int, bytes]]()
        while (first := pending.popleft() if pending else next(numbered, None)) is not None:
            line, raw = first
            try:
                whole = self._closed(raw, pending, numbered) if self.quoted else raw
                cells = self._cells(whole)
                if not any(cells):
                    continue
                if not least <= len(cells) <= len(names):
                    raise ValueError(f"has {len(cells)} columns where {len(names)} are named")
            except ValueError as error:
                yield Row(line, raw, None, str(error))
                continue
            for _ in range(whole.count(b"\n")):
                pending.popleft()
            cells += [""] * (len(names) - len(cells))
            yield Row(line, whole, [cells[place] or None for place in places])

    @staticmethod
    def _closed(
        raw: bytes, pending: deque[tuple[int, bytes]], numbered: Iterator[tuple[int, bytes]]
    ) -> bytes:
        """The line, with those after it that its open quote runs over; they stay pending."""
        following: list[bytes] = []
        open_quotes = raw.count(b'"') % 2
        while open_quotes:
            if len(following) == len(pending):
                more = next(numbered, None) if len(pending) < _OPEN else None
                if more is None:
                    raise ValueError("has a quote that is not closed; close it or double it")
                pending.append(more)
            following.append(pending[len(following)][1])
            open_quotes ^= following[-1].count(b'"') % 2
        return b"\n".join([raw, *following])

    def _cells(self, raw: bytes) -> list[str]:
        """The cells of a row.

        Raises:
            ValueError: saying why this is no row.
        """
        row = decoded(raw, self.encoding)
        if not self.quoted or '"' not in row:
            return row.split(self.separator)
        try:
            return next(csv.reader([row], delimiter=self.separator, strict=True))
        except (csv.Error, StopIteration):
            raise ValueError("has a quote that is neither around a cell nor doubled") from None


@dataclass(frozen=True)
class Words(TextForm):
    """Lines of words with blanks between: a user, then items, of which each makes a row.

    A line with a user alone is passed over with a note.
    """

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        return ["user", "item"]

    def scan(self, path: Path, hints: Mapping[str, pl.DataType]) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        words = pl.col("line").str.strip_prefix("\ufeff").str.extract_all(r"\S+")
        lists = pl.scan_lines(path, name="line", glob=False).select(words)
        lists = lists.filter(pl.col("line").list.len() > 0)
        user, item = pl.col("line").list.first(), pl.col("line").list.slice(1)
        return lists.select(user=user, item=item).explode("item")

    def rows(self, path: Path, wanted: Sequence[str], needed: Collection[str]) -> Iterator[Row]:
        """See `TextForm.rows`."""
        for line, raw in lines(path):
            try:
                user, *items = decoded(raw).split() or [""]
            except ValueError as error:
                yield Row(line, raw, None, str(error))
                continue
            if user and not items:
                yield Row(line, raw, None, "has a user and no items", empty=True)
            for item in items:
                yield Row(line, raw, [user, item])


def decoded(raw: bytes, encoding: str = "utf-8") -> str:
    """Bytes as text.

    Raises:
        ValueError: saying where they are none.
    """
    if 0 in raw:
        raise ValueError(f"has a NUL byte at place {raw.index(0) + 1}; write the file again")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        byte = f"the byte 0x{raw[error.start]:02x} at place {error.start + 1}"
        raise ValueError(f"has {byte}, which is not UTF-8; save the file as UTF-8") from None
