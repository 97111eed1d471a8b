"""Tables as HTML, for notebooks."""

from html import escape
from typing import Any

import polars as pl

SHOWN = 50
"""Lines that a notebook shows."""


def html_table(frame: pl.DataFrame, caption: str = "") -> str:
    """The first lines of a frame; every text of the data is escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in frame.columns)
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row)}</tr>"
        for row in frame.head(SHOWN).iter_rows()
    )
    left = len(frame) - SHOWN
    more = f"<p>and {left:,} more lines</p>" if left > 0 else ""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>{more}"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
