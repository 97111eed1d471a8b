"""The tables of a dataset: their columns, types and meaning."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import polars as pl

from recweave.core.errors import BadInput
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.data.ids import ID_COLUMNS, id_text
from recweave.data.times import with_seconds

BEHAVIORS = ("impression", "view", "click", "favorite", "cart", "purchase", "rating")
"""Kinds of event, weakest first; their place here is their code in `Interactions.behavior`."""

TEXTS = pl.List(pl.String)

COLUMNS: Mapping[str, Mapping[str, pl.DataType]] = {
    "events": {
        "user_id": pl.String(),
        "item_id": pl.String(),
        "behavior": pl.Enum(BEHAVIORS),
        "value": pl.Float32(),  # a rating on its own scale, else 1
        "time": pl.Int64(),  # seconds since 1970-01-01 UTC; null where the source has an order only
        "order": pl.Int64(),  # position in the source's order; null where there is a time
        "part": pl.String(),  # train, valid or test where the publisher cut the log; else null
    },
    "reviews": {
        "user_id": pl.String(),
        "item_id": pl.String(),
        "rating": pl.Float32(),
        "text": pl.String(),
        "time": pl.Int64(),
        "images": TEXTS,
    },
    "items": {
        "item_id": pl.String(),
        "title": pl.String(),
        "description": pl.String(),
        "brand": pl.String(),
        "price": pl.Float64(),
        "categories": TEXTS,
        "images": TEXTS,
    },
    "users": {"user_id": pl.String()},
    "links": {"item_id": pl.String(), "other_id": pl.String(), "relation": pl.String()},
    "impressions": {
        "impression_id": pl.String(),
        "user_id": pl.String(),
        "time": pl.Int64(),
        "history": TEXTS,
        "shown": TEXTS,
        "clicked": pl.List(pl.Boolean),
    },
}
"""Column names and types of each table. `items` and `users` may carry more columns than these."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "events": ("user_id", "item_id"),
    "reviews": ("user_id", "item_id"),
    "items": ("item_id",),
    "users": ("user_id",),
    "links": ("item_id", "other_id", "relation"),
    "impressions": ("impression_id", "user_id", "shown"),
}

PRESENT: Mapping[str, tuple[str, ...]] = REQUIRED | {
    "events": ("user_id", "item_id", "behavior", "value"),
}
"""Columns without gaps."""

UNIQUE: Mapping[str, str] = {"items": "item_id", "users": "user_id"}
"""The column that names a row, where each row must have a name of its own."""

DEFAULTS: Mapping[str, pl.Expr] = {
    "behavior": pl.lit("rating").cast(pl.Enum(BEHAVIORS)),
    "value": pl.lit(1.0, pl.Float32),
}


def empty(table: str) -> pl.DataFrame:
    """The table with its columns and no rows."""
    return pl.DataFrame(schema=dict(COLUMNS[table]))


def conform(frame: pl.DataFrame, table: str, where: str) -> pl.DataFrame:
    """The frame with the table's columns, in order and with their types.

    Columns that may be missing are filled with null (events: behavior `rating`, value 1). Dates and
    moments become seconds (`times.with_seconds`).

    Args:
        frame: What a reader made or a user gave.
        table: A key of `COLUMNS`.
        where: What the frame was read from, for messages.

    Raises:
        BadInput: if a required column is missing, a column is not known (outside items and
            users), a value does not fit its column's type, a number is not finite, an id or an
            event's behaviour or value is null, or two rows of items or users have one id.
    """
    columns = COLUMNS[table]
    if not len(frame) and frame.schema == columns:
        return frame
    frame = with_seconds(frame, f"{where}: {table}") if "time" in columns else frame
    for name in REQUIRED[table]:
        if name not in frame.columns:
            raise BadInput(
                f"{where}: the {table} have no column '{name}', only {', '.join(frame.columns)}; "
                "name it in a column map"
            )
    extra = [name for name in frame.columns if name not in columns]
    if extra and table not in ("items", "users"):
        raise BadInput(f"{where}: the {table} table has no column called '{extra[0]}'")
    fitted = []
    for name, kind in columns.items():
        if name not in frame.columns:
            fitted.append(DEFAULTS.get(name, pl.lit(None, kind)).alias(name))
        else:
            fitted.append(_fitted(name, frame.schema[name], kind))
    try:
        fitting = frame.select(*fitted, *extra)
    except POLARS_ERRORS as error:
        reason = str(error).splitlines()[0]  # the rest speaks of Polars' expressions
        raise BadInput(f"{where}: the {table} do not fit their columns' types: {reason}") from None
    _check(fitting, table, where)
    return fitting


def _fitted(name: str, given: Any, kind: Any) -> pl.Expr:
    column = pl.col(name)
    if not any(name in columns for columns in ID_COLUMNS.values()):
        return column.cast(kind)
    if isinstance(given, pl.List) and isinstance(kind, pl.List):
        inner: Any = given.inner
        return column.list.eval(id_text(pl.element(), inner))
    return id_text(column, given)


def _check(frame: pl.DataFrame, table: str, where: str) -> None:
    """Refuse what the types allow and the table does not."""

    def refuse(column: str, bad: pl.Series, what: str) -> None:
        if bad.any():
            row = bad.arg_max()
            raise BadInput(
                f"{where}: {bad.sum():,} of {len(frame):,} {table} have {what} '{column}', "
                f"the first in row {row}: {frame.row(row or 0, named=True)}; "
                "mend the source, or drop them with `recweave data check --skip-bad`"
            )

    for name in PRESENT[table]:
        if frame[name].null_count():
            refuse(name, frame[name].is_null(), "no")
    for name, kind in COLUMNS[table].items():
        if kind.is_float() and not isfinite(frame[name].sum()):  # a sum may also be too large
            refuse(name, ~frame[name].is_finite(), "an infinite or undefined")
    if table in UNIQUE:
        ids = frame[UNIQUE[table]]
        refuse(UNIQUE[table], ~ids.is_first_distinct(), "an earlier row's")
