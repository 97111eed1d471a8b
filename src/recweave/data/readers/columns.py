"""What the columns of a file mean: how a cell becomes a value, and what may be wrong with it.

A `Column` works on whole columns, be they text or already of a type, with expressions that are
evaluated in the same pass that reads the file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from recweave.data.html import strip_html_column
from recweave.data.ids import id_text
from recweave.data.readers.forms import Dtype
from recweave.data.readers.text import lists
from recweave.data.schema import COLUMNS, TEXTS
from recweave.data.time_format import ZONES
from recweave.data.times import ISO, LATEST, UNITS, check_unit, seconds_of

_NO_WORDS = ("[]", "{}", "()", "[[]]", "[null]", "|")

Make = Callable[[pl.Expr, Dtype], pl.Expr]
"""From cells of a type to values; null where a cell is none."""

Test = Callable[[pl.Expr], pl.Expr]
"""Where a value is wrong."""


class Fault(NamedTuple):
    """What may be wrong with a cell.

    Attributes:
        where: The rows in which it is.
        what: What is said of the cell, after its name and content.
        note: Whether its row is taken all the same, without the cell.
    """

    where: pl.Expr
    what: str
    note: bool = False


@dataclass(frozen=True)
class Column:
    """What one column of a file means.

    Attributes:
        source: Its name in the file.
        make: How cells become values.
        hint: The type that a fast reader may read the cells as.
        required: Whether a cell may not be empty.
        absent: Words that stand for an empty cell.
        verbatim: Whether blanks around a cell belong to it.
        mismatch: What is said of a cell that is no value.
        sure: Types of which every cell is a value.
        limits: Where a value is wrong, and what is said of it.
        lenient: Whether a cell that is no value is left empty, with a note.
        guess: Whether text becomes numbers or truth values in the end, if all of it can.
        marked: Of numbers whose decimal mark is not known: the column, once it is (see `numbers`).
        noted: What was inferred of the column that its owner should know.
    """

    source: str
    make: Make
    hint: Dtype = field(default_factory=pl.String)
    required: bool = False
    absent: Sequence[str] = ()
    verbatim: bool = False
    mismatch: str = ""
    sure: Sequence[Dtype] = ()
    limits: Sequence[tuple[Test, str]] = ()
    lenient: bool = False
    guess: bool = False
    marked: Callable[[Any], "Column"] | None = None
    noted: Sequence[str] = ()

    def cells(self, dtype: Dtype) -> pl.Expr:
        """The cells of a column of this type."""
        raw = pl.col(self.source)
        if dtype != pl.String or self.verbatim:
            return raw
        raw = raw.str.strip_chars()
        return pl.when(~raw.is_in(self.absent)).then(raw) if self.absent else raw

    def certain(self, dtype: Dtype) -> bool:
        """Whether every cell of a column of this type is a value, or empty as its value is."""
        return dtype in self.sure

    def faults_of_values(self, values: pl.Expr, dtype: Dtype) -> Iterator[Fault]:
        """All that may be wrong with values of this type, whose cells were `certain`."""
        if self.required:
            yield Fault(_empty(values, dtype), "is missing")
        for wrong, what in self.limits:
            yield Fault(wrong(values), what)

    def faults(self, dtype: Dtype, values: pl.Expr | None = None) -> Iterator[Fault]:
        """All that may be wrong with the cells of a column of this type.

        Args:
            dtype: The type.
            values: The values, if the caller has them; else they are computed again.
        """
        cells = self.cells(dtype)
        empty = _empty(cells, dtype)
        if self.required:
            yield Fault(empty, "is missing")
        values = self.make(cells, dtype) if values is None else values
        if self.mismatch and dtype not in self.sure:
            yield Fault(~empty & values.is_null(), self.mismatch, self.lenient)
        for wrong, what in self.limits:
            yield Fault(wrong(values), what)


def _empty(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
    empty = cells.is_null()
    return empty | (cells == "") if dtype == pl.String else empty


def ids(source: str) -> Column:
    """An id as it stands (`data.ids` has the rule for numbers); blanks count."""
    return Column(source, id_text, required=True, verbatim=True, sure=(pl.String(),))


def text(source: str, *, html: bool = False, listed: bool = False) -> Column:
    """Words. With `html`, tags go and entities are letters; `listed`, a list's are lines."""

    def make(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
        if listed or dtype == TEXTS:
            words = texts(source, by=None, html=html).make(cells, dtype).list.join("\n")
        else:
            words = cells.cast(pl.String)
            words = strip_html_column(words) if html else words
        return pl.when(words.str.len_bytes() > 0).then(words)

    return Column(source, make)


def anything(source: str) -> Column:
    """A column that nothing is known of: numbers or truth values if all cells are, else text."""

    def make(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
        return pl.when(cells.str.len_bytes() > 0).then(cells) if dtype == pl.String else cells

    return Column(source, make, guess=True)


def texts(
    source: str,
    *,
    by: str | Sequence[str] | None = "|",
    html: bool = False,
    keys: Sequence[str] = (),
    absent: Sequence[str] = (),
) -> Column:
    """Words, each once: separated by `by`, or a list as programs write it (`text.lists`).

    Of objects, the first of `keys` is taken. A list that cannot be read is left empty, with a note.
    """

    def make(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
        if dtype == pl.String:
            return lists(cells, by=by, html=html, keys=keys)
        return cells.cast(TEXTS)

    return Column(
        source,
        make,
        absent=(*absent, *_NO_WORDS),
        mismatch="holds no words that can be read, and is left empty",
        sure=(TEXTS,),
        lenient=True,
    )


def time(
    source: str, unit: str = "s", *, hint: Dtype | None = None, required: bool = True
) -> Column:
    """A moment, in seconds since 1970 UTC.

    Args:
        source: The column's name in the file.
        unit: "s", "ms", "us" or "ns" since 1970; "iso" for ISO 8601 dates, with or without time;
            or a format as `%m/%d/%Y %H:%M`. What states no zone is UTC.
        hint: What a fast reader may read numbers as, where they are not whole.
        required: Whether a cell may not be empty.

    Raises:
        BadSetting: for another unit.
    """
    check_unit(unit)
    late = "is after the year 2100; give time='ms' if it counts milliseconds"
    return Column(
        source,
        partial(seconds_of, unit=unit),
        hint=hint or (pl.Int64() if unit in UNITS else pl.String()),
        required=required,
        mismatch=_not_a_time(unit),
        sure=(pl.Int64(),),
        limits=[
            (lambda values: values < 0, "is before 1970"),
            (lambda values: values > LATEST, late if unit == "s" else "is after the year 2100"),
        ],
    )


def _not_a_time(unit: str) -> str:
    """What is said of a cell that is no time of the unit."""
    if unit in UNITS:
        return f"is not a whole number ({unit} since 1970); give time='iso' if it is a date"
    if "%Z" in unit and "%z" not in unit:
        return f"is not of the form {unit}, or its zone is not known: {ZONES}"
    form = f"of the form {unit}"
    if unit == ISO:
        form = "an ISO date (of zones, offsets as +02:00, UTC and GMT are known)"
    return f"is not {form}; give time='s' if it counts seconds"


def labels(
    source: str,
    meanings: Mapping[str, str],
    *,
    kind: Dtype | None = None,
    required: bool = True,
) -> Column:
    """One of a few words, each with its meaning: a behaviour, unless another type is given."""
    kind = kind or COLUMNS["events"]["behavior"]

    def make(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
        values = pl.lit(None, kind)
        for word, meaning in meanings.items():
            values = pl.when(cells == word).then(pl.lit(meaning, kind)).otherwise(values)
        return values

    words = pl.Enum(list(meanings))
    mismatch = f"is not one of {', '.join(meanings)}"
    return Column(source, make, words, required, mismatch=mismatch, sure=(words,))
