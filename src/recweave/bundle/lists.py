"""Recommendations for people and for other programs: tables with ids, not rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from recweave.core.atomic import atomic_file
from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.core.tables import html_table

SCHEMA = {
    "user_id": pl.String(),
    "item_id": pl.String(),
    "rank": pl.Int32(),
    "score": pl.Float32(),
    "source": pl.String(),
}
"""Columns of a table of recommendations; `user_id` is "" for a history that was given by itself."""


@dataclass(frozen=True, eq=False)
class Recommendations:
    """Lists of items, one line for each item of each list.

    Attributes:
        table: Columns of `SCHEMA`: rank counts from 1, the best first; score orders one list and
            is not comparable between sources; source is the row of the recipe, or the fallback.
            Tables of similar items have item_id and similar_id instead of user_id and item_id.
        titles: Titles by item id, as far as the catalogue has them.
        note: Of one list: why it is empty, or by the fallback; "" if there is nothing to say.
    """

    table: pl.DataFrame
    titles: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        note = f" {self.note}" if self.note else ""
        return f"<Recommendations: {len(self.table):,} lines>{note}\n{self.with_titles()}"

    def to_frame(self) -> pl.DataFrame:
        """The table as a Polars frame."""
        return self.table

    def to_pandas(self) -> Any:
        """The table as a pandas frame.

        Raises:
            MissingExtra: if pandas is not installed.
        """
        pandas = require("pandas", extra="pandas")
        return pandas.DataFrame(self.table.to_dict(as_series=False))

    def with_titles(self) -> pl.DataFrame:
        """The table with the listed items' titles after their ids."""
        title = self.table.to_series(1).replace_strict(
            dict(self.titles), default="", return_dtype=pl.String
        )
        return self.table.clone().insert_column(2, title.alias("title"))

    def _repr_html_(self) -> str:
        return html_table(self.with_titles())


def write_lists(parts: Iterator[pl.DataFrame], path: Path) -> int:
    """Write tables one after the other into a file that appears whole or not at all.

    Args:
        parts: Read one at a time; they are never in memory together.
        path: Ends in .parquet or .csv.

    Returns:
        How many lines were written.

    Raises:
        BadSetting: for another ending.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise BadSetting(f"{path}: lists are written as .parquet or .csv; choose one of these")
    first = next(parts, None)
    if first is None:
        raise BadSetting("there are no users to make lists for")
    lines = 0

    def counted(*_: Any) -> Iterator[pl.DataFrame]:
        nonlocal lines
        for part in chain([first], parts):
            lines += len(part)
            yield part

    with atomic_file(path) as draft:
        stream = register_io_source(counted, schema=first.schema)
        if path.suffix == ".parquet":
            stream.sink_parquet(draft)
        else:
            stream.sink_csv(draft)
    return lines
