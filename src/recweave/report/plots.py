"""Plots of a table, as SVG: made once, so a report opens anywhere without a network."""

from collections.abc import Sequence
from math import isfinite, isnan, nan
from typing import Any

import polars as pl

from recweave.core.extras import require
from recweave.evaluate.metrics import POOL
from recweave.report.compare import Table
from recweave.report.labels import place_labels
from recweave.report.ranking import ranked_rows
from recweave.runs.summary import Row

WIDTH, HEIGHT = 380, 240
BAR, DARK = "#5b9bd5", "#d9822b"
"""Of bars, and of the lines over them; both are visible on white and on black."""
MOST = 6
"""Rows of one plot by slices: more colours cannot be distinguished."""
VARIETY = {
    "coverage": "coverage",
    "category_entropy": "the variety of categories",
    "ild": "the distance of listed items",
    "personalization": "personalization",
}
"""Metrics that accuracy is plotted against, and what the plot calls them."""
TITLES = {"coverage": "{}: share of the catalogue shown to any user"}
"""Titles of axes, where a metric's name alone says little."""
HIGH = 0.8
"""Where the second plot of the ROC curves starts."""


def plots(table: Table, metric: str) -> dict[str, str]:
    """Heading to SVG, for those that the table has numbers for; rows are best first.

    Args:
        table: The rows.
        metric: The one to plot.

    Raises:
        MissingExtra: without altair and vl-convert.
    """
    alt = require("altair", extra="plots")
    rows = ranked_rows(table, metric)
    charts = {
        f"{metric} with 95 % intervals": _intervals(alt, rows, metric),
        **_frontiers(alt, table, rows, metric),
        "Seconds of the fit": _bars(alt, "seconds", {r.name: r.fit_seconds for r in rows}),
        "Memory of the fit": _bars(alt, "megabytes", {r.name: r.peak_mb for r in rows}),
        **_roc(alt, rows),
        **_slices(alt, rows, metric),
        **_sources(alt, table),
    }
    return {head: _svg(chart) for head, chart in charts.items() if chart is not None}


def _svg(chart: Any) -> str:
    convert = require("vl_convert", extra="plots")
    chart = chart.configure_view(stroke=None).configure(background="transparent")
    chart = chart.configure_axis(
        grid=True, gridColor="#888", gridOpacity=0.25, domainColor="#888", tickColor="#888",
        labelLimit=170,
    )  # fmt: skip
    return str(convert.vegalite_to_svg(chart.to_json()))


def _height(rows: int) -> int:
    return max(60, 26 * rows)


def _intervals(alt: Any, rows: Sequence[Row], metric: str) -> Any:
    lines = [
        {"row": r.name, "mean": v.mean, "low": v.low, "high": v.high}
        for r in rows
        if (v := r.means.get(metric)) is not None
    ]
    if not lines:
        return None
    frame = alt.Chart(pl.DataFrame(lines)).properties(width=WIDTH, height=_height(len(lines)))
    y = alt.Y("row:N", sort=None, title=None)
    bars = frame.mark_bar(color=BAR).encode(x=alt.X("mean:Q", title=metric), y=y)
    ends = frame.mark_rule(color=DARK, size=3).encode(x="low:Q", x2="high:Q", y=y)
    return bars + ends


def _frontiers(alt: Any, table: Table, rows: Sequence[Row], metric: str) -> dict[str, Any]:
    """Accuracy against each measure of variety that the table has: what one costs the other."""
    charts = {}
    for name in table.metrics:
        of_pool = name.startswith(POOL)
        kind = name.removeprefix(POOL).partition("@")[0]
        if kind in VARIETY:
            near = [m for m in table.metrics if m.startswith(f"{POOL}ndcg@")] if of_pool else []
            accuracy = next(iter(near), metric)
            where = " of the pool" if of_pool else ""
            head = f"Accuracy against {VARIETY[kind]}{where}"
            charts[head] = _against(alt, rows, accuracy, name)
    return charts


def _value(row: Row, metric: str) -> float:
    """A metric of a row; NaN where it has none."""
    found = row.means.get(metric)
    return row.report.whole.get(metric, nan) if found is None else found.mean


def _against(alt: Any, rows: Sequence[Row], accurate: str, varied: str) -> Any:
    points = [
        (row.name, x, y)
        for row in rows
        if isfinite(x := _value(row, varied)) and isfinite(y := _value(row, accurate))
    ]
    if len(points) < 2:
        return None
    names, variety, accuracy = (list(column) for column in zip(*points, strict=True))
    right, top = max(variety) * 1.05 or 1.0, max(accuracy) * 1.1 or 1.0
    pixels = [
        (WIDTH * c / right, HEIGHT * (1 - a / top)) for c, a in zip(variety, accuracy, strict=True)
    ]
    placed = place_labels(pixels, names, WIDTH, HEIGHT)
    frame = pl.DataFrame(
        {
            "row": names,
            "variety": variety,
            "accuracy": accuracy,
            "label x": [x * right / WIDTH for x, _ in placed],
            "label y": [(1 - y / HEIGHT) * top for _, y in placed],
        }
    )
    chart = alt.Chart(frame).properties(width=WIDTH, height=HEIGHT)
    title = TITLES.get(varied.partition("@")[0], varied).format(varied)
    x_scale, y_scale = (alt.Scale(domain=[0, most], nice=False, zero=True) for most in (right, top))
    dots = chart.mark_circle(size=90, color=BAR, opacity=1).encode(
        x=alt.X("variety:Q", title=title, scale=x_scale),
        y=alt.Y("accuracy:Q", title=accurate, scale=y_scale),
    )
    labels = chart.mark_text(align="left", fontSize=11).encode(
        x=alt.X("label x:Q", scale=x_scale), y=alt.Y("label y:Q", scale=y_scale), text="row:N"
    )
    return dots + labels


def _bars(alt: Any, unit: str, values: dict[str, float | None]) -> Any:
    """None where there is nothing to see: no values, or all of them next to nothing."""
    known = {name: value for name, value in values.items() if value is not None}
    if not known or max(known.values()) < 0.01:
        return None
    frame = pl.DataFrame({"row": list(known), "value": list(known.values())})
    chart = alt.Chart(frame).properties(width=WIDTH, height=_height(len(known)))
    y = alt.Y("row:N", sort=None, title=None)
    return chart.mark_bar(color=BAR).encode(x=alt.X("value:Q", title=unit), y=y)


def _roc(alt: Any, rows: Sequence[Row]) -> dict[str, Any]:
    """The ROC curves of click models, and their right end, where few positives are missed."""
    lines = [
        {"row": row.name, "tpr": number / (len(row.report.roc) - 1), "fpr": fpr}
        for row in rows[:MOST]
        for number, fpr in enumerate(row.report.roc)
        if not isnan(fpr)  # one class alone has no curve
    ]
    if not lines:
        return {}
    frame = pl.DataFrame(lines)
    best = f", best {MOST} rows" if len(rows) > MOST else ""
    color = alt.Color("row:N", sort=None, title=None, legend=alt.Legend(orient="bottom", columns=3))
    fpr, tpr = ("share of disliked pairs recommended (FPR)", "share of liked pairs found (TPR)")
    whole = alt.Chart(frame).properties(width=WIDTH, height=HEIGHT)
    chance = alt.Chart(pl.DataFrame({"fpr": [0, 1], "tpr": [0, 1]}))
    diagonal = chance.mark_line(color="#888", strokeDash=[4, 4]).encode(x="fpr:Q", y="tpr:Q")
    # A curve may rise straight up: the order of its points is that of the true-positive rate.
    curves = whole.mark_line().encode(
        x=alt.X("fpr:Q", title=fpr), y=alt.Y("tpr:Q", title=tpr), color=color, order="tpr:Q"
    )
    high = alt.Chart(frame.filter(pl.col("tpr") >= HIGH)).properties(width=WIDTH, height=HEIGHT)
    scale = alt.Scale(domain=[HIGH, 1], nice=False)
    ends = high.mark_line().encode(
        x=alt.X("tpr:Q", title=tpr, scale=scale), y=alt.Y("fpr:Q", title=fpr), color=color
    )
    return {f"ROC curves{best}": curves + diagonal, f"False-positive rate at a TPR{best}": ends}


def _slices(alt: Any, rows: Sequence[Row], metric: str) -> dict[str, Any]:
    """One plot for each way of slicing that has two labels at least, of the best rows."""
    charts = {}
    shown = rows[:MOST]
    ways = dict.fromkeys(way for row in shown for way in row.report.slices)
    for way in ways:
        lines = [
            {"row": r.name, "slice": label, "value": values[metric].mean}
            for r in shown
            for label, values in r.slice_means(way).items()
            if metric in values
        ]
        if len({line["slice"] for line in lines}) > 1:
            head = f"{metric} by {way}" + (f", best {MOST} rows" if len(rows) > MOST else "")
            charts[head] = _slice(alt, pl.DataFrame(lines), metric)
    return charts


def _slice(alt: Any, frame: pl.DataFrame, metric: str) -> Any:
    names = frame["slice"].unique(maintain_order=True).to_list()
    chart = alt.Chart(frame).properties(width=WIDTH, height=HEIGHT)
    x = alt.X("slice:N", sort=names, title=None, axis=alt.Axis(labelAngle=0))
    y = alt.Y("value:Q", title=metric)
    color = alt.Color("row:N", sort=None, title=None, legend=alt.Legend(orient="bottom", columns=3))
    if len(names) > 5:  # an ordered scale, such as popularity deciles
        return chart.mark_line(point=True).encode(x=x, y=y, color=color)
    return chart.mark_bar().encode(x=x, y=y, color=color, xOffset=alt.XOffset("row:N", sort=None))


def _sources(alt: Any, table: Table) -> dict[str, Any]:
    """One plot for each row of several sources."""
    charts = {}
    for row in table.rows:
        parts = [
            {"tenth": tenth, "source": name, "share": share}
            for name, shares in row.sources.items()
            for tenth, share in enumerate(shares, 1)
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
