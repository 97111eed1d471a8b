"""Numbers as people's exports write them: "3,78", "4.99 EUR", "$1,299.00".

Whether a comma is the decimal mark is decided for a whole column, by the cells that leave no doubt:
"3,78" and "1.299,00" have a decimal comma, "4.99" and "1,299.00" have a decimal point, and "1,299"
may be either. A currency sign or code before or after the amount is passed over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl

from recweave.core.polars_errors import POLARS_ERRORS
from recweave.data.problems import Problems
from recweave.data.readers.columns import Column, Test
from recweave.data.readers.forms import Dtype, Form, Request, Types

Mark = Literal["plain", ".", ",", "both", "unclear"]
"""The decimal mark of a column: `plain` where numbers are as programs write them; `both` where some
cells clearly have a point and others a comma; `unclear` where none is clear and cells like "1,299"
are there."""

_CODES = (
    "EUR|USD|GBP|CHF|JPY|CNY|RMB|RUB|INR|PLN|CZK|SEK|NOK|DKK|HUF|TRY|BRL|AUD|CAD|NZD|KRW|MXN|ZAR|"
    "SGD|HKD|TWD|THB|IDR|MYR|PHP|VND|ILS|AED|SAR|UAH|RON|BGN"
)
_SIGNS = r"(?:US|A|C|R|NT|HK|S|NZ)?\p{Sc}|kr\.?|zł|Kč|Ft|Rs\.?|руб\.?|р\.|лв\.?|元|円|원"
_CURRENCY = rf"(?:{_SIGNS}|(?i:{_CODES}))"
_GAP = r"'’ \x{a0}\x{202f}"
_AMOUNT = rf"^([-+]?)\s*{_CURRENCY}?\s*([-+]?)(\d[\d.,{_GAP}]*)\s*{_CURRENCY}?$"
_RANGE = r"^(.*?\d\D{0,4}?)\s*[-–]\s*\D{0,4}\d.*$"

_POINT = rf"^(?:\d+|\d{{1,3}}(?:[,{_GAP}]\d{{3}})+)(?:\.\d+)?$"
_COMMA = rf"^(?:\d+|\d{{1,3}}(?:[.{_GAP}]\d{{3}})+)(?:,\d+)?$"
_CLEAR_POINT = (
    rf"^(?:\d+\.(?:\d{{1,2}}|\d{{4,}})|0+\.\d+|\d{{1,3}}(?:[,{_GAP}]\d{{3}})+\.\d+"
    r"|\d{1,3}(?:,\d{3}){2,})$"
)
_CLEAR_COMMA = (
    rf"^(?:\d+,(?:\d{{1,2}}|\d{{4,}})|0+,\d+|\d{{1,3}}(?:[.{_GAP}]\d{{3}})+,\d+"
    r"|\d{1,3}(?:\.\d{3}){2,})$"
)
_UNCLEAR = r"^[1-9]\d{0,2},\d{3}$"
_ONE_POINT = r"^[-+]?[1-9]\d{0,2}\.\d{3}$"
_PLAIN = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"


def number(
    source: str,
    *,
    low: float | None = None,
    high: float | None = None,
    required: bool = False,
    absent: Sequence[str] = (),
    kind: Dtype | None = None,
    mark: Mark | None = "plain",
) -> Column:
    """A finite number, within `low` and `high` where both are given.

    Where the mark is not known (None), only plain numbers are read, until `settled` finds it.
    """
    kind = kind or pl.Float32()
    limits: list[tuple[Test, str]] = [
        (lambda values: ~values.is_finite(), "is not a finite number")
    ]
    if low is not None and high is not None:
        limits = [
            (lambda values: ~values.is_between(low, high), f"is not from {low:g} to {high:g}")
        ]
    column = Column(
        source,
        partial(_numbers, kind, mark, False),
        hint=kind if mark in (None, "plain") and not absent else pl.String(),
        required=required,
        absent=absent,
        mismatch=_mismatch("is not a number", mark),
        sure=(kind,),
        limits=limits,
    )
    if mark is not None:
        return column
    settings: dict[str, Any] = {"low": low, "high": high, "required": required, "absent": absent}
    return replace(column, marked=lambda mark: number(source, kind=kind, mark=mark, **settings))


def price(source: str, *, mark: Mark | None = ".") -> Column:
    """An amount of money (`12.99`, `$1,299.00`), or the lower end of a range; else none, noted."""
    kind = pl.Float64()
    return Column(
        source,
        partial(_numbers, kind, mark, True),
        hint=pl.String(),
        absent=("None",),
        mismatch=_mismatch("is not a price", mark),
        sure=(kind,),
        limits=[(lambda values: ~values.is_finite(), "is not a finite price")],
        lenient=True,
        marked=None if mark else lambda mark: price(source, mark=mark),
    )


def _mismatch(what: str, mark: Mark | None) -> str:
    if mark in ("unclear", "both"):
        return f"{what}, or its comma is unclear; if so give --decimal , or --decimal ."
    return what


def _numbers(kind: Dtype, mark: Mark | None, ranges: bool, cells: pl.Expr, dtype: Dtype) -> pl.Expr:
    if dtype.is_nested():  # Polars would write it out as text
        raise pl.exceptions.InvalidOperationError(f"{dtype} where {kind} is expected")
    if dtype != pl.String:
        return cells if dtype == kind else cells.cast(kind, strict=False)
    if mark in (None, "plain"):
        values = cells.cast(kind, strict=False)
        return pl.when(values.is_finite()).then(values) if ranges else values
    amount = _amount(cells, ranges)
    body, sign = amount.struct.field("body"), amount.struct.field("sign")
    point, comma = _digits(body, _POINT, "."), _digits(body, _COMMA, ",")
    if mark == ".":
        values = pl.coalesce(cells.cast(pl.Float64, strict=False), sign * point)
    elif mark == ",":
        values = sign * comma
    else:
        whole = pl.when(body.str.contains(r"^\d+$")).then(point)
        clear = pl.when(body.str.contains(_CLEAR_POINT)).then(point)
        values = sign * pl.coalesce(
            clear, pl.when(body.str.contains(_CLEAR_COMMA)).then(comma), whole
        )
    values = values.cast(kind, strict=False)
    # "nan" for a price is no price, as pandas writes what it lacks; other numbers must be finite.
    return pl.when(values.is_finite()).then(values) if ranges else values


def _amount(cells: pl.Expr, ranges: bool) -> pl.Expr:
    """Sign and digits with their marks, of cells that are an amount with or without a currency."""
    if ranges:
        cells = cells.str.replace(_RANGE, "$1")
    groups = cells.str.strip_chars().str.extract_groups(_AMOUNT)
    signs = pl.concat_str(groups.struct.field("1"), groups.struct.field("2"))
    minus = pl.when(signs.str.contains("-", literal=True)).then(-1.0).otherwise(1.0)
    body = groups.struct.field("3").str.strip_chars()
    return pl.struct(body=body, sign=minus)


def _digits(body: pl.Expr, pattern: str, mark: str) -> pl.Expr:
    """The number that digits are, where they follow the pattern."""
    digits = body.str.replace_all(rf"[^\d{mark}]", "").str.replace(mark, ".", literal=True)
    return pl.when(body.str.contains(pattern)).then(digits.cast(pl.Float64, strict=False))


def settled(
    columns: dict[str, Column],
    form: Form,
    path: Path,
    fields: Sequence[str],
    problems: Problems,
) -> dict[str, Column]:
    """The columns, with the decimal mark of those that hold numbers which are not plain.

    Args:
        columns: By our names.
        form: How the file holds rows.
        path: The file.
        fields: Its columns.
        problems: Takes a note of each column that is converted, with an example.
    """
    open_ = {name: column for name, column in columns.items() if column.marked is not None}
    if not open_:
        return columns
    sources = [column.source for column in open_.values()]
    found = {name: _Survey() for name in open_}
    for frame in _texts(form, path, fields, sources):
        for name, column in open_.items():
            if frame.schema.get(column.source) == pl.String:
                found[name].add(frame[column.source].str.strip_chars(), name == "price")
    converted = {}
    for name, survey in found.items():
        marked = open_[name].marked
        if survey.odd and marked is not None:
            converted[name] = marked(survey.mark)
            survey.note(name, path, problems)
    return columns | converted if converted else columns


def _texts(
    form: Form, path: Path, fields: Sequence[str], sources: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """These columns of a file as text, whatever else is wrong with its rows."""
    hints: Types = dict.fromkeys(sources, pl.String())
    present = [source for source in dict.fromkeys(sources) if source in fields or form.ragged]
    for block in form.blocks(path, Request(fields, present, ())):
        try:
            lazy = block.at_once(hints)
            frame = None if lazy is None else lazy.select(present).collect()
        except POLARS_ERRORS:
            frame = None
        yield block.one_by_one().cells if frame is None else frame


class _Survey:
    """What the cells of a column look like."""

    def __init__(self) -> None:
        self.point = self.comma = self.unclear = self.odd = self.thousands = 0
        self.example = self.grouped = ""
        self.currencies: dict[str, None] = {}

    def add(self, cells: pl.Series, ranges: bool) -> None:
        odd = cells.filter(~cells.str.contains(_PLAIN)).drop_nulls()
        body = pl.select(_amount(pl.lit(odd), ranges).struct.field("body")).to_series()
        amounts = odd.filter(body.is_not_null())
        self.odd += len(amounts)
        if len(amounts):
            self.example = self.example or amounts[0]
            signs = amounts.str.extract(f"({_CURRENCY})").drop_nulls().unique(maintain_order=True)
            self.currencies |= dict.fromkeys(signs.to_list())
        plain = cells.filter(cells.str.contains(_PLAIN)).drop_nulls()
        bodies = pl.concat([body.drop_nulls(), plain.str.strip_chars("-+")])
        self.point += int(bodies.str.contains(_CLEAR_POINT).sum())
        self.comma += int(bodies.str.contains(_CLEAR_COMMA).sum())
        self.unclear += int(bodies.str.contains(_UNCLEAR).sum())
        grouped = plain.filter(plain.str.contains(_ONE_POINT))
        self.thousands += len(grouped)
        if len(grouped):
            self.grouped = self.grouped or grouped[0]

    @property
    def mark(self) -> Mark:
        if self.point and self.comma:
            return "both"
        if self.comma:
            return ","
        return "unclear" if self.unclear and not self.point else "."

    def note(self, name: str, path: Path, problems: Problems) -> None:
        column = price("cell", mark=self.mark)
        cell = pl.DataFrame({"cell": [self.example]})
        value = cell.select(column.make(pl.col("cell"), pl.String())).item()
        if value is None:
            return
        what = f"{name}: {self.odd:,} cells like {self.example!r} are read as {value:g}"
        if self.mark == "," and self.thousands:
            whole = self.grouped.replace(".", "")
            what += f", and {self.thousands:,} like {self.grouped!r} as {whole}"
        if len(self.currencies) > 1:
            what += f"; they are in several currencies ({', '.join(self.currencies)})"
        what += "; if this is wrong, give --decimal , or --decimal ."
        problems.note(path, None, what, kind=f"{name} converted to numbers", n=self.odd)
