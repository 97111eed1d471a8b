"""What the owner of a dataset should know before models learn from it: nothing here is an error."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from math import isqrt
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

_ALL = (*PLACEHOLDERS, *NUMBERS)

SHARE = 0.01
"""Share of the events from which such a number is pointed out."""

SAMPLE = 40_000
"""Events in which such ids are looked for first: counting all ids of a long log takes seconds."""

TIMES = 10
"""… if it also has this many times the events of the median id, where 1 is an id too."""

EARLIEST = 100_000_000
"""March 1973 in seconds: no log of a shop is older, so smaller times are likely not seconds."""


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
    """Everything to know of a dataset: early times, values below 0, placeholders for ids, order.

    Args:
        dataset: The dataset.
        order: Whether the order of the events is looked at; a split that rests on it says the same.
    """
    for table, column in (("items", "title"), ("reviews", "text")):
        remark = script_remark(getattr(dataset, table)[column])
        if remark:
            yield Remark(table, f"script of {column}", f"{table}.{column}: {remark}")
    yield from _times(dataset)
    if len(dataset.events):
        yield from _values(dataset.events)
        yield from _placeholders(dataset.events)
        if order:
            yield from _order(dataset)


def _times(dataset: Dataset) -> Iterator[Remark]:
    """Days, weeks or an order that count as seconds after 1970 began."""
    for table in ("events", "reviews", "impressions"):
        latest = getattr(dataset, table)["time"].max()
        if not isinstance(latest, int):
            continue
        if 0 <= latest < EARLIEST:
            moment = datetime.fromtimestamp(latest, UTC)
            yield Remark(
                table,
                "times before 1973",
                f"the times of the {table} are taken for seconds since 1970, so the latest is "
                f"{moment:%Y-%m-%d %H:%M:%S} UTC ({latest}). If they count something else (days, "
                "an order), read the column as an order: --column order=NAME, not time=NAME; if "
                "the unit is wrong, give --option time=…",
            )
        return  # reviews have the times of their events


def _values(events: pl.DataFrame) -> Iterator[Remark]:
    """Returned goods and corrections: they would count as events like any other."""
    least = events["value"].min()
    if not isinstance(least, float) or least >= 0:
        return
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
        ids = events[column]
        found = [(id, rows) for id in _common_placeholders(ids) if (rows := ids == id).any()]
        counts = {id: int(rows.sum()) for id, rows in found}
        for id, rows in sorted(found, key=lambda one: (-counts[one[0]], one[0])):
            if not _enough(counts[id], id, ids):
                continue
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


def _enough(count: int, id: str, ids: pl.Series) -> bool:
    """Whether so many events of such an id are pointed out."""
    if _word(id) in PLACEHOLDERS:
        return count >= SHARE / 10 * len(ids)
    if count < max(2, SHARE * len(ids)):
        return False
    if not ids.is_in(["1", "1.0"]).any():
        return True
    # 0 may be the first of the real ids.
    return count >= TIMES * float(np.median(ids.value_counts(name="events")["events"].to_numpy()))


def _common_placeholders(ids: pl.Series) -> list[str]:
    """The placeholders that a sample of the events holds a fraction as often as what is shown.

    A share of a thousandth is about 40 of the sample, so a fifth of that is never missed.
    """
    ids = _sample(ids)
    # Nearly all ids of most logs are whole numbers, which take no time to tell from words.
    number = ids.cast(pl.Int64, strict=False).is_not_null()
    words = ids.filter(~number)
    texts = words.str.strip_chars().str.to_lowercase()
    found = [ids.filter(number & ids.is_in(NUMBERS)), words.filter(texts.is_in(_ALL))]
    counts = pl.concat(found).value_counts(name="events")
    shares = [SHARE / 50 if _word(id) in PLACEHOLDERS else SHARE / 2 for id in counts[ids.name]]
    enough = pl.Series(shares, dtype=pl.Float64) * len(ids) <= counts["events"]
    return counts.filter(enough)[ids.name].to_list()


def _sample(ids: pl.Series) -> pl.Series:
    """Every so-many-th id, twice, with two primes for the steps.

    An id that comes up at every k-th event is missed by both only if k is a multiple of both
    primes, so that its share is below what is pointed out in a long log.
    """
    step = 2 * len(ids) // SAMPLE
    if step < 2:
        return ids
    first = _prime_above(step)
    return pl.concat([ids.gather_every(prime) for prime in (first, _prime_above(first + 1))])


def _prime_above(number: int) -> int:
    """The smallest prime from this number on."""
    return next(n for n in count(number) if all(n % k for k in range(2, isqrt(n) + 1)))


def _word(id: str) -> str:
    return id.strip().lower()


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
