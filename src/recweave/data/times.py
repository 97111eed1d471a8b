"""Times as people write them, to seconds since 1970 UTC.

Text is parsed a column at a time: first in the form that most of it has, then what is left in the
other forms of ISO 8601. What states no zone is UTC; a zone is applied or refused, never ignored.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl

from recweave.core.errors import BadInput, BadSetting, did_you_mean
from recweave.data.time_format import TimeFormat

_log = logging.getLogger(__name__)

LATEST = 4_102_444_800
"""2100-01-01 UTC in seconds: what is later does not count seconds, or is a mistake."""

UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""What a time may count, and how many of them are a second."""

_MAGNITUDES = (1e11, 1e14, 1e17)  # a moment from 1973 to 2100 is below the first in seconds, …

UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

ISO = "iso"

_RESTS = ("", "%.f", "%.f%#z", " UTC")
_FAST = (*(f"%Y-%m-%d{by}%H:%M:%S{rest}" for by in " T" for rest in _RESTS), "%Y-%m-%d")
"""The forms that nearly all files have; each is one pass of Polars over the column."""

_RARE = ("%Y%m%d%H%M%S", "%Y-%m", "%Y-%j", "%G-W%V-%u")

_DATE = r"^(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d))"
_CLOCK = r"(?:[Tt ]\s*(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?)?)?"
_OFFSET = r"\s*(?:([Zz]|UTC|GMT)|([+\u2212-])(\d\d)(?::?(\d\d))?(?:\s+[A-Z]{2,5}|\[[^\]]+\])?)?$"
_WRITTEN = _DATE + _CLOCK + _OFFSET

_FARTHEST = 18 * 3_600  # seconds between UTC and any zone, at the most

_CLOCKS = (" %H:%M:%S", " %H:%M", "", " %I:%M:%S %p", " %I:%M %p")
_DAY_FIRST = tuple(
    f"%d{by}%m{by}{year}{clock}" for by in "/.-" for year in ("%Y", "%y") for clock in _CLOCKS
)
_MONTH_FIRST = tuple(
    form.replace("%d", "#").replace("%m", "%d").replace("#", "%m") for form in _DAY_FIRST
)
_NUMERIC = (*_DAY_FIRST, *_MONTH_FIRST)
_OTHERS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y.%m.%d %H:%M:%S",
    "%Y.%m.%d",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %Z",
    "%a %b %d %H:%M:%S %z %Y",
    "%a %b %d %H:%M:%S %Z %Y",
    "%a %b %d %H:%M:%S %Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%B %d, %Y",
)


class TimeForm(NamedTuple):
    """What the times of a column are.

    Attributes:
        unit: A key of `UNITS`, `iso`, or a format; empty if it is not known.
        choices: Formats that fit all the same, where more than one does.
    """

    unit: str
    choices: tuple[str, ...] = ()


def check_unit(unit: str) -> None:
    """Refuse what is neither a unit, `iso`, nor a format of a moment.

    Raises:
        BadSetting: saying what can be given.
    """
    if "%" in unit:
        TimeFormat.of(unit)
    elif unit != ISO and unit not in UNITS:
        hint = did_you_mean(unit, [*UNITS, ISO])
        raise BadSetting(f"time={unit!r} is not known; {hint}, or a format as '%d.%m.%Y'")


def seconds(cells: pl.Series, unit: str) -> pl.Series:
    """Seconds since 1970 UTC of a column; null where a cell is no time of this unit.

    Args:
        cells: Text, numbers, dates, or moments (with or without a zone), which need no unit.
        unit: See `check_unit`; fractions of a second are cut off.

    Raises:
        BadSetting: for another unit.
    """
    kind = cells.dtype
    if kind == pl.Datetime or kind == pl.Date:
        return cells.dt.epoch("s")
    if unit == ISO:
        return _iso(cells.cast(pl.String))
    if "%" in unit:
        return TimeFormat.of(unit).seconds(cells.cast(pl.String))
    check_unit(unit)
    whole = cells.cast(pl.Int64, strict=False)
    if kind == pl.String and whole.null_count() > cells.null_count():
        broken = cells.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
        whole = whole.zip_with(whole.is_not_null(), broken)
    return whole if unit == "s" else whole // UNITS[unit]


def with_seconds(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """A table whose `time` counts seconds since 1970 UTC, whatever it was.

    Dates and moments are converted, and text that is ISO 8601 or of another form that can be told
    for certain. Whole numbers that are all milli-, micro- or nanoseconds by their size are
    converted with a warning; others stay.

    Args:
        frame: A table, with a column `time` or without.
        where: What messages call it.

    Raises:
        BadInput: if the column is of another kind, or a cell of text is no time.
    """
    if "time" not in frame.columns:
        return frame
    time = frame["time"]
    kind = time.dtype
    if kind in (pl.Time, pl.Duration):
        raise BadInput(f"{where}: the column 'time' is a {kind}; give moments or dates")
    if kind == pl.Datetime or kind == pl.Date:
        return frame.with_columns(seconds(time, "s"))
    if kind == pl.String:
        return frame.with_columns(_text_in_seconds(time, where))
    if kind.is_numeric() and len(time):
        if recognised(time.drop_nulls().head(1_000)).unit == ISO:  # 20260301
            return frame.with_columns(_text_in_seconds(time.cast(pl.Int64).cast(pl.String), where))
        least, most = time.min(), time.max()
        unit = recognised(pl.Series([least, most])).unit
        if unit not in ("", "s", ISO) and recognised(pl.Series([least])).unit == unit:
            told = "%s: the times count %s since 1970, as %s does; they are kept as seconds"
            _log.warning(told, where, UNIT_NAMES[unit], time.drop_nulls()[0])
            return frame.with_columns(seconds(time, unit))
    return frame


def _text_in_seconds(time: pl.Series, where: str) -> pl.Series:
    text = time.str.strip_chars().replace("", None)
    found = recognised(text.drop_nulls().head(1_000))
    made = seconds(text, found.unit or ISO)
    bad = made.is_null() & text.is_not_null()
    if bad.any():
        row = int(bad.arg_true()[0])
        raise BadInput(
            f"{where}: time {time[row]!r} in row {row} is no time that can be told for certain; "
            "convert the column to moments first (in Polars: `.str.to_datetime('%d/%m/%Y %H:%M')`)"
        )
    return made


def recognised(cells: pl.Series) -> TimeForm:
    """What the times of a column are, by their size or their form.

    Numbers are seconds, milli-, micro- or nanoseconds by their size: moments from 1973 to 2100
    never look alike. 8 or 14 digits that are dates in most cells are dates (`20260301`).

    Most cells have the say. Days and months are told apart by the cells that only one order fits.

    Args:
        cells: Some cells of a column; blank ones tell nothing.
    """
    if cells.dtype == pl.String:
        cells = cells.str.strip_chars()
        cells = cells.filter(cells != "")
    cells = cells.drop_nulls()
    if not len(cells):
        return TimeForm("")
    numbers = cells.cast(pl.Float64, strict=False)
    if 2 * numbers.count() < len(cells):
        return _recognised_text(cells.cast(pl.String))
    text = cells.cast(pl.String)
    dates = text.filter(text.str.len_bytes().is_in([8, 14]))
    if 2 * _moments(dates, ISO) > len(cells):
        return TimeForm(ISO)
    sizes = np.digitize(numbers.filter(numbers > 0).to_numpy(), _MAGNITUDES)
    return TimeForm(list(UNITS)[np.bincount(sizes, minlength=1).argmax()])


def described(form: TimeForm, example: str) -> str:
    """What times are taken for, for people: `milliseconds since 1970 (1700000000123 is …)`."""
    name = UNIT_NAMES.get(form.unit)
    said = f"{name} since 1970" if name else "ISO 8601 dates"
    said = f"dates of the form {form.unit}" if "%" in form.unit else said
    at = seconds(pl.Series([example]), form.unit)[0]
    return said if at is None else f"{said} ({example} is {datetime.fromtimestamp(at, UTC)})"


def _recognised_text(cells: pl.Series) -> TimeForm:
    """The form that most cells have; a few that are no times do not hide it."""
    for form in (ISO, *_OTHERS):
        if 2 * _moments(cells, form) >= len(cells):
            return TimeForm(form)
    counts = {form: _moments(cells, form) for form in _NUMERIC}
    most = max(counts.values())
    fitting = [form for form, count in counts.items() if count == most]
    if 2 * most < len(cells):
        return TimeForm("")
    return TimeForm("", tuple(fitting)) if len(fitting) > 1 else TimeForm(fitting[0])


def _moments(cells: pl.Series, form: str) -> int:
    """How many cells are of a form; the year 20, for 2020, is of none."""
    made = seconds(cells, form)
    return int(((made >= 0) & (made < LATEST)).sum())


def _iso(cells: pl.Series) -> pl.Series:
    """Every form of ISO 8601 and of PostgreSQL; each parser gets what the one before left."""
    made = pl.repeat(None, len(cells), dtype=pl.Int64, eager=True).alias(cells.name)
    for parse in _iso_parsers(cells):
        left = (made.is_null() & cells.is_not_null()).arg_true()
        if not len(left):
            break
        if len(left) == len(cells):
            made = parse(cells)
        else:
            made = made.scatter(left, parse(cells.gather(left)))
    return made


def _iso_parsers(cells: pl.Series) -> Iterator[Callable[[pl.Series], pl.Series]]:
    """The form of the first cell, as most have it; then all forms; then the rare ones."""
    first = cells.drop_nulls().head(1)
    for form in _FAST:
        if not _parsed(first, form).null_count():
            yield partial(_parsed, form=form)
            break
    yield _any_iso
    for form in _RARE:
        yield partial(_parsed, form=form)


def _parsed(cells: pl.Series, form: str) -> pl.Series:
    return cells.str.to_datetime(form, strict=False, time_unit="us").dt.epoch("s")


def _any_iso(cells: pl.Series) -> pl.Series:
    """A date, or a date with hours (and minutes, and seconds), with an offset or without."""
    found = cells.str.extract_groups(_WRITTEN).struct.unnest()
    names = ("year", "month", "day", "month2", "day2", "hour", "minute", "second")
    found.columns = [*names, "utc", "sign", "hours", "minutes"]
    month, day = pl.coalesce("month", "month2"), pl.coalesce("day", "day2")
    midnight = (pl.col("hour") == "24") & (pl.coalesce("minute", pl.lit("00")) == "00")
    midnight &= pl.coalesce("second", pl.lit("00")) == "00"
    clock = [pl.when(midnight).then(pl.lit("00")).otherwise(pl.col("hour").fill_null("00"))]
    clock += [pl.col(name).fill_null("00") for name in ("minute", "second")]
    text = pl.concat_str("year", month, day, *clock)
    moment = text.str.to_datetime("%Y%m%d%H%M%S", strict=False, time_unit="us").dt.epoch("s")
    moment += pl.when(midnight).then(86_400).otherwise(0)
    minutes = pl.col("minutes").cast(pl.Int64).fill_null(0)
    offset = pl.col("hours").cast(pl.Int64).fill_null(0) * 3_600 + minutes * 60
    offset = pl.when((minutes < 60) & (offset <= _FARTHEST)).then(offset)
    made = moment - pl.when(pl.col("sign") == "+").then(offset).otherwise(-offset)
    return found.select(made.alias(cells.name)).to_series()
