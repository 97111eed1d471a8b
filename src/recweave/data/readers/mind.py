"""MIND, Microsoft's news impressions."""

from pathlib import Path

import polars as pl

from recweave.core.errors import BadInput
from recweave.data.problems import Problems
from recweave.data.readers.columns import Column, ids, text, time
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of, pick_one
from recweave.data.readers.forms import Dtype
from recweave.data.readers.plan import Plan, Sheet, Tables
from recweave.data.readers.shown import by_blanks, labelled, with_impressions

LICENCE = "Microsoft Research License Terms: non-commercial research"

_NEWS = Delimited(
    "\t",
    ("id", "category", "subcategory", "title", "abstract", "url", "entities", "others"),
    quoted=False,
)
_LOG = Delimited("\t", ("id", "user", "time", "history", "shown"), quoted=False)
_PARTS = {"train": "train", "dev": "test"}


def mind(path: Path) -> Plan:
    """MIND: the folder of `behaviors.tsv` and `news.tsv`, or the folder of such folders.

    A click is an event of behaviour `click` too, at the time of its impression; the history has
    no times and makes no events. Of several folders, the one whose name ends in `train` is the
    part `train` and `dev` is `test`, as its labels are the last published; impression ids begin
    with the folder's name then. Without labels, nothing is known of clicks. An article's
    categories are its category and subcategory; it keeps its `url` and, as `entities`, the
    Wikidata ids in its title.
    """
    folders = _folders(path)
    sheets = []
    for folder in folders:
        files = files_of(folder)
        part = next((of for end, of in _PARTS.items() if folder.name.endswith(end)), None)
        fixed = {"part": part} if part and len(folders) > 1 else {}
        log = pick_one(files, folder, "behaviors.tsv")
        columns = _impressions(f"{folder.name}-" if len(folders) > 1 else "")
        sheets.append(Sheet("impressions", log, _LOG, columns, fixed))
        sheets.append(Sheet("items", pick_one(files, folder, "news.tsv"), _NEWS, _ARTICLES))
    return Plan(path.name, sheets, _finish, LICENCE)


def _folders(path: Path) -> list[Path]:
    """Where impressions lie: here, or in folders below, train first."""
    if not path.is_dir():
        raise BadInput(f"{path} is no folder; give the one that holds behaviors.tsv and news.tsv")
    if (path / "behaviors.tsv").exists():
        return [path]
    below = sorted(file.parent for file in path.glob("*/behaviors.tsv"))
    if not below:
        raise BadInput(f"{path} and the folders in it hold no behaviors.tsv; check the path")
    return sorted(below, key=lambda folder: not folder.name.endswith("train"))


def _impressions(prefix: str) -> dict[str, Column]:
    def number(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
        return pl.lit(prefix) + cells

    return {
        "impression_id": Column("id", number, required=True),
        "user_id": ids("user"),
        "time": time("time", "%m/%d/%Y %I:%M:%S %p"),
        "history": by_blanks("history"),
        **labelled("shown"),
    }


_ARTICLES = {
    "item_id": ids("id"),
    "title": text("title"),
    "description": text("abstract"),
    "category": text("category"),
    "subcategory": text("subcategory"),
    "url": text("url"),
    "entities": text("entities"),
}


def _finish(tables: Tables, problems: Problems) -> Tables:
    categories = pl.concat_list("category", "subcategory").list.drop_nulls()
    entities = pl.col("entities").str.extract_all(r"\bQ\d+\b")
    items = tables["items"].with_columns(categories=categories, entities=entities)
    tables = tables | {"items": items.drop("category", "subcategory")}
    return with_impressions(tables, problems)
