"""A table for a paper: LaTeX with booktabs."""

import re
from collections.abc import Sequence
from math import isfinite

from recweave.evaluate import parse_metric
from recweave.evaluate.statistics import Interval
from recweave.report.compare import Table
from recweave.report.numbers import half_width, number
from recweave.report.ranking import ranked_rows
from recweave.runs.summary import Row

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
"""Characters that LaTeX would read as commands."""

NOTE = (
    r"needs \usepackage{booktabs}; mean and half of the 95 % interval over users; bold: best,",
    "underlined: second; *: differs from the baseline (paired bootstrap, Holm, 5 %)",
)

NOT_THERE = "--"
"""In place of a number that is not defined."""

SLICE_NOTE = (r"needs \usepackage{booktabs}; mean and half of the 95 % interval over users",)


def to_latex(table: Table) -> str:
    """A tabular: the best value of each metric bold, the second underlined, * where significant."""
    ranks = {metric: _first_two(table, metric) for metric in table.metrics}
    head = ["model", *(_head(metric) for metric in table.metrics)]
    lines = [
        [_name(table, row), *(_cell(table, row, m, ranks[m]) for m in table.metrics)]
        for row in table.rows
    ]
    return tabular(NOTE, head, lines)


def slices_to_latex(table: Table) -> str:
    """A tabular of the slices: a line for each label and row, the mean of each metric."""
    metrics = table.slice_metrics()
    lines = [
        [
            *(escape(text) for text in (one.slice, one.label, one.row)),
            f"{one.users:,}",
            *(_plain(one.values.get(metric)) for metric in metrics),
        ]
        for one in table.slices()
    ]
    head = ["slice", "label", "model", "users", *(_head(metric) for metric in metrics)]
    return tabular(SLICE_NOTE, head, lines, texts=3)


def _plain(cell: Interval | None) -> str:
    if cell is None:
        return NOT_THERE
    return number(cell.mean, missing=NOT_THERE) + half_width(cell)


def tabular(
    note: Sequence[str], head: Sequence[str], lines: Sequence[Sequence[str]], *, texts: int = 1
) -> str:
    """A tabular of cells that are LaTeX already.

    Args:
        note: Lines of a comment above it.
        head: The names of the columns.
        lines: The cells.
        texts: How many of the first columns are texts, set left; the others are numbers.
    """
    comment = "".join(f"% {line}\n" for line in note)
    columns = "l" * texts + "r" * (len(head) - texts)
    body = "\n".join(f"{' & '.join(line)} \\\\" for line in lines)
    return (
        f"{comment}\\begin{{tabular}}{{{columns}}}\n\\toprule\n{' & '.join(head)} \\\\\n"
        f"\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n"
    )


def escape(text: str) -> str:
    r"""Text that LaTeX prints as it is.

    >>> print(escape("item_knn & 5%"))
    item\_knn \& 5\%
    """
    return re.sub(r"[\\~^&%$#_{}]", lambda found: SPECIAL[found.group()], text)


def _head(metric: str) -> str:
    arrow = r"$\downarrow$" if parse_metric(metric).sign < 0 else r"$\uparrow$"
    return f"{escape(metric)} {arrow}"


def _name(table: Table, row: Row) -> str:
    return escape(row.name) + (" (baseline)" if row is table.baseline else "")


def _first_two(table: Table, metric: str) -> list[str]:
    return [row.name for row in ranked_rows(table, metric)[:2]]


def _cell(table: Table, row: Row, metric: str, first_two: list[str]) -> str:
    value = row.value(metric)
    if value is None or not isfinite(value):
        return NOT_THERE
    text = f"{value:.4f}"
    if row.name in first_two:
        text = rf"\{'textbf' if row.name == first_two[0] else 'underline'}{{{text}}}"
    found, half = table.find(row.name, metric), half_width(row.means.get(metric))
    return f"{text}{half}{'$^{*}$' if found is not None and found.sure else ''}"
