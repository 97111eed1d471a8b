"""Times as people write them, to seconds since 1970 UTC.

Text is parsed a column at a time: first in the form that most of it has, then what is left in the
other forms of ISO 8601. What states no zone is UTC; a zone is applied or refused, never ignored.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from recweave.core.errors import BadInput, BadSetting, did_you_mean
from recweave.data.time_format import TimeFormat

if TYPE_CHECKING:
    Dtype = pl.DataType
else:
    Dtype = Any  # the run-time checker of the tests cannot read Polars' class of types

_log = logging.getLogger(__name__)

LATEST = 4_102_444_800
"""2100-01-01 UTC in seconds: what is later does not count seconds, or is a mistake."""

_EARLIEST = 100_000_000
"""March 1973 in seconds: what is earlier may be a date in digits, as 20260301, or a year."""

UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""What a time may count, and how many of them are a second."""

_MAGNITUDES = (1e11, 1e14, 1e17)  # a moment from 1973 to 2100 is below the first in seconds, …

UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

ISO = "iso"

YEAR = "%Y"
"""The form of times that are years alone."""

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
    """Seconds since 1970 UTC of a column; see `seconds_of`.

    Raises:
        BadSetting: for another unit.
    """
    column = seconds_of(pl.col("cells"), cells.dtype, unit)
    return cells.alias("cells").to_frame().select(column).to_series().alias(cells.name)


def seconds_of(cells: pl.Expr, kind: Dtype, unit: str) -> pl.Expr:
    """Seconds since 1970 UTC; null where a cell is no time of this unit.

    Args:
        cells: Text, numbers, dates, or moments (with or without a zone), which need no unit.
        kind: Their type.
        unit: See `check_unit`; fractions of a second are cut off.

    Raises:
        BadSetting: for another unit.
        InvalidOperationError: of Polars, for clock times and durations.
    """
    check_unit(unit)
    if kind == pl.Time or kind == pl.Duration:
        raise pl.exceptions.InvalidOperationError(f"{kind} where a moment is expected")
    if kind == pl.Datetime or kind == pl.Date:
        return cells.dt.epoch("s")
    if unit not in UNITS:
        parse = _iso if unit == ISO else TimeFormat.of(unit).seconds
        return _digits(cells, kind).map_batches(parse, return_dtype=pl.Int64, is_elementwise=True)
    whole = cells.cast(pl.Int64, strict=False)
    if kind == pl.String:
        fraction = cells.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
        whole = pl.coalesce(whole, fraction)
    return whole if unit == "s" else whole // UNITS[unit]


def _digits(cells: pl.Expr, kind: Dtype) -> pl.Expr:
    """Cells as text; a year that pandas holds as 2019.0 is `2019`."""
    return (cells.cast(pl.Int64, strict=False) if kind.is_float() else cells).cast(pl.String)


def with_seconds(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """A table whose `time` counts seconds since 1970 UTC, whatever it was.

    Dates and moments are converted, and text that is ISO 8601 or of another form that leaves no
    doubt. Numbers that are all milli-, micro- or nanoseconds by their size, or all years from 1900
    to 2099, are converted with a warning; others stay.

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
    if kind.is_numeric() and not _plain_seconds(time):
        if recognised(time.drop_nulls().head(1_000)).unit == ISO:  # 20260301
            return frame.with_columns(_text_in_seconds(time.cast(pl.Int64).cast(pl.String), where))
        least, most = (recognised(pl.Series([end])).unit for end in (time.min(), time.max()))
        if least == most and most not in ("", "s", ISO):
            example = time.drop_nulls()[0]
            warning = "%s: the times are read as %s; give frames seconds since 1970, or moments"
            _log.warning(warning, where, described(TimeForm(most), example))
            return frame.with_columns(seconds(time, most))
    return frame


def _plain_seconds(time: pl.Series) -> bool:
    """Whether numbers are seconds from 1973 to 2100 beyond doubt; so nearly all are."""
    least: Any = time.min()
    most: Any = time.max()
    return least is None or bool(least >= _EARLIEST and most <= LATEST)


def _text_in_seconds(time: pl.Series, where: str) -> pl.Series:
    text = time.str.strip_chars().replace("", None)
    found = recognised(text.drop_nulls().head(1_000))
    moments = seconds(text, found.unit or ISO)
    bad = moments.is_null() & text.is_not_null()
    if bad.any():
        row = int(bad.arg_true()[0])
        raise BadInput(
            f"{where}: time {time[row]!r} in row {row} is of no form that leaves no doubt; "
            "convert the column to moments first (in Polars: `.str.to_datetime('%d/%m/%Y %H:%M')`)"
        )
    return moments


def recognised(cells: pl.Series) -> TimeForm:
    """What the times of a column are, by their size or their form.

    Numbers are seconds, milli-, micro- or nanoseconds by their size: moments from 1973 to 2100
    never look alike. 8 or 14 digits that are dates in most cells are dates (`20260301`), and 4
    digits from 1900 to 2099 are years.

    The form of most cells decides. Days and months are distinguished by the cells that only one
    order fits.

    Args:
        cells: Some cells of a column; blank ones do not count.
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
    text = cells.alias("cells").to_frame().select(_digits(pl.col("cells"), cells.dtype)).to_series()
    if 2 * int(text.str.contains(r"^(19|20)\d\d$").sum()) > len(cells):
        return TimeForm(YEAR)
    dates = text.filter(text.str.len_bytes().is_in([8, 14]))
    if 2 * len(dates) > len(cells) and 2 * _moments(dates, ISO) > len(cells):
        return TimeForm(ISO)
    sizes = np.digitize(numbers.filter(numbers > 0).to_numpy(), _MAGNITUDES)
    return TimeForm(list(UNITS)[np.bincount(sizes, minlength=1).argmax()])


def described(form: TimeForm, example: Any) -> str:
    """What times are taken for, for people: `milliseconds since 1970 (1700000000123 is …)`."""
    name = UNIT_NAMES.get(form.unit)
    meaning = f"{name} since 1970" if name else "ISO 8601 dates"
    meaning = f"dates of the form {form.unit}" if "%" in form.unit else meaning
    meaning = "years" if form.unit == YEAR else meaning
    at = seconds(pl.Series([example]), form.unit)[0]
    return meaning if at is None else f"{meaning} ({example} is {datetime.fromtimestamp(at, UTC)})"


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
    result = seconds(cells, form)
    return int(((result >= 0) & (result < LATEST)).sum())


def _iso(cells: pl.Series) -> pl.Series:
    """Every form of ISO 8601 and of PostgreSQL; each parser gets what the one before left."""
    result = pl.repeat(None, len(cells), dtype=pl.Int64, eager=True).alias(cells.name)
    for parse in _iso_parsers(cells):
        left = (result.is_null() & cells.is_not_null()).arg_true()
        if not len(left):
            break
        if len(left) == len(cells):
            result = parse(cells)
        else:
            result = result.scatter(left, parse(cells.gather(left)))
    return result


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
    result = moment - pl.when(pl.col("sign") == "+").then(offset).otherwise(-offset)
    return found.select(result.alias(cells.name)).to_series()
