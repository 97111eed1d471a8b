"""Words out of web shops' fields: tags, entities, lists that are written as JSON."""

import json
import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

import polars as pl

from recweave.data.schema import TEXTS

# Only what can be a tag: "I <3 it" and "a < b" stay. What scripts and styles hold is no text.
_TAG = re.compile(
    r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|</?[a-z][^<>]*>", re.IGNORECASE | re.DOTALL
)
_SPACE = re.compile(r"[ \t\r\xa0]*\n\s*|[ \t\r\xa0]+")


def clean(text: str) -> str:
    """Text without tags, with entities as letters and runs of blanks as one.

    >>> clean("<p>Salt &amp; pepper,<br/>I <3 it</p>")
    'Salt & pepper, I <3 it'
    """
    if "<" in text or "&" in text:
        text = unescape(_TAG.sub(" ", text))
    return _SPACE.sub(lambda run: "\n" if "\n" in run[0] else " ", text).strip()


def clean_column(words: pl.Expr) -> pl.Expr:
    """`clean` for a column of text; only cells with a tag or an entity cost a Python call."""
    return words.map_batches(_clean_series, return_dtype=pl.String)


def _clean_series(words: pl.Series) -> pl.Series:
    rows = words.str.contains("[<&]").arg_true()
    if not len(rows):
        return words
    return words.clone().scatter(rows, [clean(text) for text in words.gather(rows)])


def lists(
    cells: pl.Expr, *, by: str | None, html: bool = False, keys: Sequence[str] = ()
) -> pl.Expr:
    """Lists of words out of text: a JSON list, else words separated by `by`, where it is given.

    A JSON list may hold lists, and objects of which the first of `keys` is taken. Words stand once
    in their list; empty ones are dropped; an empty list is null.
    """

    def listed(series: pl.Series) -> pl.Series:
        json_like = series.str.contains(r"^[\[{]").fill_null(False)
        if html or by is None or json_like.any():
            return _one_by_one(series, json_like, by, html, keys)
        return _split(series, by)

    return cells.map_batches(listed, return_dtype=TEXTS)


def _split(cells: pl.Series, by: str) -> pl.Series:
    word = pl.element().str.strip_chars()
    made = cells.str.split(by).list.eval(word.filter(word != "").unique(maintain_order=True))
    return made.set(made.list.len() == 0, None)


def _one_by_one(
    cells: pl.Series, json_like: pl.Series, by: str | None, html: bool, keys: Sequence[str]
) -> pl.Series:
    made: list[list[str] | None] = []
    for cell, is_json in zip(cells, json_like, strict=True):
        value = _json(cell) if is_json else cell.split(by) if cell and by else cell
        words = (clean(word) if html else word.strip() for word in _flat(value, keys))
        made.append(list(dict.fromkeys(word for word in words if word)) or None)
    return pl.Series(cells.name, made, dtype=TEXTS)


def _json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell  # words in brackets, as in "[Explicit] Greatest Hits"


def _flat(value: Any, keys: Sequence[str]) -> Iterator[str]:
    if isinstance(value, list):
        for part in value:
            yield from _flat(part, keys)
    elif isinstance(value, dict):
        yield from _flat(next((value[key] for key in keys if value.get(key)), None), keys)
    elif value is not None:
        yield str(value)
