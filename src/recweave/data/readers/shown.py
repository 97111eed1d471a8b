"""Columns of impressions: what a user had read, what was shown, and what of it was clicked."""

from collections.abc import Callable, Mapping
from functools import partial

import polars as pl

from recweave.core.errors import BadInput
from recweave.data.problems import Problems
from recweave.data.readers.columns import Column
from recweave.data.readers.forms import Dtype
from recweave.data.readers.plan import Tables
from recweave.data.schema import TEXTS

CLICKED = "clicked_words"
"""What the source says of clicks, before it is known what it means."""

Words = Callable[[pl.Expr, Dtype], pl.Expr]
"""From cells of a type to lists of words."""

_LABEL = "-[01]$"
_MARKS = r"""[\[\](){}"',;|]"""
_YES, _NO = ("1", "true", "True", "yes"), ("0", "false", "False", "no")


def labelled(source: str) -> dict[str, Column]:
    """`shown` and `clicked` of cells as MIND's: `N1-0 N2-1`, or `N1 N2` without labels."""
    shown = Column(
        source,
        partial(_without_labels, words=_by_blanks),
        required=True,
        mismatch="is not a list as 'N1-0 N2-1', or 'N1 N2' without labels",
    )
    return {"shown": shown, "clicked": Column(source, partial(_labels, words=_by_blanks))}


def by_blanks(source: str) -> Column:
    """Ids with blanks between them."""
    return Column(source, _by_blanks)


def id_list(source: str, *, required: bool = False) -> Column:
    """Ids as a list; in text with blanks, commas, semicolons or bars between them."""
    return Column(source, _words, required=required)


def shown_list(source: str) -> Column:
    """The same for what was shown; labels as MIND's are taken off."""
    return Column(
        source,
        partial(_without_labels, words=_words),
        required=True,
        mismatch="is not a list of ids in which all have labels as N1-0, or none; if ids end so, "
        "say what was clicked in a column 'clicked'",
    )


def with_clicks(columns: Mapping[str, Column], *, own: bool) -> dict[str, Column]:
    """Columns of anybody's impressions: clicks by a column of their `own`, else by labels.

    With a column of their own, ids in `shown` stay as they are, even if they end in -1.
    """
    shown = columns["shown"].source
    rest = {name: one for name, one in columns.items() if name != "clicked"}
    if own:
        clicks = columns["clicked"].source
        return rest | {"shown": id_list(shown, required=True), CLICKED: id_list(clicks)}
    return rest | {"clicked": Column(shown, partial(_labels, words=_words))}


def with_impressions(tables: Tables, problems: Problems) -> Tables:
    """The tables of a source that has impressions, with their clicks as truth values.

    What the source says of clicks is one of three things, the same in the whole table: a yes or no
    for each shown item (true, 1), the ids of what was clicked, or labels in what was shown. Missing
    histories are empty, and without a column of ids impressions are numbered from 1. Where an id
    was clicked that its impression did not show, the clicks of that impression are unknown.

    Raises:
        BadInput: if that is so of all impressions with clicks.
    """
    if "impressions" not in tables:
        return tables
    table = tables["impressions"]
    if "impression_id" not in table.columns:
        table = table.with_columns(
            impression_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).cast(pl.String)
        )
    if "history" in table.columns:
        table = table.with_columns(pl.col("history").fill_null(pl.lit([], TEXTS)))
    if CLICKED in table.columns:
        clicks = table[CLICKED].explode().drop_nulls()
        as_many = (pl.col(CLICKED).list.len() == pl.col("shown").list.len()).all()
        if clicks.is_in([*_YES, *_NO]).all() and table.select(as_many).item():
            table = table.with_columns(
                clicked=pl.col(CLICKED).list.eval(pl.element().is_in(list(_YES)))
            )
        else:
            table = _of_ids(table, problems)
    return tables | {"impressions": table}


def _of_ids(table: pl.DataFrame, problems: Problems) -> pl.DataFrame:
    """Clicks by ids; an impression of which the source says nothing has unknown clicks."""
    rows = table.with_row_index("row")
    pairs = rows.select("row", shown=CLICKED).explode("shown").drop_nulls()
    flat = rows.select("row", "shown").explode("shown").drop_nulls()
    marked = flat.join(
        pairs.unique().with_columns(yes=True),
        on=["row", "shown"],
        how="left",
        maintain_order="left",
    )
    lost = pairs.join(flat, on=["row", "shown"], how="anti")
    wrong = lost["row"].unique()
    if len(wrong):
        row, item = lost.row(0)
        what = f"impression '{table['impression_id'][row]}' says that '{item}' was clicked, and did"
        if len(wrong) == pairs["row"].n_unique():
            raise BadInput(
                f"impressions: {what} not show it, as all others do; `clicked` holds ids of "
                "`shown`, or a yes or no (1, 0, true, false) for each of them"
            )
        what = f"{what} not show it; what was clicked in it counts as unknown"
        problems.note("impressions", None, what, kind="clicked, not shown", n=len(wrong))
    clicked = marked.group_by("row").agg(clicked=pl.col("yes").fill_null(False))
    known = rows.join(clicked, on="row", how="left", maintain_order="left")
    nothing = pl.lit([], pl.List(pl.Boolean))
    return known.drop("row").with_columns(
        clicked=pl.when(pl.col(CLICKED).is_not_null() & ~rows["row"].is_in(wrong.implode())).then(
            pl.col("clicked").fill_null(nothing)
        )
    )


def _by_blanks(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
    return cells.str.split(" ").list.filter(pl.element() != "")


def _words(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
    if dtype != pl.String:
        return cells.cast(TEXTS)
    return _by_blanks(cells.str.replace_all(_MARKS, " ").str.replace_all(r"\s+", " "), dtype)


def _without_labels(cells: pl.Expr, dtype: Dtype, words: Words) -> pl.Expr:
    """The items; null where some have labels and others none."""
    found = words(cells, dtype)
    with_label = found.list.eval(pl.element().str.contains(_LABEL)).list.sum()
    items = found.list.eval(pl.element().str.replace(_LABEL, ""))
    return pl.when((with_label == 0) | (with_label == found.list.len())).then(items)


def _labels(cells: pl.Expr, dtype: Dtype, words: Words) -> pl.Expr:
    """Whether each was clicked; null where there are no labels."""
    found = words(cells, dtype)
    with_label = found.list.eval(pl.element().str.contains(_LABEL)).list.sum()
    return pl.when(with_label > 0).then(found.list.eval(pl.element().str.ends_with("-1")))
