"""What columns mean where nobody says so: read from the first rows of the file, and told.

The rest of the file is then held to it: a row of another form is refused with its line.
"""

import logging
from pathlib import Path

import polars as pl

from recweave.core.errors import BadSetting
from recweave.data.readers.columns import Column, time
from recweave.data.readers.forms import Dtype, Form
from recweave.data.times import UNITS, described, recognised

AUTO = "auto"
"""A unit of times: what the first rows look like."""

SAMPLE = 1_000
"""Rows that are looked at."""

_log = logging.getLogger(__name__)


def time_of(source: str, unit: str, file: Path, form: Form, *, hint: Dtype | None = None) -> Column:
    """The times in a column of a file.

    Args:
        source: The column's name in the file.
        unit: See `columns.time`; or `auto`.
        file: The file.
        form: How it holds rows.
        hint: See `columns.time`.

    Raises:
        BadSetting: for another unit, or where days and months cannot be told from each other.
        BrokenFile: if the file cannot be read.
    """
    if unit != AUTO or source not in form.fields(file, every=False):
        return time(source, "s" if unit == AUTO else unit, hint=hint)
    cells = form.head(file, [source], SAMPLE)[source].drop_nulls()
    if cells.dtype.is_temporal() or not len(cells):
        return time(source, hint=hint)
    found = recognised(cells)
    if found.choices:
        choices = " or ".join(f"time='{choice}'" for choice in found.choices)
        raise BadSetting(
            f"{file}: {source} {cells[0]!r} may begin with the day or with the month; "
            f"say which: {choices}"
        )
    example = str(cells[0])
    if found.unit not in ("", "s"):
        told = "%s: '%s' is read as %s; if that is wrong, give time=…"
        _log.warning(told, file, source, described(found, example))
    numbers = found.unit in UNITS
    if numbers and cells.dtype == pl.String and cells.str.contains("[.eE]").any():
        hint = pl.Float64()
    return time(source, found.unit or "iso", hint=hint)
