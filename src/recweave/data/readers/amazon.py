"""Amazon's reviews and metadata as the McAuley lab publishes them: 2014, 2018, 2023."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from recweave.core.errors import BadInput
from recweave.data.problems import BrokenFile, Problems
from recweave.data.readers.columns import Column, ids, text, texts, time
from recweave.data.readers.derive import links_of
from recweave.data.readers.files import files_of
from recweave.data.readers.numbers import number, price
from recweave.data.readers.plan import Plan, Sheet, Tables
from recweave.data.readers.records import JsonLines, Record

LICENCE = "UCSD, McAuley lab: research use"

_RELATIONS = {name: name for name in ("also_buy", "also_view", "bought_together", "later_buy")}
_PICTURE = ("hi_res", "large", "large_image_url", "medium_image_url", "small_image_url", "thumb")

_REVIEW: Mapping[str, Column] = {
    "user_id": ids("reviewerID"),
    "item_id": ids("asin"),
    "rating": number("overall", low=1, high=5, required=True),
    "text": text("reviewText", html=True),
    "headline": text("summary", html=True),
    "time": time("unixReviewTime"),
    "images": texts("image", by=None),
}
_REVIEW_2023: Mapping[str, Column] = {
    "user_id": ids("user_id"),
    "item_id": ids("parent_asin"),
    "rating": number("rating", low=1, high=5, required=True),
    "text": text("text", html=True),
    "headline": text("title", html=True),
    "time": time("timestamp", "ms"),
    "images": texts("images", by=None, keys=_PICTURE),
}
_ITEM: Mapping[str, Column] = {
    "item_id": ids("asin"),
    "title": text("title", html=True),
    "description": text("description", html=True, listed=True),
    "brand": text("brand", html=True),
    "price": price("price"),
    "categories": texts("category", by=None, html=True),
    "images": texts("imageURLHighRes", by=None),
    **{name: texts(name, by=None) for name in _RELATIONS},
}
_ITEM_2023: Mapping[str, Column] = {
    **_ITEM,
    "item_id": ids("parent_asin"),
    "brand": text("store", html=True),
    "categories": texts("categories", by=None, html=True),
    "images": texts("images", by=None, keys=_PICTURE),
}


def amazon(path: Path) -> Plan:
    """Amazon's reviews and metadata of 2014, 2018 or 2023: JSON lines, or a folder of them.

    A file (`.gz` or not) is recognised by its fields. Of 2023, items are `parent_asin`s. Of
    2014, metadata are Python literals, which are read as such and never run. Tags and entities in
    text are resolved; a review without text has its headline for one. Lists of other items become
    links: also_buy, also_view, bought_together, later_buy (bought after viewing). Of items that
    stand twice, the first counts; prices that are none are left out; both are noted.
    """
    sheets = [sheet for file in files_of(path) if (sheet := _sheet(file))]
    if not any(sheet.table == "reviews" for sheet in sheets):
        raise BadInput(f"{path} holds no file of reviews in JSON lines; check the path")
    return Plan(path.name.partition(".")[0], sheets, _finish, LICENCE)


def _sheet(file: Path) -> Sheet | None:
    """What a file holds, by the fields of its first records."""
    if not file.name.removesuffix(".gz").endswith((".json", ".jsonl")):
        return None
    form, fields = _form(file)
    if "reviewerID" in fields:
        return Sheet("reviews", file, form, _REVIEW)
    if "user_id" in fields:
        return Sheet("reviews", file, form, _REVIEW_2023)
    if "parent_asin" in fields:
        return Sheet("items", file, form, _ITEM_2023, repeated=True)
    if not form.literal and {"imUrl", "related", "salesRank"}.intersection(fields):
        form = JsonLines(_of_2014)
    return Sheet("items", file, form, _ITEM, repeated=True)


def _form(file: Path) -> tuple[JsonLines, list[str]]:
    """JSON lines or Python literals, and the fields of the first records."""
    form = JsonLines()
    try:
        return form, form.fields(file, every=False)
    except BrokenFile as no_json:
        form = JsonLines(_of_2014, literal=True)
        try:
            return form, form.fields(file, every=False)
        except BrokenFile:
            raise no_json from None


def _of_2014(record: Record) -> Record:
    """A record of 2014 under the names of 2018."""
    related = record.get("related")
    named = related if isinstance(related, dict) else {}
    return record | {
        "category": record.get("categories"),
        "imageURLHighRes": record.get("imUrl"),
        "also_buy": named.get("also_bought"),
        "also_view": named.get("also_viewed"),
        "bought_together": named.get("bought_together"),
        "later_buy": named.get("buy_after_viewing"),
    }


def _finish(tables: Tables, problems: Problems) -> Tables:
    reviews = tables["reviews"].with_columns(pl.coalesce("text", "headline"))
    result = tables | {"reviews": reviews}
    if "items" in tables:
        items = tables["items"]
        result["links"] = links_of(items, _RELATIONS)
        result["items"] = items.drop(_RELATIONS, strict=False)
    return result
