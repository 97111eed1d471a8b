"""MovieLens 100K with the films' posters and overviews (from TMDB)."""

from pathlib import Path

import polars as pl

from recweave.core.errors import BadInput
from recweave.data.problems import Problems
from recweave.data.readers.columns import ids, text
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of, pick_one
from recweave.data.readers.load import load
from recweave.data.readers.photos import found_photos
from recweave.data.readers.plan import Plan, Sheet, Tables
from recweave.data.readers.recbole import recbole

YEARS_APART = 1
"""Years between a film's release in both sources at most: it may have come out at home first."""

_OVERVIEW = {
    "item_id": ids("item_id"),
    "description": text("overview"),
    "tagline": text("tagline"),
    "released": text("release_date"),
}


def movielens_posters(path: Path, log: str = "../ml-100k") -> Plan:
    """MovieLens 100K with posters (`posters.zip`) and overviews (`overviews.csv`) of its films.

    `log` is the folder of MovieLens 100K in RecBole's form, relative to `path`. An overview is of a
    film if the films' years differ by at most one; the first such is kept, the others are counted.
    Paths of posters are relative to `path`.
    """
    folder = path / log
    if not folder.is_dir():
        raise BadInput(
            f"{folder} is no folder; the ratings of MovieLens 100K are read from there "
            "(`recweave data get ml-100k`), or from the folder named by the option `log`"
        )
    ratings = recbole(folder)
    file = pick_one(files_of(path), path, "overviews.csv")
    posters = found_photos(path)

    def finish(tables: Tables, problems: Problems) -> Tables:
        # Several overviews may be of one film, so they are read as rows without a key.
        overviews = load(Sheet("events", file, Delimited(), _OVERVIEW), problems)
        items = tables["items"]
        year = items.select("item_id", year=pl.col("release_year").cast(pl.Int32, strict=False))
        written = overviews.with_columns(
            released=pl.col("released").str.slice(0, 4).cast(pl.Int32, strict=False)
        ).join(year, on="item_id", how="left", maintain_order="left")
        apart = (pl.col("released") - pl.col("year")).abs() <= YEARS_APART
        right = written.filter(apart).unique("item_id", keep="first", maintain_order=True)
        if wrong := len(written) - len(right):
            what = "overviews of a film that has one already, or of another film by its year"
            problems.note(file, None, f"has {wrong:,} {what}; they are left out", kind=what)
        items = items.join(
            right.select("item_id", "description", "tagline"),
            on="item_id",
            how="left",
            maintain_order="left",
        ).join(posters, on="item_id", how="left", maintain_order="left")
        return tables | {"items": items}

    return Plan(path.stem, ratings.sheets, finish, also=[path])
