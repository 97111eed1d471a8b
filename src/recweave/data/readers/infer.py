"""What columns mean where nobody says so: read from the first rows of the file, and told.

The rest of the file is then held to it: a row of another form is refused with its line.
"""

import logging
from pathlib import Path

import polars as pl

from recweave.core.errors import BadSetting
from recweave.data.readers.columns import Column, texts, time
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


CERTAIN = ("|", " > ", " » ")
"""What separates words wherever it stands."""

POSSIBLE = (";", ",")
"""What separates words in some files, and stands within them in others."""


def lists_of(source: str, separator: str | None, file: Path, form: Form) -> Column:
    """The lists of words in a column of a file.

    A comma or a semicolon separates words if most of the parts come up in several ways: "Tea,
    Green" beside "Tea" is two words, "Home, Garden" alone is one.

    Args:
        source: The column's name in the file.
        separator: What stands between words; without it, what the first rows look like.
        file: The file.
        form: How it holds rows.

    Raises:
        BrokenFile: if the file cannot be read.
    """
    if separator is not None or source not in form.fields(file, every=False):
        return texts(source, by=separator or CERTAIN)
    cells = form.head(file, [source], SAMPLE)[source].drop_nulls()
    if cells.dtype != pl.String:
        return texts(source, by=CERTAIN)
    by = list(CERTAIN)
    for letter in POSSIBLE:
        having = cells.filter(cells.str.contains(letter, literal=True) & _plain(cells))
        if not len(having):
            continue
        separates = _separates(_words(cells.filter(_plain(cells)), by), letter)
        told = "one word each; if it separates words"
        if separates:
            by.append(letter)
            told = f"words separated by '{letter}'; if that is wrong"
        _log.warning(
            "%s: cells of '%s' like %r are read as %s, give list_separator=…",
            *(file, source, having[0], told),
        )
    return texts(source, by=by)


def _plain(cells: pl.Series) -> pl.Series:
    """Cells that are no lists as programs write them."""
    return ~cells.str.contains(r"^\s*[\[{(]")


def _words(cells: pl.Series, by: list[str]) -> pl.Series:
    for other in by[1:]:
        cells = cells.str.replace_all(other, by[0], literal=True)
    return cells.str.split(by[0]).explode().str.strip_chars().unique()


def _separates(words: pl.Series, letter: str) -> bool:
    """Whether most parts of the words that hold a letter are in other words as well."""
    parts = pl.DataFrame({"word": words, "part": words.str.split(letter)}).explode("part")
    parts = parts.with_columns(pl.col("part").str.strip_chars()).unique()
    several = parts.with_columns(several=pl.len().over("part") > 1)
    held = several.filter(pl.col("word").str.contains(letter, literal=True), pl.col("part") != "")
    return bool(len(held)) and 2 * int(held["several"].sum()) >= len(held)
