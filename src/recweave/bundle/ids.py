"""Ids as a caller gives them, as a column of text."""

from collections.abc import Iterable

import polars as pl

from recweave.core.errors import BadSetting


def text_ids(kind: str, ids: object) -> pl.Series:
    """Ids in the order given; one id by itself is a column of one.

    Args:
        kind: What they name, for messages ("user", "item").
        ids: A text, or anything that yields texts: a list, a set, a column.

    Raises:
        BadSetting: for an id that is not text, as 1 for "1".
    """
    if isinstance(ids, pl.Series) and ids.dtype == pl.String and not ids.null_count():
        return ids
    given = list(ids) if isinstance(ids, Iterable) and not isinstance(ids, str) else [ids]
    for id in given:
        if not isinstance(id, str):
            raise BadSetting(
                f"{kind} ids are text, and {id!r} is not ({type(id).__name__}); give each id as in "
                f"the data, in quotes: '{id}'"
            )
    return pl.Series(kind, given, dtype=pl.String)
