"""The table in one paragraph of plain English."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

from recweave.report.compare import Table
from recweave.report.numbers import ends, has_ends, number
from recweave.report.ranking import lead_over, ranked_rows
from recweave.runs.summary import Comparison, Row


def verdict(table: Table, metric: str) -> str:
    """Which row is best by the metric, over which rows that is significant, and what it costs.

    Args:
        table: The rows.
        metric: What they are ranked by.
    """
    ranked = ranked_rows(table, metric)
    if not ranked:
        return f"No row has {metric}, so none can be called the best."
    best = ranked[0]
    said = [f"On {table.data['name']}, {best.name} is best by {metric}: {_value(best, metric)}."]
    said += _leads(table, ranked, metric)
    said.append(f"Its fit took {best.fit_seconds:.1f} s.")
    return " ".join([*said, *_fastest(ranked, metric)])


def chosen_verdict(table: Table, chosen: str, metric: str) -> str:
    """How the row that validation chose does on test, beside the best of the others.

    Args:
        table: The rows.
        chosen: The row's name.
        metric: What validation chose by.
    """
    row = next(one for one in table.rows if one.name == chosen)
    said = [f"Use {chosen}: on {table.data['name']} its {metric} is {_value(row, metric)}."]
    others = [one for one in ranked_rows(table, metric) if one is not row]
    if others and metric in row.means:
        found = lead_over(replace(table, rows=(row, others[0])), metric)
        said += [_beside(found, row, others[0], metric)]
    popular = next((one for one in others[1:] if one.model == "popularity"), None)
    if popular is not None:
        said.append(f"Popularity has {popular.value(metric):.4f}.")
    return " ".join(said)


def _beside(leads: Mapping[str, Comparison], row: Row, other: Row, metric: str) -> str:
    """The chosen row against the best other one, whichever is better."""
    (beaten, found), *_ = leads.items()
    if beaten == other.name:
        return _against(found, other, "the best other row", metric)
    by = f"{size(found, row.value(metric))}, {significance(found)}"
    return f"On test {other.name}, the best other row, is better than it: {by}."


def significance(found: Comparison) -> str:
    """What may be claimed of a difference, given its interval and its corrected p-value."""
    if found.sure:
        return "significant"
    if found.difference.low <= 0 <= found.difference.high:
        return "not significant: the interval includes zero"
    return "not significant after the correction for the number of comparisons"


def size(found: Comparison, base: float | None = None) -> str:
    """A difference with its 95 % interval and, of a value to compare with, its share."""
    by = found.difference
    share = f", {by.mean / base:+.0%}" if base and isfinite(by.mean / base) else ""
    interval = f" (95 % interval {ends(by, '+.4f')})" if has_ends(by) else ""
    return f"{number(by.mean, '+.4f')}{share}{interval}"


def _value(row: Row, metric: str) -> str:
    interval = row.means.get(metric)
    if interval is None:
        return f"{row.value(metric):.4f}, one number of all lists together, without an interval"
    users = len(row.report.per_user)
    found = f"95 % interval {ends(interval)}; " if has_ends(interval) else ""
    return f"{interval.mean:.4f} ({found}{users:,} users)"


def _leads(table: Table, ranked: list[Row], metric: str) -> list[str]:
    """The best row against the runner-up, and against the baseline where that is another."""
    leads = lead_over(table, metric)
    if not leads:
        return []
    second = next(row for row in ranked if row.name in leads)
    said = [_against(leads[second.name], second, "the runner-up", metric)]
    base = table.baseline
    if ranked[0] is base:
        said.append("It is also the baseline.")
    elif second is not base and base.name in leads:
        said.append(_against(leads[base.name], base, "the baseline", metric))
    close = [name for name, found in leads.items() if not found.sure and name != second.name]
    if close:
        said.append(f"Nor is it significantly better than {', '.join(close)}.")
    return said


def _against(found: Comparison, row: Row, what: str, metric: str) -> str:
    by = f"{size(found, row.value(metric))}, {significance(found)}"
    return f"Against {what}, {row.name}: {by}."


def _fastest(ranked: list[Row], metric: str) -> list[str]:
    best, value = ranked[0], ranked[0].value(metric)
    fast = min(ranked, key=lambda row: row.fit_seconds)
    if fast is best or not value:
        return []
    share = (fast.value(metric) or 0.0) / value
    return [f"The fastest, {fast.name} ({fast.fit_seconds:.1f} s), has {share:.0%} of its value."]
