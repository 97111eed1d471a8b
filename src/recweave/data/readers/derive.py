"""Tables out of other tables."""

from collections.abc import Mapping

import polars as pl

from recweave.data.problems import Problems
from recweave.data.readers.plan import Tables
from recweave.data.schema import COLUMNS, empty

_BEHAVIOR = COLUMNS["events"]["behavior"]


def events_of(tables: Tables) -> pl.DataFrame:
    """The events that reviews and impressions stand for; none where there are neither.

    Reviews may have a `part` beyond their own columns; it passes to the events.
    """
    parts = [empty("events")]
    if "reviews" in tables:
        parts.append(_of_reviews(tables["reviews"]))
    if "impressions" in tables:
        parts.append(_of_clicks(tables["impressions"]))
    return pl.concat(parts, how="diagonal")


def _of_reviews(reviews: pl.DataFrame) -> pl.DataFrame:
    rating = pl.col("rating") if "rating" in reviews.columns else pl.lit(None, pl.Float32)
    behavior = pl.when(rating.is_null()).then(pl.lit("favorite")).otherwise(pl.lit("rating"))
    return reviews.select(
        "user_id",
        "item_id",
        behavior.cast(_BEHAVIOR).alias("behavior"),
        rating.fill_null(1.0).alias("value"),
        *(name for name in ("time", "part") if name in reviews.columns),
    )


def _of_clicks(impressions: pl.DataFrame) -> pl.DataFrame:
    labelled = impressions.filter(pl.col("clicked").is_not_null())
    shown = labelled.explode("shown", "clicked").filter(pl.col("clicked"))
    columns = [name for name in ("time", "part") if name in impressions.columns]
    return shown.select(
        "user_id",
        pl.col("shown").alias("item_id"),
        pl.lit("click", _BEHAVIOR).alias("behavior"),
        pl.lit(1.0, pl.Float32).alias("value"),
        *columns,
    )


def links_of(items: pl.DataFrame, relations: Mapping[str, str]) -> pl.DataFrame:
    """The links that list columns of the items hold, each once.

    Args:
        items: With columns of ids of other items.
        relations: Of each such column, the relation.
    """
    parts = [empty("links")]
    for column, relation in relations.items():
        if column in items.columns:
            links = items.select("item_id", pl.col(column).alias("other_id")).explode("other_id")
            parts.append(links.drop_nulls().with_columns(relation=pl.lit(relation)))
    return pl.concat(parts).unique(maintain_order=True)


def items_of(events: pl.DataFrame, columns: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """A catalogue out of a log: the first event of each item has the say.

    Args:
        events: With columns about the item.
        columns: The catalogue's columns, out of the log's.
    """
    first = events.unique("item_id", keep="first", maintain_order=True)
    return first.select("item_id", *(column.alias(name) for name, column in columns.items()))


def first_of_each(table: pl.DataFrame, key: str, where: str, problems: Problems) -> pl.DataFrame:
    """One row of each key, out of several files; what is dropped is noted."""
    first = table.unique(key, keep="first", maintain_order=True)
    dropped = len(table) - len(first)
    if dropped:
        what = f"{dropped:,} rows have a {key} that an earlier file has; the earlier counts"
        problems.note(where, None, what, kind=f"{key} in two files", n=dropped)
    return first
