"""Frames that users have: Polars, pandas, or plain columns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from recweave.core.errors import BadInput
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.data.ids import ID_COLUMNS


def to_polars(given: Any) -> pl.DataFrame:
    """A Polars frame of what was given.

    Args:
        given: A Polars frame, lazy or not, a pandas frame, a mapping of columns, a list of rows as
            mappings, or the path of a Parquet or CSV file.

    Raises:
        BadInput: for anything else, or a table that cannot be read.
    """
    if isinstance(given, pl.DataFrame):
        return given
    try:
        if isinstance(given, pl.LazyFrame):
            return given.collect()
        if isinstance(given, str | Path):
            return _read(Path(given))
        if type(given).__module__.partition(".")[0] == "pandas":
            # Column by column, as pl.from_pandas needs pyarrow, which the core does not install.
            return pl.DataFrame({str(name): _column(given[name]) for name in given.columns})
        if isinstance(given, Mapping | list | tuple):
            return pl.DataFrame(given)
    except (*POLARS_ERRORS, TypeError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{name_of(given, 'this table')} cannot be read: {reason}") from None
    raise BadInput(
        f"a {type(given).__name__} is no table; give a Polars or pandas frame, columns by name, or "
        "the path of a Parquet or CSV file"
    )


def name_of(given: Any, otherwise: str) -> str:
    """What messages call it: the path of a file, or what is said otherwise."""
    return str(given) if isinstance(given, str | Path) else otherwise


def _read(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path, glob=False)
    # Numbers as ids are text: 007 and 7 are two. The rule for 5.0 is of numbers in memory.
    ids = {name: pl.String for names in ID_COLUMNS.values() for name in names}
    return pl.read_csv(path, infer_schema_length=None, glob=False, schema_overrides=ids)


def _column(series: Any) -> pl.Series:
    """A pandas column; its missing values (NaN, NaT, None) are null."""
    kind = str(series.dtype)
    if kind.startswith("datetime64"):
        if series.dt.tz is not None:  # NumPy knows no zones
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return pl.Series(series.to_numpy().astype("datetime64[us]"))
    if kind.startswith(("period", "timedelta")):
        raise TypeError(f"the column '{series.name}' is of {kind}; convert it to moments")
    if kind in ("object", "str", "string", "category"):
        values = series.astype(object).where(series.notna(), None)
        return pl.Series(values.tolist())
    column = pl.Series(series.to_numpy())
    return column.fill_nan(None) if column.dtype.is_float() else column
