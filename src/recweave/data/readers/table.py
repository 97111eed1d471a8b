"""Anybody's tables: CSV, TSV, Parquet and JSON lines, with a map of their columns."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import polars as pl

from recweave.core.errors import BadInput, BadSetting, did_you_mean
from recweave.data.interactions import behavior_code
from recweave.data.problems import BrokenFile
from recweave.data.readers.columns import Column, ids, labels, number, price, text, texts
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of
from recweave.data.readers.forms import Form
from recweave.data.readers.infer import AUTO, time_of
from recweave.data.readers.plan import Plan, Sheet
from recweave.data.readers.records import JsonLines, Parquet
from recweave.data.schema import BEHAVIORS, COLUMNS, REQUIRED
from recweave.data.split import PARTS

_log = logging.getLogger(__name__)

FORMS: Mapping[str, Form] = {
    ".csv": Delimited(),
    ".tsv": Delimited("\t"),
    ".parquet": Parquet(),
    ".jsonl": JsonLines(),
    ".ndjson": JsonLines(),
    ".json": JsonLines(),
}
"""How a file holds rows, by the end of its name; text may be compressed (`.csv.gz`)."""

Maker = Callable[[str], Column]
"""From a column's name in a file to what it means."""

_MAKERS: Mapping[str, Maker] = {
    **dict.fromkeys(("user_id", "item_id", "other_id", "relation"), ids),
    **dict.fromkeys(("title", "description", "brand", "text"), text),
    **dict.fromkeys(("categories", "images"), texts),
    "price": price,
    "rating": number,
    "value": partial(number, required=True),
    "order": partial(number, required=True, kind=pl.Int64()),
    "part": partial(labels, meanings={part: part for part in PARTS}, kind=pl.String()),
}

TABLES = ("events", "reviews", "items", "users", "links")


def table(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    table: str | None = None,
    time: str = AUTO,
    behaviors: Mapping[str, str] | None = None,
    behavior: str | None = None,
) -> Plan:
    """CSV, TSV, Parquet or JSON lines with a map of columns: a file, or a folder of tables.

    In a folder, files are named after tables (`events.csv`, `items.tsv`). Columns are looked for
    under our names (`user_id`, `item_id`, `behavior`, `value`, `time`, `title`, …) unless the map
    says otherwise; other columns of items and users are kept, those of other tables are named in a
    warning. Lists are JSON, or words with `|` between. JSON is one object a line.

    Args:
        path: The file or the folder.
        columns: What our columns are called in the file, `{"user_id": "visitorid"}`; in a folder
            also those of one table, `{"items.item_id": "sku"}`.
        table: Which table the file holds, where its name does not say so; else events.
        time: What times are: "s", "ms", "us" or "ns" since 1970, "iso" for dates, or a format as
            `%d.%m.%Y %H:%M`; "auto" goes by the first rows, and says what it took them for.
        behaviors: What the file's behaviours mean, `{"addtocart": "cart"}`; else they are ours.
        behavior: The behaviour of all events, where no column tells; else `rating` where there
            are values, and `click` where there are none.

    Raises:
        BadSetting: if an argument names something that there is not.
    """
    named = dict(columns or {})
    tables = _tables(path, table)
    _check(named, set(tables.values()))
    meant = behaviors or {name: name for name in BEHAVIORS}
    for meaning in meant.values():
        behavior_code(meaning)
    makers = {**_MAKERS, "behavior": lambda source: labels(source, meant)}
    sheets = []
    for file, name in tables.items():
        form = _form(file)
        makers["time"] = partial(time_of, unit=time, file=file, form=form)
        known = _columns(file, form, name, named, makers)
        fixed = {}
        if name == "events" and "behavior" not in known:
            fixed["behavior"] = behavior or ("rating" if "value" in known else "click")
            behavior_code(fixed["behavior"])
        others = name in ("items", "users")
        if not others:
            _warn_of_unread(file, form, name, known)
        sheets.append(Sheet(name, file, form, known, fixed, others=others))
    return Plan(path.name.partition(".")[0], sheets)


def _tables(path: Path, table: str | None) -> dict[Path, str]:
    """The files that hold tables, and which ones."""
    if table is not None and table not in TABLES:
        raise BadSetting(f"table={table!r}: {did_you_mean(table, TABLES)}")
    found = {file: file.name.partition(".")[0] for file in files_of(path)}
    if path.is_file():
        name = found[path]
        return {path: table or (name if name in TABLES else "events")}
    kept = {file: name for file, name in found.items() if name in TABLES}
    if not kept:
        there = ", ".join(file.name for file in found)
        raise BadInput(
            f"{path} holds {there} and no file named after a table ({', '.join(TABLES)}); "
            "rename them, or give one file"
        )
    return kept


def _form(file: Path) -> Form:
    end = Path(file.name.removesuffix(".gz")).suffix
    if end not in FORMS:
        raise BadInput(f"{file}: the end '{end}' is not known; {did_you_mean(end, FORMS)}")
    return FORMS[end]


def _check(named: Mapping[str, str], tables: Iterable[str]) -> None:
    """Refuse a map that names columns which no table has."""
    known = {name for table in tables for name in COLUMNS[table]}
    known |= {f"{table}.{name}" for table in tables for name in COLUMNS[table]}
    for name in named:
        if name not in known:
            raise BadSetting(f"columns: no column is called '{name}'; {did_you_mean(name, known)}")


def _warn_of_unread(file: Path, form: Form, table: str, known: Mapping[str, Column]) -> None:
    """Columns that nobody reads may be ours by another name: a `timestamp` is the `time`."""
    used = {column.source for column in known.values()}
    unread = [field for field in form.fields(file, every=False) if field not in used]
    missing = [name for name in COLUMNS[table] if name not in known]
    if unread and missing:
        _log.warning(
            "%s: not read: %s; not found: %s; if one is the other, say so (--column ours=theirs)",
            *(file, ", ".join(unread), ", ".join(missing)),
        )


def _columns(
    file: Path, form: Form, table: str, named: Mapping[str, str], makers: Mapping[str, Maker]
) -> dict[str, Column]:
    """Our columns that the file has, and what they mean in it.

    Raises:
        BrokenFile: if one that the table needs, or that the map names, is not there.
    """
    fields = form.fields(file, every=False)
    known = {}
    for name in COLUMNS[table]:
        given = named.get(f"{table}.{name}", named.get(name))
        column = makers[name](given or name)
        if column.source in fields or (form.ragged and not column.required):
            known[name] = column
        elif given is not None or name in REQUIRED[table]:
            there = ", ".join(fields)
            what = f"has no column '{column.source}' for {name}, only {there}; name it in columns=…"
            raise BrokenFile(file, 1, what)
    return known
