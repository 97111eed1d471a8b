"""Google's restaurant reviews with photographs (UCSD; Kaggle `hwwang98/google-restaurants`)."""

from pathlib import Path

import polars as pl

from recweave.data.readers.columns import ids, labels, text, texts
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of, lines, pick_one
from recweave.data.readers.forms import Form
from recweave.data.readers.numbers import number
from recweave.data.readers.plan import Plan, Sheet
from recweave.data.readers.records import JsonDocument, JsonLines

LICENCE = "UCSD: research use"

_FIELDS = ("user_id", "business_id", "rating", "review_text", "pics")
_PARTS = {"train": "train", "val": "valid", "valid": "valid", "test": "test"}


def google_restaurants(path: Path) -> Plan:
    """Google's restaurant reviews with pictures: a file, or the folder that it is in.

    Its fields are user_id, business_id, rating, review_text and pics. It may be one JSON document
    of the parts train, val and test (`filter_all_t.json`) or of a list, JSON lines
    (`image_review_all.json`) or CSV. Pictures are kept as they are named there: addresses, or the
    ids of files. There are no times, and the restaurants have no names.
    """
    file = pick_one(files_of(path), path, "filter_all*.json", "*.jsonl", "*.json", "*.csv")
    form = _form(file)
    columns = {
        "user_id": ids("user_id"),
        "item_id": ids("business_id"),
        "rating": number("rating", low=1, high=5, required=True),
        "text": text("review_text"),
        "images": texts("pics", keys=("url", "id")),
    }
    if isinstance(form, JsonDocument):
        columns["part"] = labels("part", _PARTS, kind=pl.String(), required=False)
    return Plan(path.stem, [Sheet("reviews", file, form, columns)], licence=LICENCE)


def _form(file: Path) -> Form:
    if file.name.removesuffix(".gz").endswith(".csv"):
        return Delimited()
    try:
        one_a_line = "user_id" in JsonLines().record(next(lines(file))[1])
    except ValueError:
        one_a_line = False  # the first line of a document is only its beginning
    return JsonLines() if one_a_line else JsonDocument(_FIELDS)
