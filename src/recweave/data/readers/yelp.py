"""Yelp's academic datasets, old and new."""

import re
from pathlib import Path
from typing import Any

from recweave.core.errors import BadInput
from recweave.data.readers.columns import Column, ids, text, texts, time
from recweave.data.readers.files import files_of, pick
from recweave.data.readers.numbers import number
from recweave.data.readers.plan import Plan, Sheet
from recweave.data.readers.records import JsonLines, Record

LICENCE = "Yelp Dataset Terms of Use: academic, no redistribution"

_WRITTEN: dict[str, Column] = {
    "user_id": ids("user_id"),
    "item_id": ids("business_id"),
    "text": text("text"),
    "time": time("date", "iso"),
}
_REVIEW = _WRITTEN | {"rating": number("stars", low=1, high=5, required=True)}
_BUSINESS = {
    "item_id": ids("business_id"),
    "title": text("name"),
    "categories": texts("categories", by=","),
}
_PERSON = {
    "user_id": ids("user_id"),
    "name": text("name"),
    "since": time("yelping_since", "iso", required=False),
}
_LEFT_OUT = ("type", "hours", "attributes", "photo_url", "url", "schools")


def yelp(path: Path) -> Plan:
    """Yelp's JSON lines: the folder of `…review.json`, `…tip.json`, `…business.json`, `…user.json`.

    Tips are reviews without a rating, and their events `favorite`. A business keeps what is a
    single value, under a name like `price_range` or `good_for_kids`: attributes, city, stars, …
    (stars and review counts are the publisher's, over all time). Of users their name and since when
    they write; their averages contain held-out ratings. Check-ins are nobody's, and not read.
    """
    files = files_of(path)
    sheets = []
    if reviews := pick(files, "*review.json", "*reviews.json"):
        sheets.append(Sheet("reviews", reviews, JsonLines(), _REVIEW))
    if tips := pick(files, "*tip.json", "*tips.json"):
        sheets.append(Sheet("reviews", tips, JsonLines(), _WRITTEN))
    if not sheets:
        there = ", ".join(file.name for file in files[:5])
        raise BadInput(f"{path} holds no *review.json or *tip.json, only {there}; check the path")
    if places := pick(files, "*business.json"):
        form = JsonLines(reshape=_business)
        sheets.append(Sheet("items", places, form, _BUSINESS, others=True))
    if people := pick(files, "*user.json"):
        sheets.append(Sheet("users", people, JsonLines(), _PERSON))
    return Plan(path.name, sheets, licence=LICENCE)


def _business(record: Record) -> Record:
    """A business with its attributes beside its other fields; what is no single value goes."""
    fields = {name: value for name, value in record.items() if name not in _LEFT_OUT}
    attributes = record.get("attributes")
    for name, value in (attributes if isinstance(attributes, dict) else {}).items():
        fields.setdefault(_snake(name), _plain(value))
    return {
        name: value
        for name, value in fields.items()
        if name == "categories" or not isinstance(value, (dict, list))
    }


def _snake(name: str) -> str:
    """`Good for Kids` and `GoodForKids` as `good_for_kids`."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name.removeprefix("Restaurants"))
    return "_".join(parts).lower().removesuffix("_2")


def _plain(value: Any) -> Any:
    """The newer files write values as Python would: `u'free'`, `'None'`, `{'lot': True}`."""
    if not isinstance(value, str):
        return value
    word = re.sub(r"^u?'(.*)'$", r"\1", value)
    return {} if word.startswith("{") else None if word == "None" else word
