"""Numbers of a report as text. One that is not defined, such as an AUC of one class, is a dash."""

from math import isfinite

from recweave.evaluate.statistics import Interval

NOT_DEFINED = "–"
"""In place of a number."""


def number(value: float | None, digits: str = ".4f", missing: str = NOT_DEFINED) -> str:
    """A number with its digits; `missing` where there is none, or it is NaN or infinite.

    >>> number(0.25), number(float("nan")), number(None, missing="--")
    ('0.2500', '–', '--')
    """
    return format(value, digits) if value is not None and isfinite(value) else missing


def has_ends(interval: Interval | None) -> bool:
    """Whether an interval is there and both of its ends are defined."""
    return interval is not None and isfinite(interval.low) and isfinite(interval.high)


def ends(interval: Interval | None, digits: str = ".4f") -> str:
    """Both ends of an interval, "low to high"; empty where they are not defined."""
    if interval is None or not has_ends(interval):
        return ""
    return f"{interval.low:{digits}} to {interval.high:{digits}}"


def half_width(interval: Interval | None, missing: str = "") -> str:
    r"""Half of an interval for LaTeX, " $\pm$ 0.0100"; `missing` where it is not defined."""
    if interval is None or not has_ends(interval):
        return missing
    return rf" $\pm$ {(interval.high - interval.low) / 2:.4f}"
