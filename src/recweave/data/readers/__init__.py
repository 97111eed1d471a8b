"""Files as their publishers made them to datasets. `READERS` answers "what can be read?".

A reader looks at file names and first lines and returns a `Plan`: which file holds which table, and
what its columns mean. Converting, checking and refusing is done in one place, `load`.

Ids stay as they are. Times become seconds UTC; a source without times keeps its order. A review
with a rating is also an event of behaviour `rating`; one without (a tip, a "Like") is an event of
behaviour `favorite`, as its author went to the trouble of recommending the place. A click in an
impression is an event of behaviour `click`.
"""

import inspect
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
from pydantic import TypeAdapter, ValidationError

from recweave.core.errors import BadInput, BadSetting, did_you_mean
from recweave.core.registry import Registry
from recweave.data.dataset import Dataset
from recweave.data.ids import whole_numbers
from recweave.data.problems import BrokenFile, Problem, Problems, side_file
from recweave.data.readers.archive import unpacked
from recweave.data.readers.derive import events_of, first_of_each
from recweave.data.readers.load import KEYS, load
from recweave.data.readers.plan import Plan, Reader, Tables
from recweave.data.remarks import remarks
from recweave.data.schema import COLUMNS

READERS: Registry[Reader] = Registry(
    "source",
    {
        name: f"recweave.data.readers.{name}:{name}"
        for name in (
            "amazon",
            "basket",
            "behaviors",
            "bing_news",
            "criteo",
            "google_restaurants",
            "lightgcn",
            "mind",
            "movielens",
            "movielens_posters",
            "nemig",
            "photo_shop",
            "photos",
            "recbole",
            "sequence",
            "table",
            "yelp",
            "zomato",
        )
    },
    group="recweave.readers",
    instance_of="collections.abc:Callable",
)
"""Sources by name; each reader's docstring says which files it reads."""

_NAMED = 20  # files that nothing reads that are named

ADVICE = (
    "mend these rows, or leave them out with skip_bad=FILE (on the command line --skip-bad FILE), "
    "which keeps them in that file with the reason"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Reading:
    """What became of a source.

    Attributes:
        dataset: The rows that could be taken; None if a file could not be read.
        problems: What is wrong with the others, and what else is to be known.
        side: The file that keeps the rows that could not be taken.
    """

    dataset: Dataset | None
    problems: Problems
    side: Path | None = None

    def taken(self) -> Dataset:
        """The dataset, if all rows could be taken or the others are kept in a side file.

        Raises:
            BadInput: naming the first rows of each kind that cannot be taken, or the files that
                cannot be read.
        """
        self.problems.raise_broken()
        if self.side is None:
            self.problems.raise_errors(ADVICE)
        assert self.dataset is not None, "a source without a broken file gives a dataset"
        return self.dataset

    def notes(self) -> list[str]:
        """What was inferred, converted or not read, by file and kind; also of a failed reading."""
        return self.problems.note_lines()

    def messages(self) -> list[str]:
        """What else its owner should know: rows left out, by file and kind, and `remarks`."""
        dataset = self.taken()
        lines = self.problems.error_lines("left out")
        if lines:
            n = self.problems.errors.total()
            lines.append(f"{n:,} rows were left out; {self.side} keeps them with the reasons")
        return lines + [remark.what for remark in remarks(dataset)]


def read(
    source: str,
    path: str | Path,
    *,
    name: str | None = None,
    skip_bad: str | Path | None = None,
    **options: Any,
) -> Dataset:
    """Read a source into a dataset.

    What is left out, converted or not read is logged as warnings.

    Args:
        source: A name in `READERS`, or `package.module:function` of a reader.
        path: The folder, or the file, that the source is in.
        name: What the dataset is called, if not after the path.
        skip_bad: A file for the rows that cannot be taken; the rest is read. Without it, one such
            row is an error.
        options: Of the reader (`columns=…`, `time=…`).

    Raises:
        UnknownName: if no source is called so.
        BadSetting: if the reader has no such option, or `skip_bad` would overwrite other files.
        BadInput: naming the first rows of each kind that cannot be taken, or the files that cannot
            be read.
    """
    reading = examine(source, path, name=name, skip_bad=skip_bad, **options)
    for line in reading.notes():
        _log.warning("%s", line)
    dataset = reading.taken()
    for line in reading.messages():
        _log.warning("%s", line)
    return dataset


def examine(
    source: str,
    path: str | Path,
    *,
    name: str | None = None,
    skip_bad: str | Path | None = None,
    **options: Any,
) -> Reading:
    """As `read`, but every problem is collected, and none is raised or logged.

    Raises:
        UnknownName: if no source is called so.
        BadSetting: if the reader has no such option, or `skip_bad` would overwrite other files.
    """
    side = None if skip_bad is None else Path(skip_bad)
    with side_file(side) as refused:
        reading = _read(source, Path(path), name, options, refused)
    return replace(reading, side=side)


def _read(
    source: str, path: Path, name: str | None, options: dict[str, Any], side: BinaryIO | None
) -> Reading:
    reader = READERS[source]
    _check(source, reader, options)
    with unpacked(path, source) as place:
        problems = Problems(side, (str(place), str(path)))
        try:
            plan = reader(place, **options)
            tables: dict[str, Any] = _tables(plan, problems)
            _name_unread(place, plan, problems)
            if problems.broken:
                return Reading(None, problems)
            origin = f"{path}: {plan.card}" if plan.card else str(path)
            dataset = Dataset(name or plan.name, **tables, source=origin, licence=plan.licence)
        except BadSetting as error:
            raise BadSetting(problems.named(str(error)), at=error.at) from None
        except BrokenFile as error:
            problems.break_off(error.problem)
        except BadInput as error:
            what = problems.named(str(error)).removeprefix(f"{path}")
            problems.break_off(Problem(str(path), None, what.lstrip(": ")))
        else:
            return Reading(dataset, problems)
        return Reading(None, problems)


def _name_unread(path: Path, plan: Plan, problems: Problems) -> None:
    """Note the files of a folder that nothing reads."""
    read = {sheet.path for sheet in plan.sheets} | set(plan.also)
    if not path.is_dir() or path in read:
        return
    left = [entry for entry in sorted(path.iterdir()) if entry not in read]
    names = [entry.name + "/" * entry.is_dir() for entry in left if entry.name[0] != "."]
    if names:
        shown = ", ".join(names[:_NAMED]) + f" and {len(names) - _NAMED:,} more" * (
            len(names) > _NAMED
        )
        what = f"not read: {shown}; {plan.unread}"
        problems.note(path, None, what, kind="file not read", n=len(names))


def _check(source: str, reader: Reader, options: dict[str, Any]) -> None:
    """Refuse options that the reader does not have, or values that are not of their type."""
    known = dict(list(inspect.signature(reader, eval_str=True).parameters.items())[1:])
    for name, value in options.items():
        if name not in known:
            hint = did_you_mean(name, known) if known else "it has none"
            raise BadSetting(f"the source '{source}' has no option '{name}'; {hint}")
        try:
            TypeAdapter(known[name].annotation).validate_python(value, strict=True)
        except ValidationError as error:
            what = error.errors()[0]["msg"].lower()
            raise BadSetting(f"the option {name}={value!r} of '{source}': {what}") from None


def _tables(plan: Plan, problems: Problems) -> Tables:
    """The tables of the dataset, from whichever files can be read."""
    frames: dict[str, list[pl.DataFrame]] = {}
    for sheet in plan.sheets:
        try:
            frames.setdefault(sheet.table, []).append(load(sheet, problems))
        except BrokenFile as error:
            problems.break_off(error.problem)
    if problems.broken:
        return {}
    tables = {table: pl.concat(parts, how="diagonal") for table, parts in frames.items()}
    for table, key in KEYS.items():
        if len(frames.get(table, [])) > 1:
            tables[table] = first_of_each(tables[table], key, f"{plan.name}: {table}", problems)
    tables = plan.finish(tables, problems)
    if "events" not in tables:
        tables["events"] = events_of(tables)
    tables = whole_numbers(tables, plan.name, problems)
    return {name: _known(table, name) for name, table in tables.items()}


def _known(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The table without what was read for `finish` alone."""
    extra = [column for column in table.columns if column not in COLUMNS[name]]
    return table.drop(extra) if extra and name not in ("items", "users") else table
