"""How files hold rows, and the two ways to read them.

`scan` is the fast way: lazy, streaming, of the types hinted at; it fails on the first thing that
is out of order. `blocks` is the careful way: block after block, where a block in which something
is out of order is read row by row, each with the line it begins on and the bytes it stands in.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import polars as pl

from recweave.data.readers.files import lines

BLOCK = 50_000
"""Rows in a block."""

if TYPE_CHECKING:
    Dtype = pl.DataType
else:
    Dtype = Any  # the run-time checker of the tests cannot read Polars' class of types

Types = Mapping[str, Dtype]
"""Types of columns by name."""

Lines = deque[tuple[int, bytes]]
"""Lines of a file with their numbers."""


class Request(NamedTuple):
    """What is to be read of a file.

    Attributes:
        fields: All its columns, in its order.
        selected: Those that are read.
        needed: Those without which a row is none.
    """

    fields: Sequence[str]
    selected: Sequence[str]
    needed: Collection[str]


class Row(NamedTuple):
    """A row of a text.

    Attributes:
        line: The line it begins on, from 1.
        verbatim: Its bytes.
        cells: The cells selected, None for an empty one; None if this is no row.
        wrong: Why it is none.
        empty: Whether nothing is lost with it.
    """

    line: int
    verbatim: bytes
    cells: Sequence[str | None] | None
    wrong: str = ""
    empty: bool = False


class Batch(NamedTuple):
    """Rows that were read one by one.

    Attributes:
        cells: The columns selected.
        lines: The line, or the number, of each.
        verbatim: The bytes of each, by its place in the batch.
        others: What is no row.
    """

    cells: pl.DataFrame
    lines: Sequence[int]
    verbatim: Callable[[int], bytes]
    others: Sequence[Row] = ()


class Block(NamedTuple):
    """Rows of a file that stand together, in both ways; one of them is taken."""

    at_once: Callable[[Types], pl.LazyFrame | None]
    one_by_one: Callable[[], Batch]


@dataclass(frozen=True, kw_only=True)
class Form(ABC):
    """How a file holds rows.

    Attributes:
        noted: What was sniffed of the file that its owner should know of.
    """

    noted: tuple[str, ...] = ()

    ragged: ClassVar[bool] = False
    """Whether rows name their cells, so that a column may come up late in the file."""

    whole: ClassVar[bool] = False
    """Whether all columns must be parsed: Polars passes over cells too many if only some are."""

    @abstractmethod
    def fields(self, path: Path, *, every: bool) -> list[str]:
        """The names of its columns; `every` one, where a file does not list them at its head.

        Raises:
            BrokenFile: if the file cannot be read, or names none.
        """

    @abstractmethod
    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """Columns of a file (see `misread`) or of a block of rows; None if there is no fast way.

        They are of the types hinted at, or of the file's own. Errors come from Polars or from the
        operating system, here or when the frame is collected.
        """

    def misread(self, path: Path) -> bool:
        """Whether `scan` takes something in a file otherwise than it is meant.

        This may be a pass over the whole file; it can run while the scan is collected.

        Raises:
            OSError, EOFError, zlib.error: if the file cannot be read to its end.
        """
        return False

    def head(self, path: Path, selected: Sequence[str], rows: int) -> pl.DataFrame:
        """Columns of the first rows of a file, as they stand; what is no row is passed over.

        Raises:
            BrokenFile: if the file cannot be read.
        """
        request = Request(self.fields(path, every=False), selected, ())
        lazy = self.scan(path, request.fields, {})
        if lazy is not None:
            return lazy.select(selected).head(rows).collect()
        block = next(self.blocks(path, request), None)
        return pl.DataFrame() if block is None else block.one_by_one().cells.head(rows)

    @abstractmethod
    def blocks(self, path: Path, request: Request) -> Iterator[Block]:
        """The rows of a file; each block is to be read before the next is asked for.

        Raises:
            BrokenFile: where the file breaks off.
        """


@dataclass(frozen=True, kw_only=True)
class TextForm(Form):
    """How a text holds rows.

    Attributes:
        encoding: Of the text, where no byte-order mark names it.
        sniff: Whether another encoding may be used where a file is not of this one.
        likely: The encoding that a file seems to have, for messages.
    """

    encoding: str = "utf-8"
    sniff: bool = False
    likely: str = ""

    @abstractmethod
    def rows(
        self, block: Lines, more: Iterator[tuple[int, bytes]], request: Request
    ) -> Iterator[Row]:
        """The rows that begin in a block of lines, which is used up; the last may need `more`."""

    def headed(self) -> bool:
        """Whether the first line holds names."""
        return False

    def head(self, path: Path, selected: Sequence[str], rows: int) -> pl.DataFrame:
        """See `Form.head`; `rows` counts lines."""
        numbered = lines(path, self.encoding)
        if self.headed():
            next(numbered)
        request = Request(self.fields(path, every=False), selected, ())
        found = self.rows(deque(islice(numbered, rows)), numbered, request)
        return _batch(found, selected).cells

    def blocks(self, path: Path, request: Request) -> Iterator[Block]:
        """See `Form.blocks`."""
        numbered = lines(path, self.encoding)
        if self.headed():
            next(numbered)
        while block := deque(islice(numbered, BLOCK)):
            text = b"\n".join([*(raw for _, raw in block), b""])
            yield Block(
                partial(self.scan, text, request.fields),
                partial(_batch, self.rows(block, numbered, request), request.selected),
            )


def _batch(rows: Iterator[Row], selected: Sequence[str]) -> Batch:
    found = list(rows)
    rows_taken = [row for row in found if row.cells is not None]
    cells = [row.cells for row in found if row.cells is not None]
    return Batch(
        pl.DataFrame(cells, dict.fromkeys(selected, pl.String), orient="row"),
        [row.line for row in rows_taken],
        [row.verbatim for row in rows_taken].__getitem__,
        [row for row in found if row.cells is None],
    )


def decoded(raw: bytes, encoding: str = "utf-8", likely: str = "") -> str:
    """A line of a file as text.

    Args:
        raw: As UTF-8, as `files.lines` gives it.
        encoding: That the file was read as.
        likely: That it seems to have.

    Raises:
        ValueError: saying where it is no text.
    """
    if b"\0" in raw:
        raise ValueError(f"has a NUL byte at place {raw.index(0) + 1}; write the file again")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        byte = f"the byte 0x{raw[error.start]:02x} at place {error.start + 1}"
        what = f"has {byte}, which is not {encoding.upper()}"
        name = f"--encoding {likely}, by its look" if likely else "--encoding cp1252, say"
        advice = f"save the file as UTF-8, or name its encoding ({name})"
        raise ValueError(f"{what}; {advice}") from None
