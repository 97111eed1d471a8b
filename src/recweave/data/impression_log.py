"""The table of impressions as rows and numbers."""

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput
from recweave.data.impressions import Impressions, click_history
from recweave.data.interactions import Clock
from recweave.data.vocabulary import Vocabulary


def number_impressions(
    table: pl.DataFrame, users: Vocabulary, items: Vocabulary, where: str
) -> Impressions:
    """One row for each impression, in the order of the table.

    Shown and read items that are not in the vocabulary are left out and counted. Impressions of
    which the clicks are not known (no labels, or a label missing) stay, with `labelled` False and
    nothing clicked: neither training nor evaluation may read their clicks.

    Args:
        table: The dataset's impressions.
        users, items: The dataset's vocabularies.
        where: The dataset's name, for messages.

    Raises:
        BadInput: if there are no impressions, if a row has another number of labels than of shown
            items, or if only some rows have a time.
    """
    if not len(table):
        raise BadInput(f"{where}: there are no impressions")
    time, clock = _times(table, where)
    labelled = _labelled(table, where)
    shown = table.select(
        "shown",
        clicked=pl.when(pl.Series(labelled))
        .then("clicked")
        .otherwise(pl.col("shown").list.eval(pl.lit(False))),
    )
    flat = shown.with_row_index("row").filter(pl.col("shown").list.len() > 0)
    flat = flat.explode("shown", "clicked")
    item, known = _rows(items, flat["shown"])
    clicked = flat["clicked"].fill_null(False).to_numpy()
    row = flat["row"].to_numpy()
    read = table.select("history").with_row_index("row").explode("history").drop_nulls()
    read_item, read_known = _rows(items, read["history"])
    start = _starts(read["row"].to_numpy()[read_known], len(table))
    return Impressions(
        user=users.rows(table["user_id"]),
        time=time,
        start=_starts(row[known], len(table)),
        item=item[known],
        clicked=clicked[known],
        history=click_history(start, read_item[read_known], time, len(items)),
        shape=(len(users), len(items)),
        clock=clock,
        labelled=labelled,
        unknown_shown=int((~known).sum()),
        unknown_clicked=int(clicked[~known].sum()),
        unknown_history=int((~read_known).sum()),
    )


def _times(table: pl.DataFrame, where: str) -> tuple[Int[Array, " n"], Clock]:
    missing = table["time"].null_count()
    if missing == len(table):
        return np.arange(len(table)), "order"
    if missing:
        raise BadInput(
            f"{where}: {missing:,} of {len(table):,} impressions have no time; drop them, or give "
            "none a time: their order in the table counts then"
        )
    return table["time"].to_numpy(), "seconds"


def _labelled(table: pl.DataFrame, where: str) -> Array:
    """Whether the clicks of each impression are known."""
    labels = pl.col("clicked").list.len()
    wrong = table.with_row_index("row").filter(labels != pl.col("shown").list.len())
    if len(wrong):
        first = wrong.row(0, named=True)
        raise BadInput(
            f"{where}: {len(wrong):,} impressions have another number of labels than of shown "
            f"items, the first in row {first['row']} ({first['impression_id']}): "
            f"{len(first['clicked'])} labels, {len(first['shown'])} items; mend the source"
        )
    complete = pl.col("clicked").list.eval(pl.element().is_not_null()).list.all()
    known = table.select(pl.col("clicked").is_not_null() & complete.fill_null(False))
    return np.asarray(known.to_series().to_numpy())


def _rows(items: Vocabulary, ids: pl.Series) -> tuple[Array, Array]:
    row = items.rows(ids)
    return row, row >= 0


def _starts(row: Array, count: int) -> Array:
    """Where each row's entries begin, and the end of the last."""
    return np.concatenate([[0], np.cumsum(np.bincount(row, minlength=count))])
