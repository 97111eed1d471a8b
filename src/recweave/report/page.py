"""report.html: what was found, in words, a table, users and plots; one file without a network."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from recweave.bundle import Bundle
from recweave.core.errors import BadArtifact, MissingExtra
from recweave.evaluate.clicks import tpr_of
from recweave.models import RECIPES
from recweave.report.compare import Table, table_of
from recweave.report.definitions import definitions
from recweave.report.headline import headline
from recweave.report.numbers import number
from recweave.report.people import people
from recweave.report.people_html import html_people
from recweave.report.pictures import picture_folders
from recweave.report.plots import plots
from recweave.report.ranking import best_row
from recweave.report.style import STYLE
from recweave.report.table_html import NOTE, html_rows
from recweave.report.verdict import verdict
from recweave.report.warnings_html import html_warnings
from recweave.runs.folder import RunFolder
from recweave.runs.summary import Row, Summary

LARGEST = 500 * 2**20
"""Bytes of a bundle beyond which a report does not load it to show users."""


def write_report(run: Summary, path: Path) -> None:
    """Write the report of a run. Without the extra `plots` it says so instead of plots."""
    path.write_text(page(run), encoding="utf-8")


def page(run: Summary) -> str:
    """The report as HTML. Every text of the data or the recipe is escaped."""
    table = table_of(run)
    metric = _deciding(run, table)
    title = run.experiment.title or f"recweave on {run.data['name']}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body>
<h1>{escape(title)}</h1>
<p class="sub">{escape(_about(run))}</p>
<p class="headline">{escape(headline(run, table, metric))}</p>
<p>{escape(verdict(table, metric))}</p>
{html_warnings(run)}
<h2>All rows, ranked by {escape(metric)}</h2>
<div class="scroll">{html_rows(table, metric)}</div>
<p class="note">{escape(NOTE)} Protocol: {escape(run.experiment.protocol)};
{escape(_evaluated_on(run))}</p>
<details class="note"><summary>What the metrics mean</summary>{_list(definitions(table.metrics))}
</details>
{_people(run, best_row(table, metric))}
{_plots(table, metric)}
<h2>How it was made</h2>
{_list({row.name: _settings(run, row) for row in table.rows})}
{_features(run)}
<p>Split: {escape(_split(run.data["split"]))}. {escape(_filters(run.data))}</p>
<p>Licence of the data: {escape(run.data["licence"])}.</p>
<details><summary>Machine and versions</summary>{_list(_flat(run.environment))}</details>
</body></html>
"""


EVALUATED_ON = {
    "lists": "every list is ranked over the whole catalogue, ties by a fixed hash of the item id; "
    "items of the user's history are hidden.",
    "ratings": "predicted ratings against the held-out ones, pair by pair.",
    "clicks": "the probability of each held-out event, over all events together; intervals are of "
    "users sampled with replacement.",
    "impressions": "each impression ranked as it was shown, ties by expectation; means over "
    "impressions.",
}
"""What the numbers of each task are computed from."""


def _evaluated_on(run: Summary) -> str:
    """What the numbers were computed from, and for which rows from less than that."""
    said = [EVALUATED_ON[run.experiment.task]]
    if run.experiment.task == "clicks":
        said += [
            f"{row.name} gives no probabilities and is evaluated by the order of its "
            f"{row.report.judged_by}s alone."
            for row in run.rows
            if row.report.judged_by != "probability"
        ]
        said.append(f"Predicted positive: {_decided(run)}.")
    left_out = {row.report.left_out for row in run.rows} - {0}
    if left_out:
        said.append(f"{max(left_out):,} impressions say nothing about an order and are left out.")
    return " ".join(said)


def _decided(run: Summary) -> str:
    """Where click models say yes, and what that comes to for each row if validation decides it."""
    tpr = tpr_of(run.experiment.decide_at)
    if tpr is None:
        return f"a probability of {run.experiment.decide_at:g} or more"
    found = ", ".join(
        f"{row.name} {number(row.report.decided_at, '.3f')}"
        for row in run.rows
        if row.report.decided_at is not None
    )
    return f"the probability that finds {tpr:.0%} of the liked pairs of validation ({found})"


def _deciding(run: Summary, table: Table) -> str:
    """The metric that ranks the rows, and that the sentences and plots are about."""
    metrics = (run.experiment.choose, *table.metrics)
    shown = [m for m in metrics if any(row.value(m) is not None for row in table.rows)]
    return shown[0] if shown else table.metrics[0]


def _about(run: Summary) -> str:
    data = run.data
    said = (
        f"{data['name']}: {data['users']:,} users, {data['items']:,} items; "
        f"{data['train']:,} training, {data['valid']:,} validation, {data['test']:,} test events"
    )
    if data.get("folds", 1) > 1:
        said += f" in the first of {data['folds']} folds"
    shown = data.get("impressions")
    if run.experiment.task == "impressions" and shown:
        said += f"; {shown['train']:,} / {shown['valid']:,} / {shown['test']:,} impressions"
    return said


def _split(how: str) -> str:
    """The splitter and its settings; the text itself where it is another package's own."""
    try:
        settings = {k: v for k, v in json.loads(how).items() if v not in (None, [], False)}
    except (ValueError, AttributeError):
        return how
    kind = settings.pop("kind", "")
    said = ", ".join(f"{k} = {_plain(v)}" for k, v in settings.items())
    return f"{kind} ({said})" if said else kind


def _filters(data: Mapping[str, Any]) -> str:
    removed = [f"{one['filter']} removed {one['events']:,} events" for one in data["removed"]]
    said = f"Filters: {'; '.join(removed)}." if removed else "No filters."
    if data["dropped"]:
        said += f" {data['dropped']:,} events after a user's first held-out one were dropped."
    return said


def _people(run: Summary, row: Row) -> str:
    """Three users of the best row, where the run kept its bundle and it is not huge."""
    folder = RunFolder(run.path).bundle(row.name)
    if not folder.is_dir() or _bytes(folder) > LARGEST:
        return ""
    try:
        persons = people(Bundle.load(folder))
    except (MissingExtra, BadArtifact) as error:  # such as a bundle of an older version
        return f'<p class="note">No users are shown: {escape(str(error))}</p>'
    if not persons:
        return ""
    return (
        f"<h2>Three users, and what {escape(row.name)} recommends to them</h2>"
        f'<p class="note">Picked by a hash of their ids. Their histories hold all events, the '
        f"held-out ones too.</p>"
        f"{html_people(persons, picture_folders(run))}"
    )


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _plots(table: Table, metric: str) -> str:
    try:
        charts = plots(table, metric)
    except MissingExtra as error:
        return f'<p class="note">No plots: {escape(str(error))}</p>'
    figures = (
        f"<figure><figcaption>{escape(head)}</figcaption>{svg}</figure>"
        for head, svg in charts.items()
    )
    return f'<h2>Plots</h2><div class="plots">{"".join(figures)}</div>' if charts else ""


def _settings(run: Summary, row: Row) -> str:
    """The settings that differ from the model's defaults, and how many were tried."""
    settings = dict(row.settings)
    if row.model in RECIPES:
        recipe = RECIPES[row.model].parse(settings, f"row '{row.name}'")
        settings = recipe.model_dump(mode="json", exclude_defaults=True)
    said = ", ".join(f"{k} = {_plain(v)}" for k, v in settings.items()) or "defaults"
    tried = f"; chosen among {row.tried} by {run.experiment.choose} on validation"
    return said + (tried if row.tried > 1 else "")


def _plain(value: Any) -> str:
    """A value without brackets and quotes, as far as that is clear."""
    if isinstance(value, Mapping):
        if value.keys() == {"name", "settings"}:  # a model inside a model
            inner = _plain(value["settings"])
            return f"{value['name']} ({inner})" if inner else str(value["name"])
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
    if isinstance(value, list):
        return " + ".join(_plain(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _features(run: Summary) -> str:
    """What the recipe's features were made from, and how long that took when it was first done."""
    lines = {
        name: f"{made['source']} ({made['encoder']}), {made['present']:,} vectors in "
        f"{made['seconds']:.1f} s"
        for name, made in run.features.items()
    }
    return f"<h3>Features</h3>{_list(lines)}" if lines else ""


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """The machine for people: a line for each part of it."""
    return {key: _plain(value) for key, value in environment.items() if key != "base_dir"}


def _list(lines: Mapping[str, str]) -> str:
    parts = (f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in lines.items())
    return f"<dl>{''.join(parts)}</dl>"
