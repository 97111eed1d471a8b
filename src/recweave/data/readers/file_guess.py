"""A look at one file of one's own: which table it seems to hold, and what its columns mean."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from recweave.core.polars_errors import POLARS_ERRORS
from recweave.data.problems import BrokenFile
from recweave.data.readers.column_names import behavior_of, behaviors_of, named_columns, table_of
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.dialect import ENDS, Dialect, end_of, form_of, separator_name
from recweave.data.readers.excel import WORKBOOKS, Excel, sheet_names
from recweave.data.readers.forms import Form, TextForm
from recweave.data.readers.records import JsonDocument, JsonLines, Nested, Parquet
from recweave.data.schema import BEHAVIORS, REQUIRED
from recweave.data.times import described, recognised

_SAMPLE = 1_000  # rows that are looked at
_WORDS = 30  # different words that a column of behaviours may have


@dataclass(frozen=True)
class FileGuess:
    """What one file seems to be.

    Attributes:
        file: Its name in the folder.
        sheet: Of a workbook, the name of the sheet; else empty.
        table: Which table it holds; empty if nothing reads it.
        form: How it holds rows, in words.
        columns: Our columns, and what they are called in the file.
        others: Its other columns.
        found: What else was found: the form of times, what behaviours mean.
        doubts: What somebody who knows the file should look at.
        options: Options that its reader needs.
    """

    file: str
    table: str
    form: str
    columns: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    sheet: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.file}, sheet '{self.sheet}'" if self.sheet else self.file


def look(file: Path) -> list[FileGuess]:
    """What a file seems to be; of a workbook, what each of its sheets seems to be.

    Raises:
        MissingExtra: for a workbook, if fastexcel is not installed.
    """
    if end_of(file) not in ENDS:
        return [FileGuess(file.name, "", "not a table by its name")]
    try:
        with _no_panic(file):
            if end_of(file) in WORKBOOKS:
                return [replace(_look(file, sheet), sheet=sheet) for sheet in sheet_names(file)]
            return [_look(file)]
    except BrokenFile as error:
        return [_unreadable(file, error)]


def _look(file: Path, sheet: str | None = None) -> FileGuess:
    try:
        form, options = _headed(file, form_of(file, Dialect(sheet=sheet)))
        fields = form.fields(file, every=False)
        cells = form.head(file, fields, _SAMPLE)
        return _described(file, form, fields, cells, options)
    except BrokenFile as error:
        return _unreadable(file, error)


def _unreadable(file: Path, error: BrokenFile) -> FileGuess:
    return FileGuess(file.name, "", "cannot be read", doubts=(error.problem.what,))


@contextmanager
def _no_panic(file: Path) -> Iterator[None]:
    try:
        yield
    except (*POLARS_ERRORS, OSError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise BrokenFile(file, None, f"cannot be read ({reason})") from None


def _headed(file: Path, form: Form) -> tuple[Form, dict[str, Any]]:
    """The form, with numbers for names where the first line looks like a row."""
    if not isinstance(form, Delimited):
        return form, {}
    fields = form.first_line(file)
    numbers = sum(re.fullmatch(r"[-+]?\d[\d.,:/ T-]*Z?", name) is not None for name in fields)
    if not numbers and len(set(fields)) == len(fields) and all(fields):
        return form, {}
    return form_of(file, Dialect(header=False)), {"no-header": True}


def _described(
    file: Path, form: Form, fields: Sequence[str], cells: pl.DataFrame, options: dict[str, Any]
) -> FileGuess:
    stem = form.sheet if isinstance(form, Excel) else file.name.partition(".")[0]
    deep = _deep(form, file, fields)
    whole = [name for name in fields if not any(path.startswith(f"{name}.") for path in deep)]
    named = [*whole, *deep]
    if "no-header" in options:
        table, columns = _by_content(cells, fields)
    else:
        table = table_of(stem, named) or ""
        columns = named_columns(named, table) if table else {}
    found, doubts = [], []
    if "no-header" in options:
        doubts.append(
            "the first line looks like a row, so the columns are guessed from their contents"
        )
    if deep and isinstance(form, JsonLines | JsonDocument):
        cells = replace(form, reshape=Nested(deep)).head(file, named, _SAMPLE)
    if "behavior" in columns:
        notes, doubt, meanings = _behaviors(cells[columns["behavior"]])
        found += notes
        doubts += doubt
        if not meanings:
            del columns["behavior"]
        elif any(word != ours for word, ours in meanings.items()):
            options |= {"behaviors": meanings}
    if table == "events" and not {"behavior", "value"} & columns.keys():
        behavior = behavior_of(stem) or ("purchase" if _sells(fields) else None)
        if behavior not in (None, "click", "rating"):
            options |= {"behavior": behavior}
            found.append(f"all events are of the behaviour {behavior}, by the name of the file")
    if "time" in columns:
        notes, doubt, chosen = _time(cells[columns["time"]].drop_nulls())
        found += notes
        doubts += doubt
        options |= {"time": chosen} if chosen else {}
    if isinstance(form, TextForm) and (form.encoding != "utf-8" or form.likely):
        options |= {"encoding": form.likely or form.encoding}
        doubts.append(f"it is no UTF-8, but {form.likely or form.encoding} by its look")
    needed = [columns[name] for name in ("user_id", "item_id", "time") if name in columns]
    gaps = {name: _empty(cells[name]) for name in needed}
    if any(gaps.values()):
        options |= {"skip-bad": True}
        holes = ", ".join(f"{n:,} have no {name}" for name, n in gaps.items() if n)
        found.append(f"of the first {len(cells):,} rows {holes}; --skip-bad keeps them apart")
    missing = [name for name in REQUIRED.get(table, ()) if name not in columns]
    if missing:
        doubts.append(f"no column was found for {', '.join(missing)}; name it with --column")
    others = tuple(name for name in whole if name not in columns.values())
    return FileGuess(
        file.name,
        table,
        _in_words(form),
        columns,
        others,
        tuple(found),
        tuple(doubts),
        options,
    )


def _in_words(form: Form) -> str:
    if isinstance(form, Delimited):
        header = "without a header line" if form.names else "with a header line"
        encoding = form.likely or form.encoding
        return f"text, separator {separator_name(form.separator)}, {encoding}, {header}"
    if isinstance(form, JsonLines):
        return "JSON, one object a line"
    if isinstance(form, JsonDocument):
        return "one JSON document"
    return "Parquet" if isinstance(form, Parquet) else "a sheet of a workbook"


def _deep(form: Form, file: Path, fields: Sequence[str]) -> list[str]:
    """Fields within the objects of JSON records, by their paths."""
    if not isinstance(form, JsonLines | JsonDocument):
        return []
    return [name for name in form.paths(file) if name not in fields]


def _empty(cells: pl.Series) -> int:
    """How many cells hold nothing."""
    return int((cells.cast(pl.String).str.strip_chars().fill_null("") == "").sum())


def _sells(fields: Sequence[str]) -> bool:
    return any(re.search(r"(?i)invoice|quantity|qty|order", name) for name in fields)


def _behaviors(cells: pl.Series) -> tuple[list[str], list[str], dict[str, str]]:
    """What is said of behaviours, what is doubtful, and what their words mean."""
    words = cells.cast(pl.String).drop_nulls().unique(maintain_order=True).to_list()
    meanings, unknown = behaviors_of(words[: _WORDS + 1])
    if not meanings or len(words) > _WORDS:
        return [], [f"{cells.name!r} holds no behaviours that are known, and is not read"], {}
    notes = ", ".join(f"{word} is {ours}" for word, ours in meanings.items())
    doubts = []
    if unknown:
        doubts.append(
            f"the behaviours {', '.join(unknown)} are not known; their rows are refused unless "
            f"--option behaviors=… says which of {', '.join(BEHAVIORS)} they are"
        )
    return [f"behaviours: {notes}"], doubts, meanings


def _time(cells: pl.Series) -> tuple[list[str], list[str], str]:
    """What is said of times, what is doubtful, and the format to give, if one must be given."""
    if not len(cells) or cells.dtype.is_temporal():
        return [], [], ""
    form = recognised(cells)
    if form.choices:
        doubt = f"times like {cells[0]!r} may begin with the day or with the month; the other is "
        return [], [doubt + f"--option time='{form.choices[1]}'"], form.choices[0]
    if not form.unit:
        doubt = f"times like {cells[0]!r} are of no known form; give --option time=…"
        return [], [doubt], ""
    return [f"time {cells[0]!r} is {described(form, cells[0])}"], [], ""


def _by_content(cells: pl.DataFrame, fields: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Events without names: a time, a behaviour, few different small numbers; then user, item."""
    columns: dict[str, str] = {}
    for name in fields:
        column = cells[name].cast(pl.String).drop_nulls()
        numbers = column.cast(pl.Float64, strict=False)
        if not len(column):
            continue
        if "time" not in columns and _is_time(column, numbers):
            columns["time"] = name
        elif "behavior" not in columns and _behaviors(column)[2]:
            columns["behavior"] = name
        elif "value" not in columns and len(columns) < len(fields) and _is_rating(numbers):
            columns["value"] = name
    left = [name for name in fields if name not in columns.values()]
    columns |= dict(zip(("user_id", "item_id"), left, strict=False))
    return "events", columns


def _is_time(column: pl.Series, numbers: pl.Series) -> bool:
    if numbers.null_count():
        return bool(recognised(column).unit or recognised(column).choices)
    return bool((numbers > 3e8).all() and len(str(column[0])) >= 9 and _grows(numbers))


def _grows(numbers: pl.Series) -> bool:
    """Whether numbers are moments from 1980 to 2100 in some unit."""
    return any(((numbers / unit).is_between(3.1e8, 4.1e9)).all() for unit in (1, 1e3, 1e6, 1e9))


def _is_rating(numbers: pl.Series) -> bool:
    halves = (numbers * 2) % 1 == 0
    few = numbers.n_unique() <= 11
    return (
        not numbers.null_count()
        and few
        and bool((halves & numbers.is_between(0, 10)).all() and numbers.n_unique() > 1)
    )
