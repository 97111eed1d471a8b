"""News titles with clicks and non-clicks, as published with DKN (Bing News)."""

from pathlib import Path

import polars as pl

from recweave.data.problems import Problems
from recweave.data.readers.columns import ids, labels, texts
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.derive import items_of
from recweave.data.readers.files import files_of, pick_one
from recweave.data.readers.plan import Plan, Sheet, Tables

_FORM = Delimited("\t", ("user", "title", "label", "entities"), quoted=False)
_COLUMNS = {
    "user_id": ids("user"),
    "item_id": ids("title"),
    "behavior": labels("label", {"1": "click", "0": "impression"}),
    "entities": texts("entities", by=";"),
}


def bing_news(path: Path) -> Plan:
    """Bing News as published with DKN: the folder of `raw_train.txt` and `raw_test.txt`.

    The columns are user, title, label, entities. An article is known by its title alone, so the
    title is its id. A label of 1 is a `click`, 0 an `impression`. There are no times. Articles keep
    their `entities` (`number:name`).
    """
    files = files_of(path)
    parts = {part: pick_one(files, path, f"raw_{part}.txt") for part in ("train", "test")}
    sheets = [
        Sheet("events", file, _FORM, _COLUMNS, {"part": part}) for part, file in parts.items()
    ]
    return Plan(path.name, sheets, _articles)


def _articles(tables: Tables, problems: Problems) -> Tables:
    columns = {"title": pl.col("item_id"), "entities": pl.col("entities")}
    return tables | {"items": items_of(tables["events"], columns)}
