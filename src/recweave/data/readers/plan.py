"""What a reader says of a source: which files hold which tables, and what their columns mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from recweave.data.problems import Problems
from recweave.data.readers.columns import Column
from recweave.data.readers.forms import Form

Tables = dict[str, pl.DataFrame]
"""Tables of a dataset by name, on their way: they may hold more columns than `schema.COLUMNS`."""

Finish = Callable[[Tables, Problems], Tables]
"""Makes the tables of a dataset out of what the files hold."""


@dataclass(frozen=True)
class Sheet:
    """One file as (part of) one table.

    Attributes:
        table: A key of `schema.COLUMNS`.
        path: The file.
        form: How it holds rows.
        columns: What the table's columns are in the file. One that the file lacks is left out,
            unless it is required. Names the table does not know are for `Plan.finish`.
        fixed: Values of columns that are the same in all rows.
        others: Whether the file's other columns are kept, under their names: as numbers or truth
            values where each cell is one, else as text.
        padding: Columns; a row in which all are empty is no row.
        repeated: Whether the source is known to repeat ids, so that the first row counts and
            others are noted; else a row that differs from an earlier one of its id is refused.
        noted: What else the owner of the file should know.
    """

    table: str
    path: Path
    form: Form
    columns: Mapping[str, Column]
    fixed: Mapping[str, str | float] = field(default_factory=dict)
    others: bool = False
    padding: Sequence[str] = ()
    repeated: bool = False
    noted: Sequence[str] = ()


def as_they_are(tables: Tables, problems: Problems) -> Tables:
    """The files hold the tables."""
    return tables


@dataclass(frozen=True)
class Plan:
    """How a source is read. Without events, they come from reviews and impressions.

    Attributes:
        name: What the dataset is called.
        sheets: Its files.
        finish: What is done with the tables once they are read.
        licence: The publisher's terms.
        card: What its users must know of where it comes from, such as what is simulated.
        also: Files and folders that `finish` reads.
        unread: What to do about files of the folder that nothing reads.
    """

    name: str
    sheets: Sequence[Sheet]
    finish: Finish = as_they_are
    licence: str = "not stated"
    card: str = ""
    also: Sequence[Path] = ()
    unread: str = "the reader has no use for them"


Reader = Callable[..., Plan]
"""From a path (and options of the source) to a plan; it looks at names and first lines alone."""
