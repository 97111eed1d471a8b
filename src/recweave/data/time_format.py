"""Times of a format as `%d.%m.%Y %H:%M`, with what Polars' parser leaves out.

The parser skips the name of a zone, knows no hour without minutes and no year alone, and takes a
format that names no day. Here a zone is applied or its cell is refused, what is missing is the
first hour, minute or day, and a format that cannot be read back is refused.
"""

import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import polars as pl

from recweave.core.errors import BadSetting
from recweave.core.polars_errors import POLARS_ERRORS

UTC_NAMES = ("UTC", "GMT", "UT", "Z", "UCT", "ZULU")
"""Names of zones, in capitals, that are UTC."""

ZONES = "UTC, GMT and names as Europe/Berlin are known; write others as +02:00 and read them by %z"
"""What can be done where a zone is not known."""

_DIRECTIVE = re.compile(r"%[-_0]?[.:#]*[0-9]?[A-Za-z%+]")
_EXAMPLE = datetime(2021, 11, 23, 14, 35, 47, tzinfo=UTC)
_HOURS, _MINUTES = frozenset("HkIlTRrXcs+"), frozenset("MTRrXcs+")
_MONTHS = frozenset("mbBhDFxcvjUWGVs+")


@dataclass(frozen=True)
class TimeFormat:
    """A format of times.

    Attributes:
        form: As Polars reads it, without the name of a zone.
        before: What is put before each cell: a minute, a month, a day that the format lacks.
        zone: A regular expression of what is before the zone, the zone and what is after it; empty
            if the format has no `%Z`.
    """

    form: str
    before: str = ""
    zone: str = ""

    @classmethod
    @lru_cache
    def of(cls, unit: str) -> "TimeFormat":
        """The format, checked.

        Raises:
            BadSetting: if no moment can be read by it.
        """
        form, zone = _without_zone(unit, unit.replace(".%f", "%.f"))
        form = form.replace("%:z", "%#z").replace("%z", "%#z")
        letters = {found[-1] for found in _DIRECTIVE.findall(form)}
        before = ""
        if letters & _HOURS and not letters & _MINUTES:
            form, before = f"%M {form}", "00 "
        if "Y" in letters and not letters & _MONTHS:
            form, before = f"%m %d {form}", f"01 01 {before}"
        result = cls(form, before, zone)
        result._check(unit)
        return result

    def _check(self, unit: str) -> None:
        """Write a moment and read it back."""
        example = pl.Series([_EXAMPLE])
        try:
            written = example.dt.strftime(self.form.replace("%#z", "%z"))
            read = self._parsed(written).dt.year()[0]
        except (*POLARS_ERRORS, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise BadSetting(f"time={unit!r} is no format of times: {reason}") from None
        if read != _EXAMPLE.year:
            raise BadSetting(
                f"time={unit!r} is no format of a moment: a date written by it cannot be read "
                "back; it needs a year and a day, as '%d.%m.%Y %H:%M' (%I needs %p)"
            )

    def seconds(self, cells: pl.Series) -> pl.Series:
        """Seconds since 1970 UTC; null where a cell is not of the format, or its zone not known."""
        if not self.zone:
            return self._parsed(self.before + cells).dt.epoch("s").alias(cells.name)
        found = cells.str.extract_groups(self.zone).struct.unnest()
        found.columns = ["head", "zone", "tail"]
        text = (self.before + found["head"] + found["tail"]).str.strip_chars()
        moments = self._parsed(text)
        if "%#z" in self.form:  # the offset says it all
            return moments.dt.epoch("s")
        result = pl.repeat(None, len(cells), dtype=pl.Int64, eager=True)
        for zone in found["zone"].drop_nulls().unique():
            rows = (found["zone"] == zone).arg_true()
            result = result.scatter(rows, _in_zone(moments.gather(rows), zone).dt.epoch("s"))
        return result.alias(cells.name)

    def _parsed(self, text: pl.Series) -> pl.Series:
        if "%f" not in self.form:
            return text.str.to_datetime(self.form, strict=False, time_unit="us")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # %f counts nanoseconds; seconds are all that is kept
            return text.str.to_datetime(self.form, strict=False, time_unit="us")


def _without_zone(unit: str, form: str) -> tuple[str, str]:
    """The format without `%Z`, and where a cell has its zone.

    Raises:
        BadSetting: where the zone cannot be separated from the rest.
    """
    before, found, after = form.partition("%Z")
    if not found:
        return form, ""
    if not after:
        return before.rstrip(), r"^(.*?)\s*([A-Za-z][\w/+-]*)()$"
    if before.endswith(" ") and after.startswith(" "):
        words = len(before.split())
        return f"{before}{after.lstrip()}", rf"^((?:\S+\s+){{{words}}})(\S+)\s+(.*)$"
    raise BadSetting(f"time={unit!r}: %Z must be the last, or stand between blanks")


def _in_zone(moments: pl.Series, name: str) -> pl.Series:
    """Moments of a zone as UTC; null where the zone is not known, or the clock skipped them."""
    if name.upper() in UTC_NAMES:
        return moments
    if "/" in name:  # short names mean several zones: CST is Chicago's, Havana's and China's
        try:
            zoned = moments.dt.replace_time_zone(name, ambiguous="earliest", non_existent="null")
            return zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        except POLARS_ERRORS:
            pass
    return pl.repeat(None, len(moments), dtype=moments.dtype, eager=True)
