"""Workbooks (`.xlsx`, `.xls`, `.ods`) through fastexcel: one sheet; its first row has the names."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import polars as pl

from recweave.core.errors import BadSetting, did_you_mean
from recweave.core.extras import require
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.data.problems import BrokenFile
from recweave.data.readers.forms import BLOCK, Batch, Block, Form, Request, Types

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
"""Ends of the names of workbooks."""


@dataclass(frozen=True)
class Excel(Form):
    """One sheet of a workbook; `line` is the number of its row.

    Numbers, truth values, dates and moments have their types, so times need no unit.

    Attributes:
        sheet: Its name.
    """

    sheet: str

    @classmethod
    def of(cls, path: Path, sheet: str | None) -> "Excel":
        """The sheet of this name, else the first one with a note that names the others.

        Raises:
            BadSetting: if no sheet has this name.
            BrokenFile: if the file cannot be read as a workbook, or has no sheet.
            MissingExtra: if fastexcel is not installed.
        """
        names = sheet_names(path)
        if sheet is None:
            others = ", ".join(names[1:])
            what = (
                f"the sheet '{names[0]}' is read; sheets not read: {others}; --sheet NAME reads one"
            )
            return cls(names[0], noted=(what,) if others else ())
        if sheet not in names:
            raise BadSetting(f"{path}: no sheet is called '{sheet}'; {did_you_mean(sheet, names)}")
        return cls(sheet)

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        return _rows_of(path, self.sheet).columns

    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        return _rows_of(source, self.sheet).lazy() if isinstance(source, Path) else None

    def blocks(self, path: Path, request: Request) -> Iterator[Block]:
        """See `Form.blocks`."""
        table = _rows_of(path, self.sheet).select(request.selected)
        for start in range(0, len(table), BLOCK):
            part = table.slice(start, BLOCK)
            yield Block(partial(_typed, part), partial(_rows, part, start + 2))


def _typed(table: pl.DataFrame, hints: Types) -> pl.LazyFrame:
    return table.lazy()  # a workbook has types of its own


def _rows(table: pl.DataFrame, first: int) -> Batch:
    """Rows that are in memory, numbered from `first`."""

    def verbatim(place: int) -> bytes:
        return json.dumps(table.row(place, named=True), default=str).encode()

    return Batch(table, range(first, first + len(table)), verbatim)


def sheet_names(path: Path) -> list[str]:
    """The names of the sheets of a workbook, in its order.

    Raises:
        MissingExtra: if fastexcel is not installed.
        BrokenFile: if it cannot be read, or has none.
    """
    return _read(path, None, *_version(path))[0]


def _rows_of(path: Path, sheet: str) -> pl.DataFrame:
    """A sheet.

    Raises:
        MissingExtra: if fastexcel is not installed.
        BrokenFile: if it cannot be read, or is empty.
    """
    return _read(path, sheet, *_version(path))[1]


def _version(path: Path) -> tuple[int, int]:
    """When a file was written, and its size: another version is read again."""
    try:
        state = path.stat()
    except OSError as error:
        raise BrokenFile(path, None, f"cannot be opened: {error.strerror}") from None
    return state.st_mtime_ns, state.st_size


@lru_cache(maxsize=4)  # names, first rows and rows are asked for one after the other
def _read(path: Path, sheet: str | None, written: int, size: int) -> tuple[list[str], pl.DataFrame]:
    """The names of the sheets, and the rows of the one that is asked for."""
    fastexcel = require("fastexcel", extra="excel")
    try:
        book = fastexcel.read_excel(path)
        names: list[str] = book.sheet_names
        frame: pl.DataFrame = pl.DataFrame()
        if sheet is not None:
            frame = book.load_sheet(sheet).to_polars()
    except (fastexcel.FastExcelError, *POLARS_ERRORS, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        what = f"cannot be read as a workbook ({reason}); save it again as .xlsx, or as CSV"
        raise BrokenFile(path, None, what) from None
    if not names:
        raise BrokenFile(path, None, "has no sheet; save the workbook again")
    return names, frame if sheet is None else _named(path, sheet, frame)


def _named(path: Path, sheet: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows without columns that hold nothing; each other one must have a name.

    Raises:
        BrokenFile: if one has none, or there are no columns.
    """
    if not frame.width:
        what = f"has nothing on its sheet '{sheet}'; put the table there, its names on row 1"
        raise BrokenFile(path, None, what)
    unnamed = [name for name in frame.columns if name.startswith("__UNNAMED__")]
    empty = [name for name in unnamed if not frame[name].count()]
    if len(unnamed) > len(empty):
        what = (
            f"has {len(unnamed) - len(empty)} columns without a name on the first row of '{sheet}'"
        )
        raise BrokenFile(path, 1, f"{what}; name them, and put the names on row 1")
    return frame.drop(empty)
