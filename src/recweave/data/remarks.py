"""What the owner of a dataset should know before models learn from it: nothing here is an error."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from recweave.data.dataset import Dataset
from recweave.data.order import order_remark
from recweave.data.scripts import script_remark

PLACEHOLDERS = (
    *("-", "--", ".", "?", "\\n", "n/a", "na", "nan", "nil", "null", "none", "undefined"),
    *("unknown", "anonymous", "anon", "guest", "visitor", "missing", "not set", "(not set)"),
    *("default", "dummy"),
)
"""Words, in lower case, that stand where an id is not known; an empty id is an error."""

NUMBERS = ("0", "0.0", "-1", "-1.0", "99999", "999999", "-999")
"""Numbers that may stand for an id that is not known, or for a real one."""

SHARE = 0.01
"""Share of the events from which such a number is pointed out."""

SAMPLE = 200_000
"""Events in which such ids are looked for first: counting all ids of a long log takes seconds."""

TIMES = 10
"""… if it also has this many times the events of the median id, where 1 is an id too."""


class Remark(NamedTuple):
    """One thing to know.

    Attributes:
        table: The table it is about.
        kind: What it is, in few words.
        what: A sentence: what it is, and what can be done.
        rows: The rows it is about; None for the table.
    """

    table: str
    kind: str
    what: str
    rows: pl.Series | None = None


def remarks(dataset: Dataset, *, order: bool = False) -> Iterator[Remark]:
    """Everything to know of a dataset: values below 0, placeholders for ids, an order of nothing.

    Args:
        dataset: The dataset.
        order: Whether the order of the events is looked at; a split that rests on it says the same.
    """
    for table, column in (("items", "title"), ("reviews", "text")):
        remark = script_remark(getattr(dataset, table)[column])
        if remark:
            yield Remark(table, f"script of {column}", f"{table}.{column}: {remark}")
    if len(dataset.events):
        yield from _values(dataset.events)
        yield from _placeholders(dataset.events)
        if order:
            yield from _order(dataset)


def _values(events: pl.DataFrame) -> Iterator[Remark]:
    """Returned goods and corrections: they would count as events like any other."""
    rating = events["behavior"] == "rating"
    below = events["value"] < 0
    for behavior in events["behavior"].filter(below & ~rating).unique().sort():
        rows = below & (events["behavior"] == behavior)
        yield Remark(
            "events",
            "value below 0",
            f"{_share(rows)} of behaviour {behavior} have a value below 0, such as returned goods; "
            f"they count as a {behavior} all the same. To leave them out, write "
            'filters = [{ kind = "drop_value_below", value = 0 }] in the recipe',
            rows,
        )
    rows = below & rating
    if rows.any() and int(rows.sum()) < 0.2 * int(
        rating.sum()
    ):  # else it is a scale from -10 to 10
        yield Remark(
            "events",
            "rating below 0",
            f"{_share(rows)} are ratings below 0; if these are quantities, give the events their "
            "behaviour (--option behavior=purchase). To leave them out, write "
            'filters = [{ kind = "drop_value_below", value = 0 }] in the recipe',
            rows,
        )


def _placeholders(events: pl.DataFrame) -> Iterator[Remark]:
    for column in ("user_id", "item_id"):
        if not _any_placeholder(events[column]):
            continue
        counts = events[column].value_counts(name="events")
        usual = float(np.median(counts["events"].to_numpy()))
        numbered = counts.filter(pl.col(column).is_in(["1", "1.0"])).height > 0
        word = pl.col(column).str.strip_chars().str.to_lowercase()
        enough = pl.col("events") >= max(2, SHARE * len(events))
        if numbered:  # 0 may be the first of the real ids
            enough &= pl.col("events") >= TIMES * usual
        named = word.is_in(PLACEHOLDERS) & (pl.col("events") >= SHARE / 10 * len(events))
        found = counts.filter(named | (word.is_in(NUMBERS) & enough))
        for id, _ in found.sort("events", column, descending=[True, False]).rows():
            rows = events[column] == id
            written = json.dumps(id, ensure_ascii=False)  # TOML writes a text as JSON does
            kind = column.removesuffix("_id")
            yield Remark(
                "events",
                f"{column} that may stand for unknown {kind}s",
                f"{_share(rows)} have the {column} {id!r}, which looks as if it stands for unknown "
                f"{kind}s; they are taken for one {kind}. To leave them out, write "
                f'filters = [{{ kind = "drop_ids", {kind}s = [{written}] }}] in the recipe',
                rows,
            )


def _any_placeholder(ids: pl.Series) -> bool:
    """Whether a sample of the events holds a placeholder half as often as what is pointed out.

    A share of a thousandth is about 200 of the sample, so 100 are not missed.
    """
    if len(ids) > SAMPLE:
        ids = ids.gather(np.random.default_rng(0).integers(len(ids), size=SAMPLE))
    counts = ids.value_counts(name="events").filter(pl.col("events") >= SHARE / 20 * len(ids))
    words = counts[ids.name].str.strip_chars().str.to_lowercase()
    return bool(words.is_in([*PLACEHOLDERS, *NUMBERS]).any())


def _order(dataset: Dataset) -> Iterator[Remark]:
    timed = dataset.events["time"].null_count()
    if 0 < timed < len(dataset.events) or dataset.events["part"].count():
        return  # an error of its own, or the publisher's cut, which rests on no order
    remark = order_remark(
        dataset.interactions(), dataset.item_ids.ids, declared=dataset.declares_order
    )
    if remark:
        yield Remark("events", "order of events", remark)


def _share(rows: pl.Series) -> str:
    n = int(rows.sum())
    return f"{n:,} of {len(rows):,} events ({n / len(rows):.1%})"
