"""What is in a dataset, at a glance: how much, how dense, when, how often twice, head and tail."""

from datetime import UTC, datetime
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Int
from pydantic import Field
from rich.table import Table
from rich.text import Text

from recweave.core.arrays import Array
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.data.remarks import remarks
from recweave.data.schema import COLUMNS

HEAD = 0.2
"""Share of the items that are called the head."""

MOST = 0.8
"""Share of the events that the busiest items are counted for."""

BARS = 12
"""Different ratings that are listed one by one; of more, only the commonest."""


class Spread(Value):
    """How many events each user or item has, of those that have any.

    Attributes:
        mean, lowest, quarter, median, three_quarters, highest: Of the counts.
        once: Share that has a single event.
    """

    mean: float
    lowest: int
    quarter: float
    median: float
    three_quarters: float
    highest: int
    once: float


class Words(Value):
    """The reviews.

    Attributes:
        reviews: How many there are.
        with_text, with_rating, with_images: How many have one.
        median_words: Words of the median text, of those that have one.
    """

    reviews: int
    with_text: int
    with_rating: int
    with_images: int
    median_words: float


class Description(Value):
    """What `describe` found. Shares are from 0 to 1; times are seconds UTC.

    Attributes:
        name, source, licence: The dataset's.
        tables: Rows of each table.
        users, items: Rows of users and items, whether they have events or not.
        active_users, active_items: Those with events.
        sparsity: Share of the active users' and items' pairs without an event.
        clock: What orders the events; `mixed` if only some have a time, which no model can use.
        first, last: The times of the first and the last event.
        exact_duplicates: Events that say the same as an earlier one, time included.
        pair_duplicates: Events whose user and item occurred before.
        same_second: Events that share their second with another one of the same user.
        behaviors: Events of each behaviour.
        ratings: Events of each rating, lowest first; the commonest, where there are many.
        per_user, per_item: Spread of the events; None without events.
        head: Share of the events that the most popular fifth of the active items has.
        most: Items that make up four fifths of the events, most popular first.
        words: The reviews.
        missing: Share of the catalogue without each field.
        remarks: What is to be known before models learn from it (`remarks.remarks`).
    """

    name: str
    source: str
    licence: str
    tables: dict[str, int]
    users: int
    items: int
    active_users: int
    active_items: int
    sparsity: float | None
    clock: Literal["seconds", "order", "mixed"]
    first: int | None
    last: int | None
    exact_duplicates: int
    pair_duplicates: int
    same_second: int
    behaviors: dict[str, int] = Field(default_factory=dict)
    ratings: dict[str, int] = Field(default_factory=dict)
    per_user: Spread | None
    per_item: Spread | None
    head: float | None
    most: int | None
    words: Words
    missing: dict[str, float] = Field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def rows(self) -> list[tuple[str, str]]:
        """What is told to people, a line each; what is not there is left out."""
        lines = [("dataset", self.name), ("source", self.source), ("licence", self.licence)]
        lines += [("tables", ", ".join(f"{n:,} {table}" for table, n in self.tables.items()))]
        lines += [("users", f"{self.users:,}, {self.active_users:,} with events")]
        lines += [("items", f"{self.items:,}, {self.active_items:,} with events")]
        if self.per_user and self.per_item:
            lines += self._events(self.per_user, self.per_item)
        if self.words.reviews:
            lines += [("reviews", _words(self.words))]
        if self.missing:
            parts = (f"{field} {share:.0%}" for field, share in self.missing.items())
            lines += [("missing in items", ", ".join(parts))]
        return lines + [("note", remark) for remark in self.remarks]

    def _events(self, user: Spread, item: Spread) -> list[tuple[str, str]]:
        behaviors = (f"{n:,} {name}" for name, n in self.behaviors.items())
        ratings = (f"{stars}: {n:,}" for stars, n in self.ratings.items())
        repeated = f"{self.exact_duplicates:,} exact, {self.pair_duplicates:,} of a user and item"
        head = f"{self.head:.0%} of the events on the first {HEAD:.0%} of the items"
        most = f"{self.most:,} items make up {MOST:.0%}"
        return [
            ("sparsity", f"{self.sparsity:.3%}"),
            ("time", self._time()),
            ("behaviours", ", ".join(behaviors)),
            *([("ratings", ", ".join(ratings))] if self.ratings else []),
            ("events per user", _spread(user)),
            ("events per item", _spread(item)),
            ("head and tail", f"{head}; {most}"),
            ("duplicates", repeated),
            ("in one second", f"{self.same_second:,} events of a user"),
        ]

    def _time(self) -> str:
        if self.first is None or self.last is None:
            return "none; the order of the source counts"
        first, last = (datetime.fromtimestamp(at, UTC).date() for at in (self.first, self.last))
        days = (self.last - self.first) / 86_400
        gaps = "; some events have no time" if self.clock == "mixed" else ""
        return f"{first} to {last}, {days:,.1f} days{gaps}"

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)

    def __rich__(self) -> Table:
        table = Table.grid("", "", padding=(0, 2))
        for name, text in self.rows():
            table.add_row(Text(name, style="bold"), Text(text))
        return table


def describe(dataset: Dataset) -> Description:
    """Describe a dataset; one without events too. O(events log events)."""
    events, items = dataset.events, dataset.items
    user = np.bincount(dataset.user_ids.rows(events["user_id"]))
    item = np.bincount(dataset.item_ids.rows(events["item_id"]))
    user, item = user[user > 0], np.sort(item[item > 0])[::-1]
    columns = ["user_id", "item_id", "behavior", "value", "time", "order"]
    pairs = len(events.select("user_id", "item_id").unique())
    together = events.select("user_id", "time").drop_nulls()
    timed, total = len(together), len(events)
    share = np.cumsum(item) / max(1, total)
    return Description(
        name=dataset.name,
        source=dataset.source,
        licence=dataset.licence,
        tables={name: len(table) for name, table in dataset.tables() if len(table)},
        users=len(dataset.user_ids),
        items=len(dataset.item_ids),
        active_users=len(user),
        active_items=len(item),
        sparsity=1 - pairs / (len(user) * len(item)) if total else None,
        clock="order" if not timed else "seconds" if timed == total else "mixed",
        first=_integer(together["time"].min()),
        last=_integer(together["time"].max()),
        exact_duplicates=total - len(events.select(columns).unique()),
        pair_duplicates=total - pairs,
        same_second=int(together.is_duplicated().sum()),
        behaviors=_behaviors(events),
        ratings=_ratings(events),
        per_user=_spread_of(user),
        per_item=_spread_of(item),
        head=float(item[: int(np.ceil(HEAD * len(item)))].sum() / total) if total else None,
        most=int(np.searchsorted(share, MOST - 1e-9)) + 1 if total else None,
        words=_words_of(dataset.reviews),
        missing=_missing(items),
        remarks=tuple(remark.what for remark in remarks(dataset, order=True)),
    )


def _integer(number: object) -> int | None:
    return number if isinstance(number, int) else None


def _behaviors(events: pl.DataFrame) -> dict[str, int]:
    counts = events["behavior"].value_counts().sort("behavior")  # in the order of BEHAVIORS
    return dict(zip(counts["behavior"], counts["count"], strict=True))


def _ratings(events: pl.DataFrame) -> dict[str, int]:
    counts = events.filter(pl.col("behavior") == "rating")["value"].value_counts()
    common = counts.sort("count", "value", descending=[True, False]).head(BARS).sort("value")
    return {f"{value:g}": count for value, count in common.rows()}


def _spread_of(counts: Int[Array, " some"]) -> Spread | None:
    if not len(counts):
        return None
    low, quarter, median, three_quarters, high = np.quantile(counts, [0, 0.25, 0.5, 0.75, 1])
    return Spread(
        mean=counts.mean(),
        lowest=int(low),
        quarter=quarter,
        median=median,
        three_quarters=three_quarters,
        highest=int(high),
        once=(counts == 1).mean(),
    )


def _words_of(reviews: pl.DataFrame) -> Words:
    words = reviews["text"].str.count_matches(r"\S+")
    written = words.filter(words > 0)
    return Words(
        reviews=len(reviews),
        with_text=len(written),
        with_rating=reviews["rating"].count(),
        with_images=int((reviews["images"].list.len() > 0).sum()),
        median_words=float(np.median(written)) if len(written) else 0.0,
    )


def _missing(items: pl.DataFrame) -> dict[str, float]:
    """The share of items without each field: null, an empty text or an empty list."""
    if not len(items):
        return {}
    names = [name for name in COLUMNS["items"] if name != "item_id"]
    there = items.select(_there(name).fill_null(False).mean().alias(name) for name in names)
    return {name: 1 - share for name, share in there.row(0, named=True).items()}


def _there(name: str) -> pl.Expr:
    kind = COLUMNS["items"][name]
    if kind == pl.String:
        return pl.col(name).str.len_chars() > 0
    if kind == pl.List:
        return pl.col(name).list.len() > 0
    return pl.col(name).is_not_null()


def _spread(spread: Spread) -> str:
    middle = f"{spread.quarter:g}, {spread.median:g}, {spread.three_quarters:g}"
    return (
        f"{spread.lowest:,} to {spread.highest:,}, mean {spread.mean:,.1f}, quartiles {middle}; "
        f"{spread.once:.0%} have one"
    )


def _words(words: Words) -> str:
    return (
        f"{words.reviews:,}, {words.with_text:,} with text (median {words.median_words:g} words), "
        f"{words.with_rating:,} with a rating, {words.with_images:,} with pictures"
    )
