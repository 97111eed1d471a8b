"""The part of every row of the tables that follow the events: reviews and impressions.

A text may tell as much as its event, and a list that was shown tells what was clicked. So both are
held out with the events they belong to.
"""

import numpy as np
import polars as pl

from recweave.data.split import (
    DROPPED,
    TEST,
    TRAIN,
    VALID,
    ImpressionParts,
    Parts,
    ReviewParts,
)

PAIR = ("user_id", "item_id")


def review_rule(events: pl.DataFrame, part: Parts, reviews: pl.DataFrame) -> ReviewParts:
    """The part of every review: that of the events of the same user and item.

    A review is TRAIN only if every event of its pair is; where one of them is held out, so is the
    review, under the latest part. Reviews of pairs without an event are DROPPED, as nothing says
    when they were written relative to the cut.

    Args:
        events: The whole log.
        part: The part of each event.
        reviews: The table of reviews.
    """
    if not len(reviews):
        return np.empty(0, np.int8)
    found = reviews.select(PAIR).join(
        _pair_parts(events, part), on=PAIR, how="left", maintain_order="left"
    )
    return np.asarray(found["part"].fill_null(DROPPED).to_numpy())


def impression_rule(
    events: pl.DataFrame, part: Parts, impressions: pl.DataFrame
) -> ImpressionParts:
    """The part of every impression: that of the events of what was clicked in it.

    An impression is TRAIN only if every event of every clicked (user, item) pair is; where one of
    them is held out, so is the impression, under the latest part. Impressions without a click, or
    whose clicked pairs have no event, go by time: those before the first held-out event of their
    user (of anybody, if the user has none) are TRAIN, all others DROPPED, those without a time
    too.

    Args:
        events: The whole log.
        part: The part of each event.
        impressions: The table of impressions.
    """
    if not len(impressions):
        return np.empty(0, np.int8)
    rows = impressions.select("user_id", "time", "shown", "clicked").with_row_index("row")
    matching = pl.col("clicked").list.len() == pl.col("shown").list.len()
    clicked = rows.filter(matching).explode("shown", "clicked").filter(pl.col("clicked"))
    pairs = clicked.select("row", "user_id", item_id="shown").join(
        _pair_parts(events, part), on=PAIR, how="inner"
    )
    known = pairs.group_by("row").agg(part=_latest_held_out())
    found = rows.with_columns(by_time=_by_time(rows, events, part)).join(
        known, on="row", how="left", maintain_order="left"
    )
    return np.asarray(found.select(pl.coalesce("part", "by_time")).to_series().to_numpy())


def impression_times(
    impressions: pl.DataFrame, valid_from: int | None, test_from: int
) -> ImpressionParts:
    """The part of every impression by moments that hold for everybody.

    Args:
        impressions: The table of impressions; those without a time are DROPPED.
        valid_from, test_from: Seconds since 1970; an impression at the very moment belongs to the
            later part. Without `valid_from` there is no validation.
    """
    time = pl.col("time")
    part = pl.lit(TRAIN, pl.Int8)
    if valid_from is not None:
        part = pl.when(time >= valid_from).then(pl.lit(VALID, pl.Int8)).otherwise(part)
    part = pl.when(time >= test_from).then(pl.lit(TEST, pl.Int8)).otherwise(part)
    part = pl.when(time.is_null()).then(pl.lit(DROPPED, pl.Int8)).otherwise(part)
    return np.asarray(impressions.select(part.alias("part"))["part"].to_numpy())


def _latest_held_out() -> pl.Expr:
    """TRAIN if all are; else the latest other part. Codes below TRAIN win over it too: such events
    come after the cut."""
    return pl.col("part").filter(pl.col("part") != TRAIN).max().fill_null(TRAIN)


def _pair_parts(events: pl.DataFrame, part: Parts) -> pl.DataFrame:
    pairs = events.select(PAIR).with_columns(part=pl.Series(part, dtype=pl.Int8))
    return pairs.group_by(PAIR).agg(_latest_held_out())


def _by_time(rows: pl.DataFrame, events: pl.DataFrame, part: Parts) -> pl.Series:
    """TRAIN before the user's, else everybody's, first held-out event; DROPPED later."""
    held_out = events.select("user_id", "time").filter(pl.Series(part >= VALID))
    first = held_out.group_by("user_id").agg(first=pl.col("time").min())
    with_first = rows.select("user_id", "time").join(
        first, on="user_id", how="left", maintain_order="left"
    )
    anybody = pl.lit(held_out["time"].min(), pl.Int64)
    before = pl.col("time") < pl.col("first").fill_null(anybody)
    code = pl.when(before).then(pl.lit(TRAIN, pl.Int8)).otherwise(pl.lit(DROPPED, pl.Int8))
    return with_first.select(code.alias("part")).to_series()
