"""NeMig, a corpus of news about migration with reading logs."""

from pathlib import Path

import polars as pl

from recweave.data.problems import Problems
from recweave.data.readers.columns import ids, text, time
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of, pick_one
from recweave.data.readers.plan import Plan, Sheet, Tables
from recweave.data.readers.shown import by_blanks, labelled, with_impressions

LICENCE = "CC BY-NC-SA 4.0"

_NEWS = Delimited("\t", quoted=False)
_LOG = Delimited("\t", ("id", "user", "history", "shown"), quoted=False)
_NO_TOPIC = "-1"
_ARTICLES = {
    "item_id": ids("news_id"),
    "title": text("title"),
    "description": text("abstract"),
    "topic": text("topic"),
    "published": time("date_published", "%d.%m.%Y", required=False),
    "publisher": text("publisher"),
    "sentiment": text("sentiment"),
    "url": text("url"),
}


def nemig(path: Path) -> Plan:
    """NeMig: the folder of `behaviors.tsv` (without a header) and `news.tsv`.

    A click is an event of behaviour `click` too. There are no times, and the rows are in no order;
    the history of a user is the same in all their impressions. An article's category is its topic,
    `topic 12`; -1 is none. It keeps its day as `published` (seconds since 1970), its `publisher`, a
    Wikidata id, its `sentiment` and its `url`.
    """
    files = files_of(path)
    log = {
        "impression_id": ids("id"),
        "user_id": ids("user"),
        "history": by_blanks("history"),
        **labelled("shown"),
    }
    sheets = [
        Sheet("impressions", pick_one(files, path, "behaviors.tsv"), _LOG, log),
        Sheet("items", pick_one(files, path, "news.tsv"), _NEWS, _ARTICLES),
    ]
    return Plan(path.name, sheets, _finish, LICENCE)


def _finish(tables: Tables, problems: Problems) -> Tables:
    topic = pl.when(pl.col("topic") != _NO_TOPIC).then("topic " + pl.col("topic"))
    items = tables["items"].with_columns(categories=pl.concat_list(topic).list.drop_nulls())
    return with_impressions(tables | {"items": items.drop("topic")}, problems)
