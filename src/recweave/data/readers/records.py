"""Forms of files whose rows name their cells: JSON lines, JSON documents, Python literals, Parquet.

In text, a number or a truth value is as JSON writes it, and a list or an object is JSON.
"""

import ast
import glob
import json
import re
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from recweave.core.polars_errors import POLARS_ERRORS, without_panic_reports
from recweave.data.problems import BrokenFile
from recweave.data.readers.files import head, lines, marked_encoding, opened
from recweave.data.readers.forms import (
    BLOCK,
    Batch,
    Block,
    Form,
    Lines,
    Request,
    Row,
    TextForm,
    Types,
    decoded,
)
from recweave.data.split import PARTS

_SAMPLE = 100  # records that say which fields there are
_LOST = "\ufffd"  # stands for what text cannot hold: NUL, and halves of surrogate pairs
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

Record = dict[str, Any]


@dataclass(frozen=True)
class JsonLines(TextForm):
    """One JSON object a line.

    Attributes:
        reshape: Makes fields of what lies deeper in a record; then there is no fast way.
        literal: Whether the lines are Python literals (Amazon's metadata of 2014).
    """

    ragged: ClassVar[bool] = True

    reshape: Callable[[Record], Record] | None = None
    literal: bool = False

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        names: dict[str, None] = {}
        first = (1, "is blank")
        for number, (line, raw) in enumerate(lines(path, self.encoding)):
            if number == _SAMPLE and not every:
                break
            try:
                names |= dict.fromkeys(self.record(raw))
            except ValueError as error:
                first = (line, str(error)) if number == 0 else first
        if not names:
            raise BrokenFile(path, first[0], f"{first[1]}; is it the right source and file?")
        return list(names)

    def paths(self, path: Path) -> list[str]:
        """Fields within objects of the first records: `product.name`."""
        found: dict[str, None] = {}
        for _, raw in islice(lines(path, self.encoding), _SAMPLE):
            with suppress(ValueError):
                found |= dict.fromkeys(_paths(self.record(raw)))
        return list(found)

    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        if self.reshape or self.literal or (isinstance(source, Path) and self._unlike(source)):
            return None
        words = [name for name, kind in hints.items() if kind == pl.String]
        # Polars reads what Unicode text cannot hold as NUL.
        whole = glob.escape(str(source)) if isinstance(source, Path) else source
        return pl.scan_ndjson(whole, schema=dict(hints)).with_columns(
            pl.col(words).str.replace_all("\0", _LOST, literal=True)
        )

    def _unlike(self, path: Path) -> bool:
        """Whether the file is not what Polars takes: UTF-8, and lines that end in a line feed."""
        start = head(path)
        ends = b"\r" in start and b"\n" not in start
        return self.encoding != "utf-8" or marked_encoding(start) is not None or ends

    def rows(
        self, block: Lines, more: Iterator[tuple[int, bytes]], request: Request
    ) -> Iterator[Row]:
        """See `TextForm.rows`."""
        while block:
            line, raw = block.popleft()
            if not raw.strip():
                continue
            try:
                record = self.record(raw)
            except ValueError as error:
                yield Row(line, raw, None, str(error))
            else:
                yield Row(line, raw, [as_text(record.get(name)) for name in request.selected])

    def record(self, raw: bytes) -> Record:
        """What a line holds.

        Raises:
            ValueError: saying why it is no record.
        """
        text = decoded(raw, self.encoding, self.likely)
        try:
            found = _literal(text) if self.literal else json.loads(text, parse_float=_number)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
            kind = "a Python literal" if self.literal else "JSON"
            why = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
            raise ValueError(f"is not {kind} ({why})") from None
        if not isinstance(found, dict):
            raise ValueError(f"is a {type(found).__name__}, not an object with named fields")
        return self.reshape(found) if self.reshape else found


@dataclass(frozen=True)
class JsonDocument(Form):
    """One JSON list of objects, or an object of such lists; `line` is the number of the object.

    The document is parsed whole, which takes several times its size in memory, and kept as long as
    the form is.

    Attributes:
        names: The fields of the objects; else those that they have.
        part: The field that shall hold the name of the list that an object is from, where there
            are several.
        reshape: Makes fields of what lies deeper in a record.
        encoding: Of the text, where no byte-order mark names it.
    """

    names: tuple[str, ...] = ()
    part: str = "part"
    reshape: Callable[[Record], Record] | None = None
    encoding: str = "utf-8"
    parsed: dict[Path, Any] = field(default_factory=dict, repr=False, compare=False)
    """Documents as they stand: another form of the same file parses nothing again."""
    reshaped: dict[Path, list[Record]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Their records."""

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        if self.names:
            return [*self.names, self.part]
        names = dict.fromkeys(name for record in self._records(path) for name in record)
        if not names:
            raise BrokenFile(path, None, "holds no objects with fields; fetch or write it again")
        return list(names)

    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        return None

    def blocks(self, path: Path, request: Request) -> Iterator[Block]:
        """See `Form.blocks`."""
        records = self._records(path)
        yield _block(_cells(records, request.selected), 1, records.__getitem__)

    def head(self, path: Path, selected: Sequence[str], rows: int) -> pl.DataFrame:
        """See `Form.head`."""
        return _cells(self._records(path)[:rows], selected)

    def paths(self, path: Path) -> list[str]:
        """Fields within objects of the first records: `product.name`."""
        records = self._records(path)[:_SAMPLE]
        return list(dict.fromkeys(name for record in records for name in _paths(record)))

    def _records(self, path: Path) -> list[Record]:
        if path not in self.reshaped:
            if path not in self.parsed:
                self.parsed[path] = _document(path, self.encoding)
            self.reshaped[path] = self._records_of(self.parsed[path], path)
        return self.reshaped[path]

    def _records_of(self, document: Any, path: Path) -> list[Record]:
        lists = document if isinstance(document, dict) else {None: document}
        if isinstance(document, dict) and not self.names:  # {"total": 2, "events": [...]}
            lists = {part: rows for part, rows in document.items() if _are_records(rows) and rows}
            if len(lists) > 1 and not PARTS.keys() >= lists.keys():
                names = ", ".join(map(str, lists))
                raise BrokenFile(path, None, f"holds several lists ({names}); save each as a file")
        if not lists or not all(_are_records(rows) for rows in lists.values()):
            raise BrokenFile(path, None, "holds no list of objects; is it the right source?")
        several = bool(self.names) or len(lists) > 1
        records = [
            row | {self.part: part} if several else row
            for part, rows in lists.items()
            for row in rows
        ]
        return [self.reshape(record) for record in records] if self.reshape else records


def _document(path: Path, encoding: str) -> Any:
    """What a JSON file holds.

    Raises:
        BrokenFile: if it cannot be opened, or is not JSON.
    """
    try:
        with opened(path) as file:
            raw = file.read()
        text = raw.decode(marked_encoding(raw) or encoding).removeprefix("\ufeff")
        return json.loads(text, parse_float=_number)
    except json.JSONDecodeError as error:
        raise BrokenFile(path, error.lineno, f"is not JSON ({error.msg})") from None
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise BrokenFile(path, None, f"is not JSON ({error}); fetch it again") from None


def _cells(records: Sequence[Record], fields: Sequence[str]) -> pl.DataFrame:
    """Fields of records as text."""
    rows = [[as_text(record.get(name)) for name in fields] for record in records]
    return pl.DataFrame(rows, dict.fromkeys(fields, pl.String), orient="row")


def _paths(record: Record, before: str = "") -> Iterator[str]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{before}{name}.")
        elif before:
            yield f"{before}{name}"


def _are_records(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


@dataclass(frozen=True)
class Nested:
    """Makes fields of what lies deeper in a record: `product.name`, `images.0.url`.

    Attributes:
        paths: Their names, with points between the steps.
    """

    paths: Sequence[str]

    def __call__(self, record: Record) -> Record:
        """The record with these fields; null where there is nothing."""
        return record | {path: _at(record, path) for path in self.paths if path not in record}


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


@dataclass(frozen=True)
class Parquet(Form):
    """A Parquet file; `line` is the number of the row."""

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        try:
            with without_panic_reports():
                return pl.scan_parquet(path, glob=False).collect_schema().names()
        except (*POLARS_ERRORS, OSError) as error:
            raise BrokenFile(path, None, _half_written(error)) from None

    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        return pl.scan_parquet(source, glob=False)

    def head(self, path: Path, selected: Sequence[str], rows: int) -> pl.DataFrame:
        """See `Form.head`."""
        try:
            with without_panic_reports():
                return pl.scan_parquet(path, glob=False).select(selected).head(rows).collect()
        except (*POLARS_ERRORS, OSError) as error:
            raise BrokenFile(path, None, _half_written(error)) from None

    def blocks(self, path: Path, request: Request) -> Iterator[Block]:
        """See `Form.blocks`."""
        try:
            with without_panic_reports():
                table = pl.read_parquet(path, glob=False, columns=list(request.selected))
        except (*POLARS_ERRORS, OSError) as error:
            raise BrokenFile(path, None, _half_written(error)) from None
        for start in range(0, len(table), BLOCK):
            part = table.slice(start, BLOCK)
            yield _block(part, start + 1, partial(_record, part))


def as_text(value: Any) -> str | None:
    """A field of a record as text, or None where it is empty."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        text = value
    elif isinstance(value, float) and isfinite(value):
        text = format(Decimal(repr(value)), "f").removesuffix(".0")
    else:
        text = json.dumps(value, default=str, ensure_ascii=False)
    return text if text.isascii() and "\0" not in text else _NO_TEXT.sub(_LOST, text)


def _number(text: str) -> int | float:
    """A number as the fast way prints it: 5.0 and 5e0 are 5."""
    value = float(text)
    return int(Decimal(repr(value))) if value.is_integer() and value else value


def _block(table: pl.DataFrame, first: int, record: Callable[[int], Record]) -> Block:
    """Rows that are in memory already, numbered from `first`."""

    def one_by_one() -> Batch:
        numbers = range(first, first + len(table))
        return Batch(table, numbers, lambda place: json.dumps(record(place), default=str).encode())

    return Block(lambda hints: table.lazy(), one_by_one)


def _record(table: pl.DataFrame, row: int) -> Record:
    return table.row(row, named=True)


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # backslashes that Python would rather see doubled
        return ast.literal_eval(text)


def _half_written(error: BaseException) -> str:
    reason = str(error).splitlines()[0] if isinstance(error, Exception) else "Polars panicked"
    return f"is not a whole Parquet file ({reason}); fetch or write it again"
