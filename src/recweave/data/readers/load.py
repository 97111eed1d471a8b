"""Sheets to tables: the one place where cells are converted, checked and refused.

The fast way reads a file in one streaming pass with the types expected, and evaluates in it, for
each row, whether anything about it is doubtful. If Polars fails or a row is doubtful, the file is
read again the careful way, which finds what is wrong, and where.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from recweave.core.polars_errors import POLARS_ERRORS, without_panic_reports
from recweave.data.problems import BrokenFile, Problems
from recweave.data.readers.columns import Column, Fault, anything
from recweave.data.readers.dialect import reencoded
from recweave.data.readers.forms import Batch, Form, Request, TextForm, Types
from recweave.data.readers.numbers import settled
from recweave.data.readers.plan import Sheet
from recweave.data.schema import COLUMNS, UNIQUE

KEYS = {**UNIQUE, "impressions": "impression_id"}
"""The column that names a row, in tables where two rows never share a name."""

_DOUBT = "a fault in this row"  # no column is called so
_VALUE = " as a value"
_SHOWN = 60  # letters of a cell in a message


def load(sheet: Sheet, problems: Problems) -> pl.DataFrame:
    """The rows of a sheet that can be taken; the others go to `problems`.

    Raises:
        BrokenFile: if the file cannot be read, or holds no rows.
    """
    fields = sheet.form.fields(sheet.path, every=sheet.others)
    columns = _columns(sheet, fields)
    frame = _whole_file(sheet, fields, columns)
    errors = problems.errors.total()
    if frame is None:
        before = columns
        sheet, columns = _understood(sheet, columns, fields, problems)
        if columns is not before:
            frame = _whole_file(sheet, fields, columns)
    inferred = [note for column in columns.values() for note in column.noted]
    for what in (*sheet.form.noted, *sheet.noted, *inferred):
        problems.note(sheet.path, None, what, kind=what.partition(";")[0])
    key = _key(sheet, columns)
    if frame is None or (key and not frame[key].is_unique().all()):
        frame = _Careful(sheet, columns, problems).read(fields)
    if not len(frame) and problems.errors.total() == errors:
        raise BrokenFile(sheet.path, None, "holds no rows; fetch or write it again")
    problems.took(sheet.path, len(frame))
    kinds = COLUMNS[sheet.table]
    fixed = [pl.lit(value, kinds.get(name)).alias(name) for name, value in sheet.fixed.items()]
    guessed = [_narrowed(frame[name]) for name, column in columns.items() if column.guess]
    return frame.with_columns(*fixed, *guessed)


def _key(sheet: Sheet, columns: Mapping[str, Column]) -> str | None:
    """The column that names a row, if the table has one and the file holds it."""
    key = KEYS.get(sheet.table)
    return key if key in columns else None


def _understood(
    sheet: Sheet, columns: dict[str, Column], fields: Sequence[str], problems: Problems
) -> tuple[Sheet, dict[str, Column]]:
    """The sheet and its columns after a closer look at the file: its encoding, its decimal mark."""
    form = sheet.form
    if isinstance(form, TextForm):
        form = reencoded(form, sheet.path)
    sheet = replace(sheet, form=form)
    return sheet, settled(columns, form, sheet.path, fields, problems)


def _columns(sheet: Sheet, fields: Sequence[str]) -> dict[str, Column]:
    """The columns that the sheet describes and the file has, and others if they are kept."""
    for column in sheet.columns.values():
        if column.required and column.source not in fields:
            raise BrokenFile(
                sheet.path,
                1,
                f"has no column '{column.source}', only {', '.join(fields)}; check the source's "
                "name, or name the columns (source 'table', columns=…)",
            )
    known = {
        name: column
        for name, column in sheet.columns.items()
        if column.source in fields or sheet.form.ragged
    }
    used = {column.source for column in known.values()} | set(sheet.columns)
    others = [name for name in fields if sheet.others and name not in used]
    return known | {name: anything(name) for name in others}


def _whole_file(
    sheet: Sheet, fields: Sequence[str], columns: Mapping[str, Column]
) -> pl.DataFrame | None:
    """All rows of a file in one pass; None where any of them needs care.

    A thread meanwhile looks for what the pass would misread: both wait for the same memory.
    """
    form, path = sheet.form, sheet.path
    with ThreadPoolExecutor(1) as beside:
        misread = beside.submit(form.misread, path)
        frame = _at_once(form, partial(form.scan, path, fields), columns)
        try:
            return None if frame is None or misread.result() else frame
        except (OSError, EOFError, zlib.error):
            return None  # the careful way meets the same and says where


def _at_once(
    form: Form, scan: Callable[[Types], pl.LazyFrame | None], columns: Mapping[str, Column]
) -> pl.DataFrame | None:
    """All rows in one pass; None where any of them needs care."""
    try:
        lazy = scan({column.source: column.hint for column in columns.values()})
        if lazy is None:
            return None
        types = lazy.collect_schema()
        # First the values, each under a name of its own, then what is doubtful about them. Where
        # the values alone say so, they are asked once they are there, which takes a tenth.
        values = [
            value.alias(f"{name}{_VALUE}")
            for name, value in zip(columns, _values(columns, types), strict=True)
        ]
        faults = [
            fault.where
            for name, column in columns.items()
            if not column.certain(types[column.source])
            for fault in column.faults(types[column.source], pl.col(f"{name}{_VALUE}"))
        ]
        named = [pl.col(f"{name}{_VALUE}").alias(name) for name in columns]
        doubt = [pl.any_horizontal(faults).alias(_DOUBT)] if faults else []
        flags = pl.QueryOptFlags(projection_pushdown=not form.whole)
        query = lazy.with_columns(values).select(*named, *doubt)
        with without_panic_reports():
            frame = query.collect(engine="streaming", optimizations=flags)
        if (faults and frame[_DOUBT].any()) or _faulty(frame, columns, types):
            return None
    except (*POLARS_ERRORS, OSError, EOFError, zlib.error):
        return None  # the careful way meets the same and says where
    return frame.drop(_DOUBT) if faults else frame


def _faulty(frame: pl.DataFrame, columns: Mapping[str, Column], types: Types) -> bool:
    """Whether a value shows that something is wrong with its cell."""
    faults = [
        fault.where.any()
        for name, column in columns.items()
        if column.certain(types[column.source])
        for fault in column.faults_of_values(pl.col(name), frame.schema[name])
    ]
    if not faults:
        return False
    found = frame.lazy().select(pl.any_horizontal(faults)).collect(engine="streaming")
    return bool(found.item())


def _values(columns: Mapping[str, Column], types: Types) -> Iterator[pl.Expr]:
    for name, column in columns.items():
        dtype = types[column.source]
        yield column.make(column.cells(dtype), dtype).alias(name)


def _faults(columns: Mapping[str, Column], types: Types) -> Iterator[tuple[str, Fault]]:
    for column in columns.values():
        for fault in column.faults(types[column.source]):
            yield column.source, fault


@dataclass
class _Careful:
    """The careful way through one sheet.

    Attributes:
        seen: Line and content (hashed) of the row that each key was first met in.
    """

    sheet: Sheet
    columns: Mapping[str, Column]
    problems: Problems
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def key(self) -> str | None:
        """The column that names a row."""
        return _key(self.sheet, self.columns)

    def read(self, fields: Sequence[str]) -> pl.DataFrame:
        sources = [column.source for column in self.columns.values()]
        selected = list(dict.fromkeys([*sources, *self.sheet.padding]))
        needed = {column.source for column in self.columns.values() if column.required}
        one_by_one = self.key is not None  # to know where each key was first met
        frames = []
        form = self.sheet.form
        for block in form.blocks(self.sheet.path, Request(fields, selected, needed)):
            frame = None if one_by_one else _at_once(form, block.at_once, self.columns)
            frames.append(self._taken(block.one_by_one()) if frame is None else frame)
        return pl.concat(frames) if frames else pl.DataFrame()

    def _taken(self, batch: Batch) -> pl.DataFrame:
        """The rows of a batch that can be taken, converted."""
        path = self.sheet.path
        for row in batch.others:
            if row.empty:
                self.problems.note(path, row.line, row.wrong, kind=row.wrong)
            else:
                kind = "no row (text, quotes, number of columns)"
                self.problems.refuse(path, row.line, row.wrong, row.verbatim, kind=kind)
        types = batch.cells.schema
        try:
            faults = list(_faults(self.columns, types))
            frame = batch.cells.select(*_values(self.columns, types))
            marks = batch.cells.select(
                fault.where.fill_null(False).alias(str(place))
                for place, (_, fault) in enumerate(faults)
            )
        except POLARS_ERRORS as error:
            reason = str(error).splitlines()[0]
            what = f"has columns of the wrong types ({reason}); convert them, or map others"
            raise BrokenFile(path, None, what) from None
        refused = self._padding(batch)
        marked = marks.select(pl.any_horizontal(pl.all())).to_series()
        for place in marked.arg_true():
            if place not in refused:
                hit = [fault for fault, mark in zip(faults, marks.row(place), strict=True) if mark]
                if self._report(batch, place, hit):
                    refused.add(place)
        if self.key is not None:
            keys = frame[self.key].to_list()
            refused |= {
                place
                for place, key in enumerate(keys)
                if place not in refused and self._repeats(batch, place, key)
            }
        return frame.filter(~pl.int_range(pl.len()).is_in(sorted(refused)))

    def _padding(self, batch: Batch) -> set[int]:
        """The rows that hold nothing in the columns that count."""
        if not self.sheet.padding:
            return set()
        empty = pl.all_horizontal(pl.col(*self.sheet.padding).is_null())
        found = batch.cells.select(empty).to_series().arg_true().to_list()
        what = f"is left out: its {', '.join(self.sheet.padding)} are empty"
        for place in found:
            self.problems.note(self.sheet.path, batch.lines[place], what, kind="row without data")
        return set(found)

    def _report(self, batch: Batch, place: int, found: list[tuple[str, Fault]]) -> bool:
        """Tell of a row's faults; whether it is refused for them."""
        messages = []
        for source, fault in found:
            cell = str(batch.cells[source][place] or "")
            shown = cell[:_SHOWN] + "…" * (len(cell) > _SHOWN)
            messages.append(
                f"{source} {shown!r} {fault.what}" if cell else f"{source} {fault.what}"
            )
        what = "; ".join(messages)
        kind = "; ".join(f"{source} {fault.what}" for source, fault in found)
        line = batch.lines[place]
        if all(fault.note for _, fault in found):
            self.problems.note(self.sheet.path, line, what, kind=kind)
            return False
        self.problems.refuse(self.sheet.path, line, what, batch.verbatim(place), kind=kind)
        return True

    def _repeats(self, batch: Batch, place: int, id: str) -> bool:
        """Whether an earlier row has the id; if so, it is reported."""
        line, verbatim = batch.lines[place], batch.verbatim(place)
        content = hash(verbatim)
        first, before = self.seen.setdefault(id, (line, content))
        if first == line:
            return False
        key = self.key
        what = f"{key} {id!r} stands on line {first} already"
        if content == before or self.sheet.repeated:
            self.problems.note(self.sheet.path, line, f"{what}, which counts", kind=f"{key} again")
        else:
            kind = f"{key} again, with other content"
            self.problems.refuse(self.sheet.path, line, what, verbatim, kind=kind)
        return True


def _narrowed(column: pl.Series) -> pl.Series:
    """Text as truth values or numbers, if all of it is; `007` is none."""
    if column.dtype != pl.String:
        return column
    words = column.drop_nulls()
    if words.str.to_lowercase().is_in(["true", "false"]).all():
        return column.str.to_lowercase() == "true" if len(words) else column
    if not words.str.contains(r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$").all():
        return column
    for kind in (pl.Int64, pl.Float64):
        numbers = column.cast(kind, strict=False)
        if numbers.null_count() == column.null_count():
            return numbers
    return column
