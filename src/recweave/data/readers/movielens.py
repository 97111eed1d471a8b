"""MovieLens as GroupLens publishes it: 100K, 1M and 10M, 20M and later."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recweave.data.problems import Problems
from recweave.data.readers.columns import ids, labels, text, texts, time
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of, pick, pick_one
from recweave.data.readers.numbers import number
from recweave.data.readers.plan import Plan, Sheet, Tables

LICENCE = "GroupLens: research use, no redistribution; see the archive's README"

_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance"),
    *("Sci-Fi", "Thriller", "War", "Western"),
)
_LOG = ("userId", "movieId", "rating", "timestamp")
_RATED = {
    "user_id": ids("userId"),
    "item_id": ids("movieId"),
    "value": number("rating", low=0.5, high=5, required=True),
    "time": time("timestamp"),
}
_MOVIE = {
    "item_id": ids("movieId"),
    "title": text("title"),
    "categories": texts("genres", absent=("(no genres listed)",)),
}
_PERSON = {"user_id": ids("userId")}


def movielens(path: Path) -> Plan:
    """MovieLens 100K, 1M, 10M, 20M or later: the folder of the unpacked archive.

    Its files say which one. 100K: `u.data`, `u.item`, `u.user`. 1M and 10M: `ratings.dat`,
    `movies.dat`, `users.dat`. 20M, 25M, 32M, latest: `ratings.csv`, `movies.csv`. Titles keep their
    year; ages and occupations of 1M stay the publisher's codes; tags, links and ready-made folds
    are not read.
    """
    files = files_of(path)
    log = pick_one(files, path, "u.data", "ratings.dat", "ratings.csv")
    if log.name.startswith("u.data"):
        form, more = Delimited("\t", _LOG, quoted=False), _of_100k(files)
    elif log.name.startswith("ratings.dat"):
        form, more = Delimited("::", _LOG, quoted=False), _of_1m(files)
    else:
        movies = pick(files, "movies.csv")
        form, more = Delimited(), [Sheet("items", movies, Delimited(), _MOVIE)] if movies else []
    return Plan(path.stem, [Sheet("events", log, form, _RATED), *more], _genres, LICENCE)


def _of_100k(files: Sequence[Path]) -> list[Sheet]:
    sheets = []
    if movies := pick(files, "u.item"):
        names = ("movieId", "title", "released", "video", "url", *_GENRES)
        form = Delimited("|", names, quoted=False, encoding="latin-1")
        flags = {name: labels(name, {"0": "", "1": name}, kind=pl.String()) for name in _GENRES}
        sheets.append(Sheet("items", movies, form, _MOVIE | flags, others=True))
    if people := pick(files, "u.user"):
        form = Delimited("|", ("userId", "age", "gender", "occupation", "zip"), quoted=False)
        sheets.append(Sheet("users", people, form, _PERSON, others=True))
    return sheets


def _of_1m(files: Sequence[Path]) -> list[Sheet]:
    sheets = []
    if movies := pick(files, "movies.dat"):
        form = Delimited("::", ("movieId", "title", "genres"), quoted=False, encoding="latin-1")
        sheets.append(Sheet("items", movies, form, _MOVIE))
    if people := pick(files, "users.dat"):
        form = Delimited("::", ("userId", "gender", "age", "occupation", "zip"), quoted=False)
        sheets.append(Sheet("users", people, form, _PERSON, others=True))
    return sheets


def _genres(tables: Tables, problems: Problems) -> Tables:
    """The 19 columns of 0 and 1 in 100K's `u.item` as a list."""
    items = tables.get("items")
    if items is None or _GENRES[0] not in items.columns:
        return tables
    listed = pl.concat_list(*_GENRES).list.filter(pl.element() != "")
    return tables | {"items": items.with_columns(categories=listed).drop(_GENRES)}
