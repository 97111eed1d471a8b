"""The table in one paragraph of plain words."""

from math import isfinite

from recweave.evaluate.metrics import parse_metric
from recweave.report.compare import Table
from recweave.runs.summary import Comparison, Row


def ranked_rows(table: Table, metric: str) -> list[Row]:
    """The rows that have the metric, best first."""
    sign = parse_metric(metric).sign
    judged = [row for row in table.rows if metric in row.means and isfinite(row.means[metric].mean)]
    return sorted(judged, key=lambda row: -sign * row.means[metric].mean)


def best_row(table: Table, metric: str) -> Row:
    """The best row by the metric; the table's first where none has it."""
    return (ranked_rows(table, metric) or list(table.rows))[0]


def verdict(table: Table, metric: str) -> str:
    """Who is best by the metric, whether that is sure, and what it costs.

    Args:
        table: The rows.
        metric: What they are judged by.
    """
    ranked = ranked_rows(table, metric)
    if not ranked:
        return f"No row has {metric}, so none can be called the best."
    best, base = ranked[0], table.baseline
    value = best.means[metric]
    told = [
        f"On {table.data['name']}, judged by {metric} over {len(best.report.per_user):,} users, "
        f"{best.name} is best: {value.mean:.4f} (95 % interval {value.low:.4f} to "
        f"{value.high:.4f})."
    ]
    if best is base:
        rivals = [table.find(row.name, metric) for row in ranked[1:]]
        close = [c.row for c in rivals if c is not None and not c.sure]
        told.append(f"It is also the baseline; {_close(close)}.")
    else:
        found = table.find(best.name, metric)
        if found is not None:
            told.append(_gain(found, base, metric))
    told.append(f"It was fitted in {best.fit_seconds:.1f} s.")
    cheap = min(ranked, key=lambda row: row.fit_seconds)
    if cheap is not best and value.mean:
        share = cheap.means[metric].mean / value.mean
        told.append(
            f"The quickest, {cheap.name} ({cheap.fit_seconds:.1f} s), comes to {share:.0%} of it."
        )
    return " ".join(told)


def _close(rows: list[str]) -> str:
    if not rows:
        return "every other row is worse, beyond chance"
    return f"{', '.join(rows)} cannot be told apart from it"


def _gain(found: Comparison, base: Row, metric: str) -> str:
    difference = found.difference
    mean = base.means[metric].mean
    size = f"{difference.mean:+.4f}" + (f", {difference.mean / mean:+.0%}" if mean else "")
    between = f"between {difference.low:+.4f} and {difference.high:+.4f}"
    if found.sure:
        return f"That differs from {base.name} by {size} ({between}): more than chance explains."
    return f"Against {base.name} ({size}, {between}) chance cannot be ruled out."
