"""Forms of texts whose rows are lines: cells with separators, and lists of words."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from recweave.data.problems import BrokenFile
from recweave.data.readers.care import needs_care, other_lines
from recweave.data.readers.files import head, lines
from recweave.data.readers.forms import Lines, Request, Row, TextForm, Types, decoded

_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_OPEN = 1_000  # lines that a quote may run over before it is said to be left open


@dataclass(frozen=True)
class Delimited(TextForm):
    """Text with separators: one row a line, unless quotes hold a line break.

    Lines without any content are passed over. Cells missing at the end of a row are empty.

    Attributes:
        separator: One letter; or "::", whose colons cells cannot hold if it is to be fast.
        names: Of the columns, where the first line does not name them.
        quoted: Whether double quotes enclose cells.
        escaped: Whether a backslash before a quote makes it a letter of the cell (MySQL), instead
            of doubling the quote.
    """

    whole: ClassVar[bool] = True

    separator: str = ","
    names: tuple[str, ...] = ()
    quoted: bool = True
    escaped: bool = False

    def headed(self) -> bool:
        """See `TextForm.headed`."""
        return not self.names

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        if self.names:
            return list(self.names)
        names = self.first_line(path)
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise BrokenFile(path, 1, f"names the column '{twice[0]}' twice; rename one")
        return names

    def first_line(self, path: Path) -> list[str]:
        """The cells of the first line, without blanks around them.

        Raises:
            BrokenFile: if there is none.
        """
        line, raw = next(lines(path, self.encoding))
        try:
            return [cell.strip() for cell in self._cells(raw)]
        except ValueError as error:
            raise BrokenFile(path, line, str(error)) from None

    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        if self.escaped:
            return None
        if isinstance(source, Path):
            if self.encoding != "utf-8" or other_lines(head(source)):
                return None
        elif needs_care(source, self.separator, quoted=self.quoted):
            return None
        names = list(fields)
        if len(self.separator) > 1:  # Polars takes one letter, so an empty column stands between
            names = [part for name in names for part in (f"before {name}", name)][1:]
        return pl.scan_csv(
            source,
            separator=self.separator[0],
            has_header=self.headed() and isinstance(source, Path),
            new_columns=names,
            schema_overrides=dict(hints),
            infer_schema=False,
            quote_char='"' if self.quoted else None,
            glob=False,
        )

    def misread(self, path: Path) -> bool:
        """See `Form.misread`."""
        return needs_care(path, self.separator, quoted=self.quoted)

    def rows(
        self, block: Lines, more: Iterator[tuple[int, bytes]], request: Request
    ) -> Iterator[Row]:
        """See `TextForm.rows`."""
        places = [request.fields.index(name) for name in request.selected]
        least = 1 + max((request.fields.index(name) for name in request.needed), default=0)
        most = len(request.fields)
        while block:
            line, raw = block.popleft()
            try:
                following = self._following(raw, block, more) if self.quoted else []
                whole = b"\n".join([raw, *following])
                cells = self._cells(whole)
                if any(cells) and not least <= len(cells) <= most:
                    raise ValueError(f"has {len(cells)} columns where {most} are named")
            except ValueError as error:
                yield Row(line, raw, None, str(error))
                continue
            for _ in following:
                block.popleft()
            if any(cells):
                cells += [""] * (most - len(cells))
                yield Row(line, whole, [cells[place] or None for place in places])

    def _following(
        self, raw: bytes, block: Lines, more: Iterator[tuple[int, bytes]]
    ) -> list[bytes]:
        """The lines that an open quote runs over; they stay in the block.

        Raises:
            ValueError: if it is not closed.
        """
        taken: list[bytes] = []
        open_quotes = self._quotes(raw) % 2
        while open_quotes:
            if len(taken) == len(block):
                line = next(more, None) if len(block) < _OPEN else None
                if line is None:
                    raise ValueError("has a quote that is not closed; close it or double it")
                block.append(line)
            taken.append(block[len(taken)][1])
            open_quotes ^= self._quotes(taken[-1]) % 2
        return taken

    def _quotes(self, raw: bytes) -> int:
        """How many quotes open or close a cell."""
        if self.escaped and b"\\" in raw:
            raw = _ESCAPE.sub(b"", raw)
        return raw.count(b'"')

    def _cells(self, raw: bytes) -> list[str]:
        """The cells of a row.

        Raises:
            ValueError: saying why this is no row.
        """
        row = decoded(raw.removesuffix(b"\r"), self.encoding, self.likely)
        plain = '"' not in row and not (self.escaped and "\\" in row)
        if plain or not self.quoted:
            return row.split(self.separator)
        csv.field_size_limit(max(len(row), csv.field_size_limit()))
        escape = "\\" if self.escaped else None
        try:
            return next(csv.reader([row], delimiter=self.separator, strict=True, escapechar=escape))
        except (csv.Error, StopIteration):
            what = "has a quote that is neither around a cell nor doubled"
            if '\\"' in row:
                what = "has a backslash before a quote; double the quote, or give "
                what += "--backslash-quotes (escaped=True)"
            raise ValueError(what) from None


@dataclass(frozen=True)
class Words(TextForm):
    """Lines of words with blanks between: a user, then items, each of which makes a row.

    A line with a user alone is passed over with a note.
    """

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        return ["user", "item"]

    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        if other_lines(head(source)) if isinstance(source, Path) else needs_care(source):
            return None
        line = pl.col("line")
        words = line.str.strip_prefix("\ufeff").str.extract_all(r"\S+")
        found = pl.scan_lines(source, name="line", glob=False).select(words)
        found = found.filter(line.list.len() > 0)
        items = pl.when(line.list.len() > 1).then(line.list.slice(1))  # null makes a row, [] none
        return found.select(user=line.list.first(), item=items).explode("item")

    def misread(self, path: Path) -> bool:
        """See `Form.misread`."""
        return needs_care(path)

    def rows(
        self, block: Lines, more: Iterator[tuple[int, bytes]], request: Request
    ) -> Iterator[Row]:
        """See `TextForm.rows`."""
        while block:
            line, raw = block.popleft()
            try:
                user, *items = decoded(raw).split() or [""]
            except ValueError as error:
                yield Row(line, raw, None, str(error))
                continue
            if user and not items:
                yield Row(line, raw, None, "has a user and no items", empty=True)
            for item in items:
                yield Row(line, raw, [user, item])
