"""Lists in cells of text, as web shops and programs write them."""

import ast
import csv
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from recweave.data.html import strip_html
from recweave.data.schema import TEXTS

NAMES = ("name", "title", "label", "text", "value", "category", "genre", "tag")
"""Fields of an object that name it, the first that it has; where nobody says which one."""

_LONGEST = 100_000  # letters of a cell that is tried as Python
_STRING = r"""(?:'[^']*'|"[^"]*")"""
_NUMPY = re.compile(rf"^\[\s*{_STRING}(?:\s+{_STRING})+\s*\]$")
_BETWEEN = re.compile(r"""(?<=['"])\s+(?=['"])""")
_BROKEN_LIST = re.compile(r"""[\[{(]\s*['"\[{]""")
_JSON_STRINGS = r"""^\s*\[\s*(?:"[^"\\]*"\s*(?:,\s*"[^"\\]*"\s*)*)?\]\s*$"""


def lists(
    cells: pl.Expr,
    *,
    by: str | Sequence[str] | None,
    html: bool = False,
    keys: Sequence[str] = (),
) -> pl.Expr:
    """Lists of words out of text: a list as JSON, Python, NumPy or PostgreSQL write it, else words.

    A list may hold lists, and objects of which the first of `keys` is taken (without `keys`: the
    name). Words stand once in their list; empty ones are dropped. An empty list is null, and one
    that cannot be read, such as one that is cut off.

    Args:
        cells: Text.
        by: What separates words; not given, a cell is one word.
        html: Whether tags go and entities are letters.
        keys: Fields of objects.
    """
    separators = [by] if isinstance(by, str) else list(by or ())

    def listed(series: pl.Series) -> pl.Series:
        list_like = series.str.contains(r"^\s*[\[{(]").fill_null(False)
        if not list_like.any() and not html and separators:
            return _split(series, separators)
        if (
            not html
            and list_like.all()
            and series.str.contains(_JSON_STRINGS).fill_null(False).all()
        ):
            return _unique(series.str.json_decode(TEXTS))
        return _by_value(series, separators, html, keys)

    return cells.map_batches(listed, return_dtype=TEXTS, is_elementwise=True)


def _split(cells: pl.Series, separators: Sequence[str]) -> pl.Series:
    first, *others = separators
    for other in others:
        cells = cells.str.replace_all(other, first, literal=True)
    return _unique(cells.str.split(first))


def _unique(words: pl.Series) -> pl.Series:
    word = pl.element().str.strip_chars()
    lists_of_words = words.list.eval(word.filter(word != "").unique(maintain_order=True))
    return lists_of_words.set(lists_of_words.list.len() == 0, None)


def _by_value(
    series: pl.Series, separators: Sequence[str], html: bool, keys: Sequence[str]
) -> pl.Series:
    """Each different cell once: a column of categories holds few."""
    cells = series.unique(maintain_order=True)
    lists_of_words: list[list[str] | None] = []
    for cell in cells:
        words = _flat(_value(cell, separators) if cell else None, keys)
        words = (strip_html(word) if html else word.strip() for word in words)
        lists_of_words.append(list(dict.fromkeys(word for word in words if word)) or None)
    known = pl.DataFrame({"cell": cells, "words": pl.Series(lists_of_words, dtype=TEXTS)})
    found = (
        series.alias("cell")
        .to_frame()
        .join(known, on="cell", how="left", nulls_equal=True, maintain_order="left")
    )
    return found["words"].alias(series.name)


def _value(cell: str, separators: Sequence[str]) -> Any:
    """What a cell holds: a list or an object, else words; None for a list that cannot be read."""
    cell = cell.strip()
    if cell[:1] in ("[", "{", "("):
        for read in (_json, _python, _postgres):
            value = read(cell)
            if isinstance(value, list | tuple | dict):
                return value
        if _BROKEN_LIST.match(cell):
            return None
    for other in separators[1:]:
        cell = cell.replace(other, separators[0])
    return cell.split(separators[0]) if separators else cell


def _json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def _python(cell: str) -> Any:
    """A list, a tuple, a set (in the order of its words) or a dictionary, as Python writes it.

    NumPy writes an array without commas, which Python would read as one long word.
    """
    if len(cell) > _LONGEST:
        return None
    if _NUMPY.match(cell):
        cell = _BETWEEN.sub(", ", cell)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # backslashes that Python would rather see doubled
            value = ast.literal_eval(cell)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return sorted(map(str, value)) if isinstance(value, set) else value


def _postgres(cell: str) -> Any:
    """An array as PostgreSQL writes it: `{Tea,"Green tea",NULL}`."""
    inside = cell[1:-1]
    if cell[0] != "{" or cell[-1] != "}" or set(inside) & set("{}:'"):
        return None
    try:
        words = next(csv.reader([inside], escapechar="\\", strict=True), [])
    except csv.Error:
        return None
    return [word for word in words if word != "NULL"]


def _flat(value: Any, keys: Sequence[str]) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _flat(part, keys)
    elif isinstance(value, dict):
        yield from _flat(next((value[key] for key in keys or NAMES if value.get(key)), None), keys)
    elif value is not None:
        yield str(value)
