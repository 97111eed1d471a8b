"""Text without the tags and entities of HTML: neither people nor encoders are to read them."""

import re
from html import unescape

import polars as pl

# Only what can be a tag: "I <3 it" and "a < b" stay. What scripts and styles hold is no text.
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_WHOLE = tuple(
    (re.compile(end, re.IGNORECASE), re.compile(f"{begin}.*?{end}", re.IGNORECASE | re.DOTALL))
    for begin, end in (
        ("<!--", "-->"),
        (r"<script\b", r"</script\s*>"),
        (r"<style\b", r"</style\s*>"),
    )
)
"""The end of what goes with all it holds, and the whole."""

_SPACE = re.compile(r"[ \t\r\xa0]*\n\s*|[ \t\r\xa0]+")


def strip_html(text: str) -> str:
    """Text without tags, with entities as letters and runs of blanks as one.

    >>> strip_html("<p>Salt &amp; pepper,<br/>I <3 it</p>")
    'Salt & pepper, I <3 it'
    """
    if "<" in text or "&" in text:
        for end, whole in _WHOLE:
            # Behind the last end nothing is searched: each begin there would cost a whole pass.
            last = max((found.end() for found in end.finditer(text)), default=0)
            text = whole.sub(" ", text[:last]) + text[last:]
        text = unescape(_TAG.sub(" ", text))
    return _SPACE.sub(lambda run: "\n" if "\n" in run[0] else " ", text).strip()


def strip_html_column(text: pl.Expr) -> pl.Expr:
    """`strip_html` for a column of text; cells without a tag or an entity stay as they are."""
    return text.map_batches(strip_html_series, return_dtype=pl.String)


def strip_html_series(text: pl.Series) -> pl.Series:
    """`strip_html` for a series; only cells with a tag or an entity cost a Python call."""
    rows = text.str.contains("[<&]").arg_true()
    if not len(rows):
        return text
    return text.clone().scatter(rows, [strip_html(cell) for cell in text.gather(rows)])
