"""The report on text features for papers and spreadsheets."""

import polars as pl

from recweave.report.latex import NOT_THERE, escape, tabular
from recweave.report.numbers import has_ends, number
from recweave.report.words import PARTS, PER, Gain, WordRow, Words

OVER_CONTROL = "over control"
SCHEMA = {
    "row": pl.String,
    "features": pl.String,
    "control": pl.Boolean,
    "part": pl.String,
    "compared_with": pl.String,
    "users": pl.Int64,
    "gain": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "pays": pl.Boolean,
    "seconds": pl.Float64,
    "cost": pl.Float64,
}


def words_frame(found: Words) -> pl.DataFrame:
    """A line for each row and part, and one for the gain over the best control.

    Columns: row; features, with " + " between; control; part (all, warm, cold, over control); what
    the row is compared_with; users; the gain with the ends of its 95 % interval; p (corrected by
    Holm over the report); whether the row pays; seconds (features and longer fit) and cost (money
    for language models; null where it is not known).
    """
    lines = [
        {
            "row": row.row,
            "features": " + ".join(row.features),
            "control": row.control,
            "part": part,
            "compared_with": row.best_control if part == OVER_CONTROL else found.baseline,
            "users": gain.users,
            "gain": gain.by.mean,
            "low": gain.by.low,
            "high": gain.by.high,
            "p": gain.p,
            "pays": row.pays,
            "seconds": row.seconds,
            "cost": row.spent.cost if row.spent else None,
        }
        for row in found.rows
        for part, gain in _gains(row).items()
    ]
    return pl.DataFrame(lines, schema=SCHEMA)


def words_latex(found: Words) -> str:
    """A tabular: a line for each row, rows that pay in bold, * where a gain is significant."""
    present = [_gains(row) for row in found.rows]
    parts = [part for part in (*PARTS, OVER_CONTROL) if any(part in gains for gains in present)]
    head = ["row", "features", *parts, "s", f"s per +{PER:g}", f"cost per +{PER:g}"]
    note = (
        rf"needs \usepackage{{booktabs}}; gain in {found.metric} over {found.baseline} "
        f"({found.value:.4f}) on {found.data},",
        "and half of its 95 % interval over users; bold: the text pays (it gains significantly "
        "over the baseline and over its best control);",
        "*: significant (paired bootstrap, Holm over the report, 5 %)",
    )
    lines = [_line(row, gains, parts) for row, gains in zip(found.rows, present, strict=True)]
    return tabular(note, head, lines, texts=2)


def _gains(row: WordRow) -> dict[str, Gain]:
    more = {OVER_CONTROL: row.over_control} if row.over_control else {}
    return {**row.gains, **more}


def _line(row: WordRow, gains: dict[str, Gain], parts: list[str]) -> list[str]:
    name = escape(row.row)
    if row.pays:
        name = rf"\textbf{{{name}}}"
    elif row.control:
        name += " (control)"
    cost = row.per_gain(row.spent.cost if row.spent else None)
    prices = [row.per_gain(row.seconds), cost]
    return [
        name,
        escape(", ".join(row.features)),
        *(_cell(gains.get(part)) for part in parts),
        f"{row.seconds:.1f}",
        *(number(price, ".3g", NOT_THERE) for price in prices),
    ]


def _cell(gain: Gain | None) -> str:
    if gain is None or not has_ends(gain.by):
        return NOT_THERE
    half = (gain.by.high - gain.by.low) / 2
    return f"${gain.by.mean:+.4f} \\pm {half:.4f}{'^{*}' if gain.p < 0.05 else ''}$"
