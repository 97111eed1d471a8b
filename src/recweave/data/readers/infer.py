"""What columns mean where nobody says so: inferred from the first rows of the file, and noted.

The rest of the file must have the same form: a row of another one is refused with its line.
"""

from dataclasses import replace
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


def time_of(source: str, unit: str, file: Path, form: Form, *, hint: Dtype | None = None) -> Column:
    """The times in a column of a file.

    Args:
        source: The column's name in the file.
        unit: See `columns.time`; or `auto`.
        file: The file.
        form: How it holds rows.
        hint: See `columns.time`.

    Raises:
        BadSetting: for another unit, or where days and months cannot be distinguished.
        BrokenFile: if the file cannot be read.
    """
    if unit != AUTO or source not in form.fields(file, every=False):
        return time(source, "s" if unit == AUTO else unit, hint=hint)
    cells = form.head(file, [source], SAMPLE)[source].drop_nulls()
    if cells.dtype.is_temporal() or not len(cells):
        return time(source, hint=hint)
    form_of_time = recognised(cells)
    if form_of_time.choices:
        choices = " or ".join(f"time='{choice}'" for choice in form_of_time.choices)
        raise BadSetting(
            f"{file}: {source} {cells[0]!r} may begin with the day or with the month; "
            f"say which: {choices}"
        )
    numbers = form_of_time.unit in UNITS
    if numbers and cells.dtype == pl.String and cells.str.contains("[.eE]").any():
        hint = pl.Float64()
    column = time(source, form_of_time.unit or "iso", hint=hint)
    if form_of_time.unit in ("", "s"):
        return column
    meaning = described(form_of_time, cells[0])
    advice = "if that is wrong, give --option time=… (in Python, time=…)"
    return replace(column, noted=[f"'{source}' is read as {meaning}; {advice}"])


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
    notes = []
    for letter in POSSIBLE:
        with_letter = cells.filter(cells.str.contains(letter, literal=True) & _plain(cells))
        if not len(with_letter):
            continue
        meaning, doubt = "one word each", "if it separates words"
        if _separates(_words(cells.filter(_plain(cells)), by), letter):
            by.append(letter)
            meaning, doubt = f"words separated by '{letter}'", "if that is wrong"
        example = f"cells of '{source}' like {with_letter[0]!r} are read as {meaning}"
        notes.append(f"{example}; {doubt}, give --option list_separator=…")
    return replace(texts(source, by=by), noted=notes)


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
    split = several.filter(pl.col("word").str.contains(letter, literal=True), pl.col("part") != "")
    return bool(len(split)) and 2 * int(split["several"].sum()) >= len(split)
