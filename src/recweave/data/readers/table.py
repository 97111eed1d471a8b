"""Anybody's tables: text with separators, JSON and Parquet, with a map of their columns."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from recweave.core.errors import BadInput, BadSetting, did_you_mean
from recweave.data.interactions import behavior_code
from recweave.data.problems import BrokenFile
from recweave.data.readers.columns import Column, ids, labels, text, texts
from recweave.data.readers.columns import number as whole
from recweave.data.readers.dialect import ENDS, Dialect, end_of, form_of
from recweave.data.readers.files import files_of
from recweave.data.readers.forms import Form
from recweave.data.readers.infer import AUTO, lists_of, time_of
from recweave.data.readers.numbers import Mark, number, price
from recweave.data.readers.plan import Plan, Sheet
from recweave.data.schema import BEHAVIORS, COLUMNS, REQUIRED
from recweave.data.split import PARTS

_log = logging.getLogger(__name__)

Maker = Callable[[str], Column]
"""From a column's name in a file to what it means."""

_MAKERS: Mapping[str, Maker] = {
    **dict.fromkeys(("user_id", "item_id", "other_id", "relation"), ids),
    **dict.fromkeys(("title", "description", "brand", "text"), text),
    **dict.fromkeys(("categories", "images"), texts),
    "order": partial(whole, required=True, kind=pl.Int64()),
    "part": partial(labels, meanings={part: part for part in PARTS}, kind=pl.String()),
}

TABLES = ("events", "reviews", "items", "users", "links")
UNREAD = "if one of them is a table, say which (--items FILE, --users FILE, --reviews FILE …)"


def table(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    table: str | None = None,
    time: str = AUTO,
    behaviors: Mapping[str, str] | None = None,
    behavior: str | None = None,
    events: str | None = None,
    reviews: str | None = None,
    items: str | None = None,
    users: str | None = None,
    links: str | None = None,
    separator: str | Mapping[str, str] | None = None,
    encoding: str | Mapping[str, str] | None = None,
    decimal: str | None = None,
    header: bool = True,
    names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    quoted: bool = True,
    escaped: bool = False,
    list_separator: str | None = None,
) -> Plan:
    """Text with separators, JSON or Parquet with a map of columns: a file, or a folder of tables.

    In a folder, files are named after tables (`events.csv`, `items.tsv`), or each is given
    (`events="orders.csv", items="products.csv"`). Columns are looked for under our names
    (`user_id`, `item_id`, `behavior`, `value`, `time`, `title`, …) unless the map says otherwise;
    other columns of items and users are kept, those of other tables are named in a warning. Lists
    are as JSON, Python or PostgreSQL write them (of objects, the names), or words with `|` or ` > `
    between. JSON is one object a line, or one list of objects. Of a workbook, the first sheet is
    read. Separator, encoding and decimal mark are found out, and told.

    Args:
        path: The file or the folder.
        columns: What our columns are called in the file, `{"user_id": "visitorid"}`; in a folder
            also those of one table, `{"items.item_id": "sku"}`. In JSON, `product.name` is the
            field `name` of the object `product`.
        table: Which table the file holds, where its name does not say so; else events.
        time: What times are: "s", "ms", "us" or "ns" since 1970, "iso" for dates, or a format as
            `%d.%m.%Y %H:%M`; "auto" goes by the first rows, and says what it took them for.
        behaviors: What the file's behaviours mean, `{"addtocart": "cart"}`; else they are ours.
        behavior: The behaviour of all events, where no column tells; else `rating` where there
            are values, and `click` where there are none.
        events: The file of this table, in the folder or elsewhere.
        reviews: As `events`.
        items: As `events`.
        users: As `events`.
        links: As `events`.
        separator: What stands between cells: a letter, "::", or comma, tab, semicolon, bar,
            colons, space; of all files, or by table, `{"items": ";"}`.
        encoding: Of the text, such as cp1252; of all files, or by table.
        decimal: The decimal mark, "." or ",", where numbers like 1,299 leave it open.
        header: Whether the first line names the columns; if not, they are called 1, 2, 3 and so
            on, or as `names` says.
        names: Of the columns, where the first line does not name them; by table if there are
            several files.
        quoted: Whether double quotes enclose cells.
        escaped: Whether a backslash before a quote makes it a letter (MySQL).
        list_separator: What stands between the categories of an item; else the first rows tell.

    Raises:
        BadSetting: if an argument names something that there is not.
    """
    given = {"events": events, "reviews": reviews, "items": items, "users": users, "links": links}
    named = dict(columns or {})
    tables = _tables(path, table, {name: file for name, file in given.items() if file is not None})
    _check(named, set(tables.values()))
    meant = behaviors or {name: name for name in BEHAVIORS}
    for meaning in meant.values():
        behavior_code(meaning)
    mark = _mark(decimal)
    makers: dict[str, Maker] = {
        **_MAKERS,
        "price": partial(price, mark=mark),
        "rating": partial(number, mark=mark),
        "value": partial(number, mark=mark, required=True),
        "behavior": lambda source: labels(source, meant),
    }
    sheets = []
    for file, name in tables.items():
        said = Dialect(
            separator=_for(separator, name),
            encoding=_for(encoding, name),
            header=header,
            names=names.get(name, ()) if isinstance(names, Mapping) else names or (),
            quoted=quoted,
            escaped=escaped,
        )
        form = form_of(file, said, [source for source in named.values() if "." in source])
        makers["time"] = partial(time_of, unit=time, file=file, form=form)
        makers["categories"] = partial(lists_of, separator=list_separator, file=file, form=form)
        known = _columns(file, form, name, named, makers)
        fixed = {}
        if name == "events" and "behavior" not in known:
            fixed["behavior"] = behavior or ("rating" if "value" in known else "click")
            behavior_code(fixed["behavior"])
        others = name in ("items", "users")
        if not others:
            _warn_of_unread(file, form, name, known)
        sheets.append(Sheet(name, file, form, known, fixed, others=others))
    return Plan(path.name.partition(".")[0], sheets, unread=UNREAD)


def _for(given: str | Mapping[str, str] | None, table: str) -> str | None:
    return given.get(table) if isinstance(given, Mapping) else given


def _mark(decimal: str | None) -> Mark | None:
    if decimal is None:
        return None
    if decimal == ".":
        return "."
    if decimal == ",":
        return ","
    raise BadSetting(f"decimal={decimal!r} is neither '.' nor ','")


def _tables(path: Path, table: str | None, given: Mapping[str, str]) -> dict[Path, str]:
    """The files that hold tables, and which ones."""
    if table is not None and table not in TABLES:
        raise BadSetting(f"table={table!r}: {did_you_mean(table, TABLES)}")
    found = {file: file.name.partition(".")[0].lower() for file in files_of(path)}
    chosen: dict[Path, str] = {}
    for name, file in given.items():
        one = _given(path, file)
        if one in chosen:
            raise BadInput(f"{one} is given as {chosen[one]} and as {name}; name one table")
        chosen[one] = name
    if path.is_file():
        name = found[path]
        kept = {path: table or (name if name in TABLES else "events")}
        if path in chosen:
            kept = {path: chosen.pop(path)}
        return _once(path, kept, chosen)
    kept = {
        file: name
        for file, name in found.items()
        if name in TABLES and name not in given and file not in chosen and end_of(file) in ENDS
    }
    if not kept and not chosen:
        there = ", ".join(file.name for file in found)
        raise BadInput(
            f"{path} holds {there} and no file named after a table ({', '.join(TABLES)}); "
            "say which is which (--events FILE --items FILE), or give one file; "
            f"`recweave data guess {path}` proposes a command"
        )
    return _once(path, kept, chosen)


def _once(path: Path, kept: dict[Path, str], chosen: dict[Path, str]) -> dict[Path, str]:
    """The files of the path and those of options, where each table has one."""
    twice = [name for name, n in Counter([*kept.values(), *chosen.values()]).items() if n > 1]
    if twice:
        files = [*kept.items(), *chosen.items()]
        names = ", ".join(file.name for file, name in files if name == twice[0])
        raise BadInput(
            f"{path}: several files could be the {twice[0]}: {names}; name the one meant"
        )
    return chosen | kept


def _given(path: Path, file: str) -> Path:
    """A file of an option: in the folder, or else where it says."""
    inside = path / file
    if path.is_dir() and inside.is_file():
        return inside
    if not Path(file).is_file():
        where = f"in {path} nor elsewhere" if path.is_dir() else "there"
        raise BadInput(f"{file} is not {where}; check the path")
    return Path(file)


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
            "%s: not read: %s; not found: %s; to map a column, use --column ours=theirs",
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
