"""Basket files: a line is a basket of items, with the user before them or without."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import polars as pl

from recweave.core.errors import BadSetting
from recweave.data.interactions import behavior_code
from recweave.data.problems import BrokenFile
from recweave.data.readers.care import needs_care, other_lines
from recweave.data.readers.columns import ids
from recweave.data.readers.files import files_of, head, lines, pick_one
from recweave.data.readers.forms import Lines, Request, Row, TextForm, Types, decoded
from recweave.data.readers.plan import Plan, Sheet

SEPARATORS = ("\t", ";", ",", "|", " ")
"""What may stand between the items, in the order that they are looked for."""

_SAMPLE = 200  # lines that are looked at for the separator


def basket(
    path: Path,
    *,
    user: bool = False,
    separator: str | None = None,
    header: bool = False,
    behavior: str = "purchase",
) -> Plan:
    """A basket a line: `milk,bread,tea`, or with the user first: `ann,milk,bread`.

    Without users, each basket is a user of its own, called after its line, so models learn what is
    bought together. Items of one basket have no order: choose a random split (`ratio_user`).

    Args:
        path: The file, or the folder of one `.basket`, `.txt`, `.dat` or `.csv`.
        user: Whether the first cell of a line is the user; a user may have several lines.
        separator: What stands between the items; else it is inferred from the first lines.
        header: Whether the first line holds names, and no basket.
        behavior: The behaviour of all events.

    Raises:
        UnknownName: if there is no such behaviour.
        BadSetting: for an empty separator, or one of several letters.
    """
    behavior_code(behavior)
    if separator is not None and len(separator) != 1:
        raise BadSetting(f"separator={separator!r} must be one letter")
    files = files_of(path)
    file = path if path.is_file() else pick_one(files, path, "*.basket", "*.txt", "*.dat", "*.csv")
    form = Baskets(separator or separator_of(file), user=user, header=header)
    if separator is None and form.separator != ",":
        what = (
            f"{form.separator!r} separates the items; if that is wrong, give --option separator=…"
        )
        form = replace(form, noted=(what,))
    columns = {"user_id": ids("user"), "item_id": ids("item")}
    return Plan(path.stem, [Sheet("events", file, form, columns, {"behavior": behavior})])


def separator_of(file: Path) -> str:
    """What at least half of the lines that are not blank hold.

    Raises:
        BrokenFile: if there is nothing of the kind.
    """
    sample = [raw for _, raw in islice(lines(file), _SAMPLE) if raw.strip()]
    for separator in SEPARATORS:
        if 2 * sum(separator.encode() in raw.strip() for raw in sample) >= len(sample):
            return separator
    what = "has one item a line, as far as the first lines show, so it holds no baskets"
    raise BrokenFile(file, 1, f"{what}; give separator=…, or read it as a table")


@dataclass(frozen=True)
class Baskets(TextForm):
    """Lines of items, each of which makes a row.

    Attributes:
        separator: Between the items.
        user: Whether a user stands before them; else the user is the number of the line.
        header: Whether the first line holds names.
    """

    separator: str
    user: bool = False
    header: bool = False

    def headed(self) -> bool:
        """See `TextForm.headed`."""
        return self.header

    def fields(self, path: Path, *, every: bool) -> list[str]:
        """See `Form.fields`."""
        return ["user", "item"]

    def scan(
        self, source: Path | bytes, fields: Sequence[str], hints: Types
    ) -> pl.LazyFrame | None:
        """See `Form.scan`."""
        if isinstance(source, bytes) or other_lines(head(source)):
            return None  # a block does not know the numbers of its lines
        line = pl.col("line")
        text = line.str.strip_prefix("\ufeff").str.strip_suffix("\r")
        found = pl.scan_lines(source, name="line", glob=False).with_columns(text)
        found = found.with_row_index("number", 1).filter(line.str.strip_chars() != "")
        if self.header:
            found = found.filter(pl.col("number") > 1)
        cells = line.str.split(self.separator).list.eval(pl.element().str.strip_chars())
        user = pl.col("number").cast(pl.String)
        if self.user:
            user, cells = cells.list.first(), cells.list.slice(1)
        items = cells.list.eval(pl.element().filter(pl.element() != ""))
        # Null makes a row that is refused here: a quote may hold the separator, and of a user
        # without items there is a note. So such a file is read line by line.
        quoted = line.str.contains('"', literal=True)
        found = found.select(user=pl.when(~quoted).then(user), item=items)
        count = pl.col("item").list.len()
        if not self.user:
            found = found.filter(count > 0)
        return found.with_columns(pl.when(count > 0).then("item")).explode("item")

    def misread(self, path: Path) -> bool:
        """See `Form.misread`."""
        return needs_care(path)

    def rows(
        self, block: Lines, more: Iterator[tuple[int, bytes]], request: Request
    ) -> Iterator[Row]:
        """See `TextForm.rows`."""
        while block:
            line, raw = block.popleft()
            try:
                cells = self._cells(raw)
            except ValueError as error:
                yield Row(line, raw, None, str(error))
                continue
            if not any(cells):
                continue
            user = cells.pop(0) if self.user else str(line)
            items = [cell for cell in cells if cell]
            if not user:
                yield Row(line, raw, None, "has no user before its items")
            elif not items:
                yield Row(line, raw, None, "has a user and no items", empty=True)
            else:
                for item in items:
                    cell = {"user": user, "item": item}
                    yield Row(line, raw, [cell[name] for name in request.selected])

    def _cells(self, raw: bytes) -> list[str]:
        """The cells of a line.

        Raises:
            ValueError: saying why it is none.
        """
        text = decoded(raw.removesuffix(b"\r"), self.encoding)
        if '"' not in text:
            return [cell.strip() for cell in text.split(self.separator)]
        try:
            row = next(csv.reader([text], delimiter=self.separator, strict=True))
        except (csv.Error, StopIteration):
            raise ValueError("has a quote that is neither around a cell nor doubled") from None
        return [cell.strip() for cell in row]
