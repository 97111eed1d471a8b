"""The table of the report: best row first, signs lead colours, definitions on hover."""

from collections.abc import Mapping
from html import escape

from recweave.report.compare import Table
from recweave.report.definitions import definition
from recweave.report.ranking import lead_over, ordered, ranked_rows
from recweave.report.verdict import significance, size
from recweave.runs.summary import Comparison, Row

BETTER, WORSE, CLOSE, BEST = "▲", "▼", "≈", "★"

NOTE = f"""Mean over users with its 95 % confidence interval (bootstrap over users).
{BEST} best row. {BETTER} and {WORSE} in a cell: significantly better or worse than the baseline.
{CLOSE} the best row is not significantly better than this one. Differences are tested user by user
(paired bootstrap) and corrected by Holm for the number of comparisons."""


def html_rows(table: Table, metric: str) -> str:
    """The whole table as HTML, ranked by the metric; every name is escaped."""
    ranked, leads = ranked_rows(table, metric), lead_over(table, metric)
    best = ranked[0] if ranked else None
    head = "".join(
        f'<th><abbr title="{escape(definition(m))}">{escape(m)}</abbr></th>' for m in table.metrics
    )
    memory = any(row.peak_mb is not None for row in table.rows)
    lead = f'<th class="said">against {escape(best.name)}</th>' if best and leads else ""
    costs = "<th>fit, s</th>" + ("<th>memory, MB</th>" if memory else "")
    rows = "".join(_row(table, row, best, leads, memory) for row in ordered(table, metric))
    return (
        f"<table><thead><tr><th>model</th>{head}{lead}{costs}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _row(
    table: Table, row: Row, best: Row | None, leads: Mapping[str, Comparison], memory: bool
) -> str:
    name = escape(row.name) + ("<small>baseline</small>" if row is table.baseline else "")
    first = f"{BEST} {name}" if row is best else name
    cells = "".join(_cell(table, row, metric) for metric in table.metrics)
    if leads:
        cells += _lead(row, best, leads)
    cells += f"<td>{row.fit_seconds:.2f}</td>"
    if memory:
        cells += f"<td>{'–' if row.peak_mb is None else f'{row.peak_mb:,.0f}'}</td>"
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
    if value is None:
        return "<td>–</td>"
    found, sign, kind = table.find(row.name, metric), "", ""
    if found is not None and found.sure:
        sign, kind = (f"{BETTER} ", "better") if found.better else (f"{WORSE} ", "worse")
        kind = f' class="{kind}" title="{escape(f"minus the baseline: {size(found)}")}"'
    interval = row.means.get(metric)
    spread = f"<small>{interval.low:.4f} to {interval.high:.4f}</small>" if interval else ""
    return f"<td{kind}>{sign}{value:.4f}{spread}</td>"
