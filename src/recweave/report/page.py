"""report.html: what was found, in words, a table and pictures; one file that needs no network."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from recweave.core.errors import MissingExtra
from recweave.report.compare import Table, table_of
from recweave.report.plots import plots
from recweave.report.verdict import verdict
from recweave.runs.summary import Row, Summary

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 1040px;
       margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0 } .sub { color: #57606a; margin-top: .2rem }
.verdict { background: #eef6ff; border-left: 4px solid #0969da; padding: .8rem 1rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid #d8dee4 }
th:first-child, td:first-child { text-align: left } tr.base td:first-child::after
{ content: " (baseline)"; color: #57606a } small { color: #57606a } td.better { color: #1a7f37 }
td.worse { color: #cf222e } .scroll { overflow-x: auto } figure { margin: 0 } svg { max-width: 100%;
height: auto } .plots { display: grid; gap: 2rem;
grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)) } figcaption { font-weight: 600 }
code, pre { background: #f6f8fa; font-size: .85em } pre { padding: .8rem; overflow-x: auto }
"""


def write_report(run: Summary, path: Path) -> None:
    """Write the report of a run. Without the extra `plots` it says so in the pictures' place."""
    path.write_text(page(run), encoding="utf-8")


def page(run: Summary) -> str:
    """The report as HTML. Every text of the data or the recipe is escaped."""
    table = table_of(run)
    metric = _drawn(run, table)
    where = {key: told for key, told in run.environment.items() if key != "base_dir"}
    title = run.experiment.title or f"recweave on {run.data['name']}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body>
<h1>{escape(title)}</h1>
<p class="sub">{escape(_about(run))}</p>
<p class="verdict">{escape(verdict(table, metric))}</p>
<h2>The table</h2>
<div class="scroll">{_table(table)}</div>
<p><small>Mean over users with its 95 % interval (bootstrap over users). Green and red: better and
worse than the baseline beyond chance, user by user, corrected by Holm for the number of
comparisons. Protocol: {escape(run.experiment.protocol)}; {escape(_judged(run))}</small></p>
<h2>Pictures</h2>
{_pictures(table, metric)}
<h2>How it was made</h2>
{_settings(run)}
{_features(run)}
<p>Split: <code>{escape(run.data["split"])}</code>. {escape(_filters(run.data))}</p>
<p>Licence of the data: {escape(run.data["licence"])}.</p>
<pre>{escape(json.dumps(where, indent=1))}</pre>
</body></html>
"""


JUDGED = {
    "lists": "every list is ranked over the whole catalogue, ties by a fixed hash of the item id, "
    "items of the user's history hidden.",
    "ratings": "predicted ratings against the held-out ones, pair by pair.",
    "clicks": "the probability of each held-out event, over all events together; intervals from "
    "drawing users with replacement.",
    "impressions": "each impression ranked as it was shown, ties by expectation; means over "
    "impressions.",
}
"""What the numbers of each task are read from."""


def _judged(run: Summary) -> str:
    """What the numbers were read from, and which rows by less than that."""
    told = [JUDGED[run.experiment.task]]
    if run.experiment.task == "clicks":
        told += [
            f"{row.name} gives no probabilities and is judged by the order of its "
            f"{row.report.judged_by}s alone."
            for row in run.rows
            if row.report.judged_by != "probability"
        ]
    left_out = {row.report.left_out for row in run.rows} - {0}
    if left_out:
        told.append(f"{max(left_out):,} impressions say nothing about an order and are left out.")
    return " ".join(told)


def _drawn(run: Summary, table: Table) -> str:
    """The metric that the pictures and the verdict go by."""
    asked = (run.experiment.choose, *table.metrics)
    shown = [m for m in asked if any(m in row.means for row in table.rows)]
    return shown[0] if shown else table.metrics[0]


def _about(run: Summary) -> str:
    data = run.data
    told = (
        f"{data['name']}: {data['users']:,} users, {data['items']:,} items; "
        f"{data['train']:,} training, {data['valid']:,} validation, {data['test']:,} test events"
    )
    if data.get("folds", 1) > 1:
        told += f" in the first of {data['folds']} folds"
    shown = data.get("impressions")
    if run.experiment.task == "impressions" and shown:
        told += f"; {shown['train']:,} / {shown['valid']:,} / {shown['test']:,} impressions"
    return told


def _filters(data: Mapping[str, Any]) -> str:
    took = [f"{one['filter']} took {one['events']:,} events" for one in data["removed"]]
    told = f"Filters: {'; '.join(took)}." if took else "No filters."
    if data["dropped"]:
        told += f" {data['dropped']:,} events after a user's first held-out one were dropped."
    return told


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(m)}</th>" for m in table.metrics)
    rows = "".join(_row(table, row) for row in table.rows)
    return (
        f"<table><thead><tr><th>model</th>{head}<th>fit, s</th><th>memory, MB</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _row(table: Table, row: Row) -> str:
    cells = "".join(_cell(table, row, metric) for metric in table.metrics)
    memory = "–" if row.peak_mb is None else f"{row.peak_mb:,.0f}"
    kind = ' class="base"' if row is table.baseline else ""
    return (
        f"<tr{kind}><td>{escape(row.name)}</td>{cells}"
        f"<td>{row.fit_seconds:.2f}</td><td>{memory}</td></tr>"
    )


def _cell(table: Table, row: Row, metric: str) -> str:
    value = row.value(metric)
    if value is None:
        return "<td>–</td>"
    found = table.find(row.name, metric)
    colour = ""
    if found is not None and found.sure:
        colour = ' class="better"' if found.better else ' class="worse"'
    interval = row.means.get(metric)
    spread = f"<br><small>{interval.low:.4f}–{interval.high:.4f}</small>" if interval else ""
    return f"<td{colour}>{value:.4f}{spread}</td>"


def _pictures(table: Table, metric: str) -> str:
    try:
        made = plots(table, metric)
    except MissingExtra as error:
        return f"<p>No pictures: {escape(str(error))}</p>"
    figures = (
        f"<figure><figcaption>{escape(head)}</figcaption>{svg}</figure>"
        for head, svg in made.items()
    )
    return f'<div class="plots">{"".join(figures)}</div>'


def _settings(run: Summary) -> str:
    """What each row was fitted with."""
    lines = []
    for row in run.rows:
        settings = ", ".join(f"{k} = {v}" for k, v in row.settings.items()) or "no settings"
        chosen = (
            f"; validation chose among {row.tried} by {run.experiment.choose}" if row.tried else ""
        )
        lines.append(f"<li><b>{escape(row.name)}</b>: {escape(settings + chosen)}</li>")
    return f"<ul>{''.join(lines)}</ul>"


def _features(run: Summary) -> str:
    """What the recipe's features were made from, and what that took when it was first done."""
    lines = [
        f"<li><b>{escape(name)}</b>: {escape(told['source'])} ({escape(told['encoder'])}), "
        f"{told['present']:,} vectors in {told['seconds']:.1f} s</li>"
        for name, told in run.features.items()
    ]
    return f"<p>Features:</p><ul>{''.join(lines)}</ul>" if lines else ""
