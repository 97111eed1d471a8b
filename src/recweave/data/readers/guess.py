"""A look at files of one's own: what they seem to hold, and the command that reads them."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from recweave.core.errors import BadInput
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.core.program import program
from recweave.data.problems import BrokenFile
from recweave.data.readers.archive import unpacked
from recweave.data.readers.column_names import behavior_of, behaviors_of, named_columns, table_of
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.dialect import ENDS, Dialect, end_of, form_of, separator_name
from recweave.data.readers.files import files_of, pick
from recweave.data.readers.forms import Form, TextForm
from recweave.data.readers.records import JsonDocument, JsonLines, Parquet
from recweave.data.schema import BEHAVIORS, REQUIRED
from recweave.data.times import described, recognised

_SAMPLE = 1_000  # rows that are looked at
_WORDS = 30  # different words that a column of behaviours may have

_SOURCES: Mapping[str, Sequence[str]] = {
    "movielens": ("u.data", "ratings.dat"),
    "recbole": ("*.inter",),
    "mind": ("behaviors.tsv",),
    "behaviors": ("UserBehavior*.csv",),
    "yelp": ("yelp_academic_dataset_review.json",),
}
"""Publishers' files by name, for which there is a reader of their own."""


@dataclass(frozen=True)
class FileGuess:
    """What one file seems to be.

    Attributes:
        file: Its name in the folder.
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


@dataclass(frozen=True)
class Guess:
    """What a file or folder seems to hold.

    Attributes:
        path: The file or the folder.
        source: The reader.
        files: What each file is.
        words: The words of the command after `recweave data read`, without the folder to make.
        out: The folder that the command makes.
        doubts: Why the command will not do as it is.
    """

    path: str
    source: str
    files: tuple[FileGuess, ...]
    words: tuple[str, ...]
    out: str
    doubts: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command that reads it."""
        words = [self.source, self.path, self.out, *self.words]
        return f"{program()} data read " + " ".join(map(shlex.quote, words))

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self) | {"command": self.command}

    def __str__(self) -> str:
        lines = []
        for one in self.files:
            lines.append(f"{one.file}: {one.form}" + (f"; {one.table}" if one.table else ""))
            lines += [f"  {name} is the column {theirs!r}" for name, theirs in one.columns.items()]
            if one.others:
                rest = "kept as they are" if one.table in ("items", "users") else "not read"
                lines.append(f"  other columns, {rest}: {', '.join(one.others)}")
            lines += [f"  {what}" for what in one.found]
            lines += [f"  look at this: {what}" for what in one.doubts]
        lines += [f"look at this: {what}" for what in self.doubts]
        return "\n".join([*lines, "", self.command])


def guess(path: str | Path, out: str | None = None) -> Guess:
    """Look at the first rows of a file, or of each file of a folder or zip archive.

    Args:
        path: The file, the folder or the archive.
        out: The folder that the command shall make; else it is called after the path.

    Raises:
        BadInput: if there is no such path, or none of the files is a table.
    """
    path = Path(path)
    out = out or f"{re.sub(r'[^A-Za-z0-9_-]+', '-', path.name.partition('.')[0]) or 'data'}-dataset"
    with unpacked(path) as place:
        files = files_of(place)
        for source, patterns in _SOURCES.items():
            if pick(files, *patterns):
                known = tuple(FileGuess(file.name, "", f"a file for {source}") for file in files)
                return Guess(str(path), source, known, (), out)
        made = [_look(file) for file in files if file.name[0] != "."]
    chosen = _one_of_each(made)
    if not any(one.table for one in chosen):
        seen = "; ".join(f"{one.file}: {one.doubts[0] if one.doubts else one.form}" for one in made)
        raise BadInput(f"{path}: no file looks like a table of events, items or users ({seen})")
    if len(files) == 1:
        chosen = [replace(chosen[0], file=path.name)]
    doubts = []
    if not any(one.table in ("events", "reviews") for one in chosen):
        doubts.append("there are no events (a user and an item in a row), so nothing can be learnt")
    doubts += _unlike([one for one in chosen if one.table])
    words = _words(chosen, alone=len(files) == 1)
    return Guess(str(path), "table", tuple(chosen), tuple(words), out, tuple(doubts))


def _look(file: Path) -> FileGuess:
    """What a file seems to be."""
    if end_of(file) not in ENDS:
        return FileGuess(file.name, "", "not a table by its name")
    try:
        with _no_panic(file):
            form, options = _headed(file, form_of(file, Dialect()))
            fields = form.fields(file, every=False)
            cells = form.head(file, fields, _SAMPLE)
            return _described(file, form, fields, cells, options)
    except BrokenFile as error:
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
    stem = file.name.partition(".")[0]
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
        doubts.append("the first line looks like a row, so the columns were told by their contents")
    if deep:
        cells = form_of(file, Dialect(), deep).head(file, named, _SAMPLE)
    if "behavior" in columns:
        said, doubt, meant = _behaviors(cells[columns["behavior"]])
        found += said
        doubts += doubt
        if not meant:
            del columns["behavior"]
        elif any(word != ours for word, ours in meant.items()):
            options |= {"behaviors": meant}
    if table == "events" and not {"behavior", "value"} & columns.keys():
        behavior = behavior_of(stem) or ("purchase" if _sells(fields) else None)
        if behavior not in (None, "click", "rating"):
            options |= {"behavior": behavior}
            found.append(f"all events are of the behaviour {behavior}, by the name of the file")
    if "time" in columns:
        said, doubt, chosen = _time(cells[columns["time"]].drop_nulls())
        found += said
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
    return "Parquet" if isinstance(form, Parquet) else "a workbook, its first sheet"


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
    meant, unknown = behaviors_of(words[: _WORDS + 1])
    if not meant or len(words) > _WORDS:
        return [], [f"{cells.name!r} holds no behaviours that are known, and is not read"], {}
    said = ", ".join(f"{word} is {ours}" for word, ours in meant.items())
    doubts = []
    if unknown:
        doubts.append(
            f"the behaviours {', '.join(unknown)} are not known; their rows are refused unless "
            f"--option behaviors=… says which of {', '.join(BEHAVIORS)} they are"
        )
    return [f"behaviours: {said}"], doubts, meant


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
    return [f"time {cells[0]!r} is {described(form, str(cells[0]))}"], [], ""


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


def _one_of_each(made: Sequence[FileGuess]) -> list[FileGuess]:
    """The same, with one file a table: the one named after it, else with the most columns."""
    chosen: dict[str, FileGuess] = {}
    for one in sorted(made, key=lambda one: (_stem(one.file) != one.table, -len(one.columns))):
        chosen.setdefault(one.table, one)
    kept = []
    for one in made:
        first = chosen[one.table]
        if one.table and one is not first:
            doubt = f"it looks like {one.table}, as {first.file} does; one file a table is read"
            one = replace(one, table="", columns={}, options={}, doubts=(doubt,))
        kept.append(one)
    return kept


def _stem(file: str) -> str:
    return file.partition(".")[0]


def _words(files: Sequence[FileGuess], *, alone: bool) -> list[str]:
    """The options of the command."""
    used = [one for one in files if one.table]
    words: list[str] = []
    for one in used:
        if not alone and _stem(one.file) != one.table:
            words += [f"--{one.table}", one.file]
    for one in used:
        if alone and one.table not in (_stem(one.file), "events"):
            words += ["--option", f"table={one.table}"]
        prefix = "" if alone else f"{one.table}."
        for name, theirs in one.columns.items():
            if name != theirs:
                words += ["--column", f"{prefix}{name}={theirs}"]
        encoding = one.options.get("encoding")
        if encoding:
            words += ["--encoding", encoding if alone else f"{one.table}={encoding}"]
    options: dict[str, Any] = {}
    for one in reversed(used):
        options |= one.options
    for name in ("behaviors", "behavior", "time"):
        if name in options:
            words += ["--option", f"{name}={_option(options[name])}"]
    if "no-header" in options:
        words.append("--no-header")
    if "skip-bad" in options:
        words += ["--skip-bad", "refused.txt"]
    return words


def _unlike(used: Sequence[FileGuess]) -> Iterator[str]:
    """What options of all files cannot say of these."""
    bare = [one.file for one in used if "no-header" in one.options]
    if bare and len(bare) < len(used):
        yield f"only {', '.join(bare)} has no header line, and --no-header is of all files; add one"
    if len({one.options["time"] for one in used if "time" in one.options}) > 1:
        yield "the times of the files are of several forms; read them one by one"


def _option(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
