"""One rule for ids that are numbers, on every path from a file or a frame into a dataset.

A number without a fraction is its digits: 5 and 5.0, as JSON, Parquet and data frames hold them,
are the id `5`. Text stays as it is written (`007`, `5e3`), with one exception: where all ids of a
kind are whole numbers and some of them end in `.0` (pandas writes them so when a column has gaps),
`5.0` is the id `5`. That is noted.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from recweave.data.problems import Problems

if TYPE_CHECKING:
    Dtype = pl.DataType
else:
    Dtype = Any  # the run-time checker of the tests cannot read Polars' class of types

TEXTS = pl.List(pl.String)

ID_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "user": ("user_id",),
    "item": ("item_id", "other_id", "history", "shown"),
}
"""Columns whose ids name the same things."""

_WHOLE = r"^-?(0|[1-9]\d*)(\.0)?$"
_TAIL = r"\.0$"
_EXACT = 2.0**53  # above it a float holds no longer every whole number


def id_text(cells: pl.Expr, dtype: Dtype) -> pl.Expr:
    """Ids of any type as text; a number that is undefined is no id (null)."""
    if dtype.is_nested():  # Polars would write it out as text
        raise pl.exceptions.InvalidOperationError(f"{dtype} where an id is expected")
    if dtype == pl.String:
        return cells
    if dtype.is_float():
        whole = (cells == cells.round()) & (cells.abs() < _EXACT)
        digits = cells.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole).then(digits).when(~cells.is_nan()).then(cells.cast(pl.String))
    return cells.cast(pl.String, strict=False)


def whole_numbers(
    tables: Mapping[str, pl.DataFrame], where: str, problems: Problems
) -> dict[str, pl.DataFrame]:
    """The tables with `5.0` as `5`, where all ids of the kind are whole numbers; else as they are.

    Args:
        tables: Of a dataset, by name.
        where: What notes call the source.
        problems: Takes a note where ids are changed, or look as if they should be.
    """
    result = dict(tables)
    for kind, columns in ID_COLUMNS.items():
        places = [
            (table, name) for table, frame in result.items() for name in columns if name in frame
        ]
        dotted = [place for place in places if _any_dotted(result[place[0]], place[1])]
        if not dotted:
            continue
        table, name = dotted[0]
        first = _ids(result[table], name).filter(_ids(result[table], name).str.contains(_TAIL))[0]
        if not all(_ids(result[t], n).str.contains(_WHOLE).all() for t, n in places):
            what = f"ids of {kind}s like {first!r} stay as they are, as other ids are no numbers"
            problems.note(where, None, what, kind=f"{kind} ids that end in .0 stay")
            continue
        for table, name in dotted:
            result[table] = result[table].with_columns(_cut(name, result[table].schema[name]))
        what = f"all ids of {kind}s are whole numbers, so {first!r} is read as "
        what += repr(first.partition(".")[0])
        problems.note(where, None, what, kind=f"{kind} ids without .0")
    return result


def _any_dotted(frame: pl.DataFrame, name: str) -> bool:
    cells = pl.col(name) if frame.schema[name] != TEXTS else pl.col(name).explode()
    # As bytes, which takes a quarter less.
    dotted = frame.lazy().select(cells.cast(pl.Binary).bin.ends_with(b".0").any())
    return bool(dotted.collect(engine="streaming").item())


def _ids(frame: pl.DataFrame, name: str) -> pl.Series:
    column = frame[name]
    return (column if column.dtype == pl.String else column.explode()).drop_nulls()


def _cut(name: str, dtype: Dtype) -> pl.Expr:
    if dtype == TEXTS:
        return pl.col(name).list.eval(pl.element().str.replace(_TAIL, ""))
    return pl.col(name).str.replace(_TAIL, "")
