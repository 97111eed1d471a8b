"""What is wrong within the tables of a dataset and between them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

from recweave.data.dataset import Dataset
from recweave.data.problems import Problems
from recweave.data.remarks import remarks
from recweave.data.schema import REQUIRED
from recweave.data.split import PARTS
from recweave.data.times import LATEST


class _Finding(NamedTuple):
    """Rows of a table that have something in common."""

    table: str
    rows: pl.Series
    what: str
    note: bool = False


def check(dataset: Dataset) -> Problems:
    """Every kind of problem in a dataset, with the number of rows that have it and the first.

    Errors: empty ids, times before 1970 or after 2100, events without a time where others have
    one, parts other than train, valid and test, negative prices, impressions that stand twice or
    whose clicks do not match what was shown. Notes: ids with blanks around them, events
    that stand twice, items without a title, and rows of items or users
    that are not in the catalogue or among the users, where there are such tables; and what
    `remarks.remarks` finds.
    """
    problems = Problems()
    for found in _findings(dataset):
        rows = found.rows.fill_null(False)
        n = int(rows.sum())
        if n:
            first = rows.arg_true()[0]
            shown = dict(zip(REQUIRED[found.table], _key(dataset, found.table, first), strict=True))
            report = problems.note if found.note else problems.error
            report(
                f"{dataset.name}: {found.table}",
                first + 1,
                f"{found.what} ({n:,} rows, of which this is the first: {shown})",
                kind=f"{found.table}: {found.what}",
                n=n,
            )
    for remark in remarks(dataset):
        row = None if remark.rows is None else int(remark.rows.arg_true()[0]) + 1
        n = 1 if remark.rows is None else int(remark.rows.sum())
        where = f"{dataset.name}: {remark.table}"
        problems.note(where, row, remark.what, kind=f"{remark.table}: {remark.kind}", n=n)
    return problems


def _key(dataset: Dataset, table: str, row: int) -> tuple[Any, ...]:
    return dict(dataset.tables())[table].select(REQUIRED[table]).row(row)


def _findings(dataset: Dataset) -> Iterator[_Finding]:
    yield from _ids(dataset)
    yield from _times(dataset)
    yield from _events(dataset)
    yield from _items(dataset)
    yield from _impressions(dataset)
    yield from _strangers(dataset)


def _ids(dataset: Dataset) -> Iterator[_Finding]:
    for name, table in dataset.tables():
        for column in REQUIRED[name]:
            if table[column].dtype == pl.String:
                ids = table[column]
                yield _Finding(name, ids == "", f"{column} is empty")
                blank = ids.str.contains(r"^\s|\s$")
                yield _Finding(name, blank, f"{column} has blanks around it", note=True)


def _times(dataset: Dataset) -> Iterator[_Finding]:
    for name, table in dataset.tables():
        if "time" not in table.columns:
            continue
        time = table["time"]
        yield _Finding(name, time < 0, "time is before 1970")
        yield _Finding(name, time > LATEST, "time is after 2100; does it count milliseconds?")
    untimed = dataset.events["time"].is_null()
    if not untimed.all():
        yield _Finding("events", untimed, "there is no time, but other events have one")


def _events(dataset: Dataset) -> Iterator[_Finding]:
    events = dataset.events
    strange = events["part"].is_not_null() & ~events["part"].is_in(list(PARTS))
    yield _Finding("events", strange, f"part is none of {', '.join(PARTS)}")
    again = ~events.select(pl.struct(pl.all()).is_first_distinct()).to_series()
    yield _Finding("events", again, "the event equals an earlier one", note=True)


def _items(dataset: Dataset) -> Iterator[_Finding]:
    items = dataset.items
    yield _Finding("items", items["price"] < 0, "price is negative")
    yield _Finding("items", items["title"].is_null(), "there is no title", note=True)


def _impressions(dataset: Dataset) -> Iterator[_Finding]:
    table = dataset.impressions
    again = ~table["impression_id"].is_first_distinct()
    yield _Finding("impressions", again, "impression_id is an earlier one's")
    yield _Finding("impressions", table["shown"].list.len() == 0, "nothing was shown")
    unlike = table["shown"].list.len() != table["clicked"].list.len()
    yield _Finding("impressions", unlike, "shown and clicked differ in length")


def _strangers(dataset: Dataset) -> Iterator[_Finding]:
    for column, known in (("item_id", dataset.items), ("user_id", dataset.users)):
        if not len(known):
            continue
        for name, table in dataset.tables():
            if column in table.columns and table is not known:
                strange = ~table[column].is_in(known[column].implode())
                what = f"{column} is not in the table of {column.removesuffix('_id')}s"
                yield _Finding(name, strange, what, note=True)
