"""Criteo's click logs: impressions of advertisements with anonymous columns."""

from pathlib import Path

import polars as pl

from recweave.data.problems import Problems
from recweave.data.readers.columns import ids, labels, text
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.derive import items_of
from recweave.data.readers.files import files_of, pick_one
from recweave.data.readers.numbers import number
from recweave.data.readers.plan import Plan, Sheet, Tables

NUMBERS = tuple(f"I{n}" for n in range(1, 14))
CATEGORIES = tuple(f"C{n}" for n in range(1, 27))


def criteo(path: Path) -> Plan:
    """Criteo's click logs: the folder of `train.tiny.csv` and `test.tiny.csv`.

    The columns are Id, Label, I1 to I13 (numbers, mostly counts) and C1 to C26 (hashed categories).
    Nobody knows who saw an impression, so each one is an event of a user and an item of its own
    whose ids are its Id; its columns are those of the item. A label of 1 is a `click` with the
    value 1, 0 an `impression` with the value 0. There are no times.

    The publisher's test file has no labels; copies have the label 0 in each row. Such rows are no
    events, as nobody knows what was clicked: they are items alone. A test file with clicks is the
    test part.
    """
    files = files_of(path)
    columns = {
        "user_id": ids("Id"),
        "item_id": ids("Id"),
        "behavior": labels("Label", {"1": "click", "0": "impression"}),
        **{name: number(name, kind=pl.Float64()) for name in NUMBERS},
        **{name: text(name) for name in CATEGORIES},
    }
    parts = {part: pick_one(files, path, f"{part}.tiny.csv") for part in ("train", "test")}
    sheets = [
        Sheet("events", file, Delimited(), columns, {"part": part}) for part, file in parts.items()
    ]

    def finish(tables: Tables, problems: Problems) -> Tables:
        events = tables["events"].with_columns(
            value=(pl.col("behavior") == "click").cast(pl.Float32)
        )
        items = items_of(events, {name: pl.col(name) for name in (*NUMBERS, *CATEGORIES)})
        is_test = pl.col("part") == "test"
        if not events.filter(is_test)["value"].sum():
            what = "has no clicks, so its labels are unknown; its rows are items without events"
            problems.note(parts["test"], None, what, kind="test file without labels")
            events = events.filter(~is_test).with_columns(part=pl.lit(None, pl.String))
        return {"events": events.drop(*NUMBERS, *CATEGORIES), "items": items}

    return Plan(path.name, sheets, finish)
