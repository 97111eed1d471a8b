"""Pictures of a table, as SVG: made once, so a report opens anywhere without a network."""

from typing import Any

import polars as pl

from recweave.core.extras import require
from recweave.report.compare import Table

WIDTH, HEIGHT = 380, 240


def plots(table: Table, metric: str) -> dict[str, str]:
    """Heading to SVG, for those that the table has numbers for.

    Args:
        table: The rows.
        metric: The one that is drawn; a metric with one value per user.

    Raises:
        MissingExtra: without altair and vl-convert.
    """
    alt = require("altair", extra="plots")
    made = {
        f"{metric} with 95 % intervals": _intervals(alt, table, metric),
        "Accuracy against coverage": _coverage(alt, table, metric),
        "Time and memory of the fit": _cost(alt, table),
        **_slices(alt, table, metric),
        **_sources(alt, table),
    }
    return {head: _svg(chart) for head, chart in made.items() if chart is not None}


def _svg(chart: Any) -> str:
    convert = require("vl_convert", extra="plots")
    spec = chart.configure_view(stroke=None).configure_axis(grid=True, gridOpacity=0.4).to_json()
    return str(convert.vegalite_to_svg(spec))


def _intervals(alt: Any, table: Table, metric: str) -> Any:
    rows = [
        {"row": r.name, "mean": v.mean, "low": v.low, "high": v.high}
        for r in table.rows
        if (v := r.means.get(metric)) is not None
    ]
    if not rows:
        return None
    frame = alt.Chart(pl.DataFrame(rows)).properties(width=WIDTH, height=max(60, 24 * len(rows)))
    y = alt.Y("row:N", sort=None, title=None)
    bars = frame.mark_bar(color="#9ecae1").encode(x=alt.X("mean:Q", title=metric), y=y)
    lines = frame.mark_rule(color="#08519c", size=2).encode(x="low:Q", x2="high:Q", y=y)
    return bars + lines


def _coverage(alt: Any, table: Table, metric: str) -> Any:
    named = [m for m in table.metrics if m.startswith("coverage@")]
    rows = [
        {"row": r.name, "accuracy": r.means[metric].mean, "coverage": r.report.whole[named[0]]}
        for r in table.rows
        if named and named[0] in r.report.whole and metric in r.means
    ]
    if not rows:
        return None
    frame = alt.Chart(pl.DataFrame(rows)).properties(width=WIDTH, height=HEIGHT)
    place = {
        "x": alt.X("coverage:Q", title=f"{named[0]}: share of the catalogue shown to anybody"),
        "y": alt.Y("accuracy:Q", title=metric),
    }
    points = frame.mark_circle(size=90, color="#08519c").encode(**place)
    return points + frame.mark_text(align="left", dx=8).encode(text="row:N", **place)


def _cost(alt: Any, table: Table) -> Any:
    rows = [
        {"row": r.name, "what": what, "value": value}
        for r in table.rows
        for what, value in (("seconds", r.fit_seconds), ("megabytes", r.peak_mb))
        if value is not None
    ]
    frame = alt.Chart(pl.DataFrame(rows)).properties(width=WIDTH // 2, height=24 * len(table.rows))
    bars = frame.mark_bar(color="#9ecae1").encode(
        x=alt.X("value:Q", title=None), y=alt.Y("row:N", sort=None, title=None)
    )
    return bars.facet(column=alt.Column("what:N", title=None)).resolve_scale(x="independent")


def _slices(alt: Any, table: Table, metric: str) -> dict[str, Any]:
    """One picture for each way of slicing."""
    charts = {}
    ways = dict.fromkeys(way for row in table.rows for way in row.report.slices)
    for way in ways:
        rows = [
            {"row": r.name, "slice": label, "value": values[metric].mean}
            for r in table.rows
            for label, values in r.slice_means(way).items()
            if metric in values
        ]
        if rows:
            charts[f"{metric} by {way}"] = _slice(alt, pl.DataFrame(rows), metric)
    return charts


def _slice(alt: Any, frame: pl.DataFrame, metric: str) -> Any:
    names = frame["slice"].unique(maintain_order=True).to_list()
    chart = alt.Chart(frame).properties(width=WIDTH, height=HEIGHT)
    x = alt.X("slice:N", sort=names, title=None, axis=alt.Axis(labelAngle=0))
    y = alt.Y("value:Q", title=metric)
    color = alt.Color("row:N", sort=None, title=None, legend=alt.Legend(orient="bottom", columns=4))
    if len(names) > 5:  # an ordered scale, such as popularity deciles
        return chart.mark_line(point=True).encode(x=x, y=y, color=color)
    return chart.mark_bar().encode(x=x, y=y, color=color, xOffset=alt.XOffset("row:N", sort=None))


def _sources(alt: Any, table: Table) -> dict[str, Any]:
    """One picture for each row of several sources."""
    charts = {}
    for row in table.rows:
        parts = [
            {"tenth": place, "source": name, "share": share}
            for name, shares in row.sources.items()
            for place, share in enumerate(shares, 1)
        ]
        if parts:
            frame = alt.Chart(pl.DataFrame(parts)).properties(width=WIDTH, height=HEIGHT)
            x = alt.X("tenth:O", title="tenth of the catalogue, from the least popular")
            legend = alt.Legend(orient="bottom", columns=2)
            color = alt.Color("source:N", sort=None, title=None, legend=legend)
            y = alt.Y("share:Q", title="share in the score", scale=alt.Scale(domain=[0, 1]))
            axes = {"x": x.axis(labelAngle=0), "y": y, "color": color}
            charts[f"{row.name}: where scores come from"] = frame.mark_bar().encode(**axes)
    return charts
