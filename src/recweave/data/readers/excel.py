"""Workbooks (`.xlsx`, `.xls`, `.ods`) through fastexcel: the first sheet, whose first row names."""

import json
import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

import polars as pl

from recweave.core.extras import require
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.data.problems import BrokenFile
from recweave.data.readers.forms import BLOCK, Asked, Batch, Block, Form, Types

_log = logging.getLogger(__name__)


WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
"""Ends of the names of workbooks."""


class Excel(Form):
    """The first sheet of a workbook; `line` is the number of its row. Others are named.

    Numbers, truth values, dates and moments have their types, so times need no unit.
    """

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        return _sheet(path).columns

    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        return _sheet(source).lazy() if isinstance(source, Path) else None

    def blocks(self, path: Path, asked: Asked) -> Iterator[Block]:
        """See `Form.blocks`."""
        table = _sheet(path).select(asked.wanted)
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


def _sheet(path: Path) -> pl.DataFrame:
    """The first sheet.

    Raises:
        MissingExtra: if fastexcel is not installed.
        BrokenFile: if it cannot be read, or is empty.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise BrokenFile(path, None, f"cannot be opened: {error.strerror}") from None
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=2)  # names, first rows and rows are asked for one after the other
def _read(path: Path, written: int, size: int) -> pl.DataFrame:
    fastexcel = require("fastexcel", extra="excel")
    try:
        book = fastexcel.read_excel(path)
        first, *others = book.sheet_names or [""]
        frame: pl.DataFrame = book.load_sheet(0).to_polars() if first else pl.DataFrame()
    except (fastexcel.FastExcelError, *POLARS_ERRORS, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        what = f"cannot be read as a workbook ({reason}); save it again as .xlsx, or as CSV"
        raise BrokenFile(path, None, what) from None
    if not frame.width:
        what = f"has nothing on its first sheet '{first}'; put the table there, its names on row 1"
        raise BrokenFile(path, None, what)
    unnamed = [name for name in frame.columns if name.startswith("__UNNAMED__")]
    frame = frame.drop(name for name in unnamed if not frame[name].count())
    unnamed = [name for name in unnamed if name in frame.columns]
    if unnamed:
        what = f"has {len(unnamed)} columns without a name on the first row of '{first}'"
        raise BrokenFile(path, 1, f"{what}; name them, and put the names on row 1")
    if others:
        told = "%s: the sheet '%s' is read; not read: %s (save each as a file of its own)"
        _log.warning(told, path, first, ", ".join(others))
    return frame
