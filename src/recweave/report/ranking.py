"""Rows in the order of a metric, and whether the best one is significantly better than the rest."""

from collections.abc import Mapping
from math import isfinite

from recweave.evaluate import parse_metric, report_differences
from recweave.evaluate.statistics import holm
from recweave.report.compare import Table
from recweave.runs.summary import Comparison, Row


def ranked_rows(table: Table, metric: str) -> list[Row]:
    """The rows that have a finite value of the metric, best first, equals in the table's order.

    The metric may be a mean over users or one number of all lists, such as gini@10.
    """
    sign = parse_metric(metric).sign
    valued = [(row, row.value(metric)) for row in table.rows]
    known = [(row, value) for row, value in valued if value is not None and isfinite(value)]
    return [row for row, _ in sorted(known, key=lambda pair: -sign * pair[1])]


def best_row(table: Table, metric: str) -> Row:
    """The best row by the metric; the table's first where none has it."""
    return (ranked_rows(table, metric) or list(table.rows))[0]


def ordered(table: Table, metric: str) -> tuple[Row, ...]:
    """All rows, best first; those without the metric come last."""
    ranked = ranked_rows(table, metric)
    return (*ranked, *(row for row in table.rows if row not in ranked))


def lead_over(table: Table, metric: str) -> Mapping[str, Comparison]:
    """How the best row differs from each other row, by that row's name, in the order of the ranks.

    Differences are best less other, paired by user; p is corrected by Holm over these comparisons.
    Empty for a metric of all lists together: it has no value of a user.
    """
    best, *others = ranked_rows(table, metric) or [table.rows[0]]
    shared = [row for row in others if metric in row.means and metric in best.means]
    apart = [report_differences(best.report, row.report, [metric])[metric] for row in shared]
    corrected = holm([difference.p for difference in apart])
    return {
        row.name: Comparison(best.name, metric, difference, p)
        for row, difference, p in zip(shared, apart, corrected, strict=True)
    }
