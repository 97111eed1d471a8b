"""Sequences of items, a user a line, as S3Rec, P5 and their followers publish them."""

import json
from pathlib import Path

import polars as pl

from recweave.data.interactions import behavior_code
from recweave.data.problems import BrokenFile, Problems
from recweave.data.readers.columns import ids, text, texts
from recweave.data.readers.delimited import Delimited, Words
from recweave.data.readers.files import files_of, opened, pick, pick_one
from recweave.data.readers.plan import Plan, Sheet, Tables
from recweave.data.schema import TEXTS


def sequence(path: Path, *, behavior: str = "click") -> Plan:
    """Lines of `user item item …`, oldest first: a text file, or the folder of one `.txt`.

    There are no times: the order counts. In the folder may lie `items.tsv` (item_id, title,
    categories, …) and `*item2attributes.json` (item to attributes, which the items keep as a
    list).

    Args:
        path: The file or the folder.
        behavior: The behaviour of all events.

    Raises:
        UnknownName: if there is no such behaviour.
    """
    behavior_code(behavior)
    files = files_of(path)
    log = path if path.is_file() else pick_one(files, path, "*.txt")
    columns = {"user_id": ids("user"), "item_id": ids("item")}
    sheets = [Sheet("events", log, Words(), columns, {"behavior": behavior})]
    if items := pick(files, "items.tsv"):
        words = {"title": text("title", html=True), "categories": texts("categories", html=True)}
        columns = {"item_id": ids("item_id"), **words}
        sheets.append(Sheet("items", items, Delimited("\t"), columns, others=True))
    attributes = pick(files, "*item2attributes.json")

    def finish(tables: Tables, problems: Problems) -> Tables:
        events = tables["events"].with_columns(order=pl.int_range(pl.len()))
        result = tables | {"events": events}
        return result if attributes is None else _with_attributes(result, attributes)

    return Plan(path.stem, sheets, finish, also=[attributes] if attributes else [])


def _with_attributes(tables: Tables, file: Path) -> Tables:
    try:
        with opened(file) as raw:
            found = json.load(raw)
        listed = {item: [str(attribute) for attribute in of] for item, of in found.items()}
    except (OSError, EOFError, ValueError, TypeError, AttributeError, RecursionError) as error:
        what = f"is no JSON object of lists, one for each item ({error}); fetch it again"
        raise BrokenFile(file, None, what) from None
    table = pl.DataFrame(
        {"item_id": list(listed), "attributes": list(listed.values())},
        schema={"item_id": pl.String, "attributes": TEXTS},
    )
    if "items" in tables:
        table = tables["items"].join(table, on="item_id", how="left", maintain_order="left")
    return tables | {"items": table}
