"""The table of the report: best row first, signs lead colours, definitions on hover."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

from recweave.report.compare import Table
from recweave.report.definitions import definition
from recweave.report.numbers import NOT_DEFINED, ends, number
from recweave.report.ranking import lead_over, ordered, ranked_rows
from recweave.report.verdict import significance, size
from recweave.runs.summary import Comparison, Row

BETTER, WORSE, CLOSE, BEST = "▲", "▼", "≈", "★"

NOTE = f"""Mean over users with its 95 % confidence interval (bootstrap over users).
{BEST} best row. {BETTER} and {WORSE} in a cell: significantly better or worse than the baseline.
{CLOSE} the best row is not significantly better than this one. Differences are tested user by user
(paired bootstrap) and corrected by Holm for the number of comparisons."""


@dataclass(frozen=True)
class _Cost:
    """A column of what rows cost; shown if any row has it."""

    head: str
    digits: str
    of: Callable[[Row], float | None]


COSTS = (
    _Cost("fit, s", ".2f", lambda row: row.fit_seconds),
    _Cost("memory, MB", ",.0f", lambda row: row.peak_mb),
    _Cost("stages, ms/list", ".3f", lambda row: row.stage_ms),
)


def html_rows(table: Table, metric: str) -> str:
    """The whole table as HTML, ranked by the metric; every name is escaped."""
    ranked, leads = ranked_rows(table, metric), lead_over(table, metric)
    best = ranked[0] if ranked else None
    head = "".join(
        f'<th><abbr title="{escape(definition(m))}">{escape(m)}</abbr></th>' for m in table.metrics
    )
    costs = [cost for cost in COSTS if any(cost.of(row) is not None for row in table.rows)]
    lead = f'<th class="said">against {escape(best.name)}</th>' if best and leads else ""
    heads = "".join(f"<th>{cost.head}</th>" for cost in costs)
    rows = "".join(_row(table, row, best, leads, costs) for row in ordered(table, metric))
    return (
        f"<table><thead><tr><th>model</th>{head}{lead}{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _row(
    table: Table,
    row: Row,
    best: Row | None,
    leads: Mapping[str, Comparison],
    costs: Sequence["_Cost"],
) -> str:
    name = escape(row.name) + ("<small>baseline</small>" if row is table.baseline else "")
    first = f"{BEST} {name}" if row is best else name
    cells = "".join(_cell(table, row, metric) for metric in table.metrics)
    if leads:
        cells += _lead(row, best, leads)
    for cost in costs:
        value = cost.of(row)
        cells += f"<td>{number(value, cost.digits)}</td>"
    kind = ' class="best"' if row is best else ""
    return f"<tr{kind}><td>{first}</td>{cells}</tr>"


def _lead(row: Row, best: Row | None, leads: Mapping[str, Comparison]) -> str:
    """What may be claimed between the best row and this one."""
    if row is best:
        return '<td class="said">best</td>'
    found = leads.get(row.name)
    if found is None:
        return '<td class="said">–</td>'
    detail = escape(f"best minus this row: {size(found)}, {significance(found)}")
    if found.sure:
        return f'<td class="said" title="{detail}">{WORSE} significantly worse</td>'
    said = f"{CLOSE} not distinguishable from {escape(found.row)}"
    return f'<td class="said" title="{detail}">{said}</td>'


def _cell(table: Table, row: Row, metric: str) -> str:
    value = row.value(metric)
    if value is None or not isfinite(value):
        return f"<td>{NOT_DEFINED}</td>"
    found, sign, kind = table.find(row.name, metric), "", ""
    if found is not None and found.sure:
        sign, kind = (f"{BETTER} ", "better") if found.better else (f"{WORSE} ", "worse")
        kind = f' class="{kind}" title="{escape(f"minus the baseline: {size(found)}")}"'
    interval = ends(row.means.get(metric))
    spread = f"<small>{interval}</small>" if interval else ""
    return f"<td{kind}>{sign}{value:.4f}{spread}</td>"
