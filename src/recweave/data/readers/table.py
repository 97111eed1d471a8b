"""Anybody's tables: text with separators, JSON and Parquet, with a map of their columns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

import polars as pl

from recweave.core.errors import BadInput, BadSetting, did_you_mean
from recweave.data.interactions import behavior_code
from recweave.data.problems import BrokenFile
from recweave.data.readers.columns import Column, ids, labels, text, texts
from recweave.data.readers.dialect import ENDS, Dialect, end_of, form_of
from recweave.data.readers.excel import WORKBOOKS
from recweave.data.readers.files import files_of
from recweave.data.readers.forms import Form
from recweave.data.readers.infer import AUTO, lists_of, time_of
from recweave.data.readers.numbers import Mark, number, price
from recweave.data.readers.plan import Plan, Sheet
from recweave.data.readers.shown import id_list, shown_list, with_clicks, with_impressions
from recweave.data.schema import BEHAVIORS, COLUMNS, REQUIRED
from recweave.data.split import PARTS

Maker = Callable[[str], Column]
"""From a column's name in a file to what it means."""

_MAKERS: Mapping[str, Maker] = {
    **dict.fromkeys(("user_id", "item_id", "other_id", "relation"), ids),
    **dict.fromkeys(("title", "description", "brand", "text"), text),
    **dict.fromkeys(("categories", "images"), texts),
    "impression_id": ids,
    "history": id_list,
    "shown": shown_list,
    "clicked": id_list,
    "order": partial(number, required=True, kind=pl.Int64()),
    "part": partial(labels, meanings={part: part for part in PARTS}, kind=pl.String()),
}

TABLES = ("events", "reviews", "items", "users", "links", "impressions")
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
    impressions: str | None = None,
    separator: str | Mapping[str, str] | None = None,
    encoding: str | Mapping[str, str] | None = None,
    decimal: str | None = None,
    header: bool = True,
    names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    quoted: bool = True,
    escaped: bool = False,
    list_separator: str | None = None,
    sheet: str | Mapping[str, str] | None = None,
) -> Plan:
    """Text with separators, JSON or Parquet with a map of columns: a file, or a folder of tables.

    In a folder, files are named after tables (`events.csv`, `items.tsv`), or each is given
    (`events="orders.csv", items="products.csv"`). Columns are looked for under our names
    (`user_id`, `item_id`, `behavior`, `value`, `time`, `title`, …) unless the map says otherwise;
    other columns of items and users are kept, those of other tables are named in a note. Lists
    are as JSON, Python or PostgreSQL write them (of objects, the names), or words with `|` or ` > `
    between. JSON is one object a line, or one list of objects. Of a workbook, the first sheet is
    read, unless `sheet` names another. Separator, encoding and decimal mark are inferred, and a
    note says which they are.

    Args:
        path: The file or the folder.
        columns: What our columns are called in the file, `{"user_id": "visitorid"}`; in a folder
            also those of one table, `{"items.item_id": "sku"}`. In JSON, `product.name` is the
            field `name` of the object `product`.
        table: Which table the file holds, where its name does not say so; else events.
        time: What times are: "s", "ms", "us" or "ns" since 1970, "iso" for dates, or a format as
            `%d.%m.%Y %H:%M`; "auto" goes by the first rows, and says what it took them for.
        behaviors: What the file's behaviours mean, `{"addtocart": "cart"}`; else they are ours.
        behavior: The behaviour of all events, where no column says; else `rating` where there
            are values, and `click` where there are none.
        events: The file of this table, in the folder or elsewhere.
        reviews: As `events`.
        items: As `events`.
        users: As `events`.
        links: As `events`.
        impressions: As `events`; each row is a list that was shown (`shown`, what was clicked of it
            as `clicked`, and what the user had read as `history`). Clicks are events too, unless
            there is a table of events.
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
        list_separator: What stands between the categories of an item; else it is inferred.
        sheet: Of a workbook, the name of the sheet that is read; or by table,
            `{"events": "Orders", "items": "Products"}`, which may be sheets of one workbook.

    Raises:
        BadSetting: if an argument names something that there is not.
    """
    given = {"events": events, "reviews": reviews, "items": items, "users": users, "links": links}
    given["impressions"] = impressions
    named = dict(columns or {})
    tables = _tables(path, table, {name: file for name, file in given.items() if file is not None})
    tables += _sheets_of(path, tables, sheet)
    _check(named, {name for name, _ in tables})
    meanings = behaviors or {name: name for name in BEHAVIORS}
    for meaning in meanings.values():
        behavior_code(meaning)
    mark = _mark(decimal)
    makers: dict[str, Maker] = {
        **_MAKERS,
        "price": partial(price, mark=mark),
        "rating": partial(number, mark=mark),
        "value": partial(number, mark=mark, required=True),
        "behavior": lambda source: labels(source, meanings),
    }
    sheets = []
    for name, file in tables:
        dialect = Dialect(
            separator=_for(separator, name),
            encoding=_for(encoding, name),
            header=header,
            names=names.get(name, ()) if isinstance(names, Mapping) else names or (),
            quoted=quoted,
            escaped=escaped,
            sheet=_for(sheet, name),
        )
        form = form_of(file, dialect, [source for source in named.values() if "." in source])
        makers["time"] = partial(time_of, unit=time, file=file, form=form)
        makers["categories"] = partial(lists_of, separator=list_separator, file=file, form=form)
        known = _columns(file, form, name, named, makers)
        if name == "impressions":
            fields = form.fields(file, every=True)
            own = "clicked" in known and known["clicked"].source in fields
            known = with_clicks(known, own=own)
        fixed = {}
        if name == "events" and "behavior" not in known:
            fixed["behavior"] = behavior or ("rating" if "value" in known else "click")
            behavior_code(fixed["behavior"])
        others = name in ("items", "users")
        noted = [] if others else _unread(file, form, name, known)
        sheets.append(Sheet(name, file, form, known, fixed, others=others, noted=noted))
    return Plan(path.name.partition(".")[0], sheets, with_impressions, unread=UNREAD)


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


def _tables(path: Path, table: str | None, given: Mapping[str, str]) -> list[tuple[str, Path]]:
    """The tables that files hold; a workbook may hold several."""
    if table is not None and table not in TABLES:
        raise BadSetting(f"table={table!r}: {did_you_mean(table, TABLES)}")
    names = {file: file.name.partition(".")[0].lower() for file in files_of(path)}
    chosen = [(name, _given(path, file)) for name, file in given.items()]
    for (one, file), (other, again) in combinations(chosen, 2):
        if file == again and end_of(file) not in WORKBOOKS:
            raise BadInput(f"{file} is given as {one} and as {other}; name one table")
    taken = {file for _, file in chosen}
    if path.is_file():
        own = table or (names[path] if names[path] in TABLES else "events")
        return _each_once(path, chosen if path in taken else [(own, path), *chosen])
    by_name = [
        (name, file)
        for file, name in names.items()
        if name in TABLES and name not in given and file not in taken and end_of(file) in ENDS
    ]
    if not by_name and not chosen:
        there = ", ".join(file.name for file in names)
        raise BadInput(
            f"{path} holds {there} and no file named after a table ({', '.join(TABLES)}); "
            "say which is which (--events FILE --items FILE), or give one file; "
            f"`recweave data guess {path}` proposes a command"
        )
    return _each_once(path, [*by_name, *chosen])


def _each_once(path: Path, tables: list[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """The same, where each table has one file."""
    for (one, file), (other, again) in combinations(tables, 2):
        if one == other:
            raise BadInput(
                f"{path}: several files could be the {one}: {file.name}, {again.name}; "
                "name the one meant"
            )
    return tables


def _sheets_of(
    path: Path, tables: Sequence[tuple[str, Path]], sheet: str | Mapping[str, str] | None
) -> list[tuple[str, Path]]:
    """Further tables, which are sheets of a workbook that is read."""
    if sheet is None:
        return []
    if not any(end_of(file) in WORKBOOKS for _, file in tables):
        raise BadSetting(f"sheet={sheet!r}: {path} is no workbook ({', '.join(WORKBOOKS)})")
    if isinstance(sheet, str):
        return []
    for table in sheet:
        if table not in TABLES:
            raise BadSetting(f"sheet: no table is called '{table}'; {did_you_mean(table, TABLES)}")
    named = {table for table, _ in tables}
    return [(table, path) for table in sheet if table not in named and path.is_file()]


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


def _unread(file: Path, form: Form, table: str, known: Mapping[str, Column]) -> list[str]:
    """A note of columns that are not read and may be ours by another name, as a `timestamp`."""
    used = {column.source for column in known.values()}
    unread = [field for field in form.fields(file, every=False) if field not in used]
    missing = [name for name in COLUMNS[table] if name not in known]
    if not unread or not missing:
        return []
    names = f"columns not read: {', '.join(unread)}; not found: {', '.join(missing)}"
    return [f"{names}; to map a column, use --column ours=theirs"]


def _columns(
    file: Path, form: Form, table: str, named: Mapping[str, str], makers: Mapping[str, Maker]
) -> dict[str, Column]:
    """Our columns that the file has, and what they mean in it.

    Raises:
        BrokenFile: if one that the table needs, or that the map names, is not there.
    """
    fields = form.fields(file, every=False)
    needed = [name for name in REQUIRED[table] if name != "impression_id"]  # else they are numbered
    sources = {name: named.get(f"{table}.{name}", named.get(name)) for name in COLUMNS[table]}
    known = {}
    for name, given in sources.items():
        if given is None and name in sources.values() and name not in needed:
            continue  # the file's column of this name is another one of ours
        column = makers[name](given or name)
        if column.source in fields or (form.ragged and not column.required):
            known[name] = column
        elif given is not None or name in needed:
            there = ", ".join(fields)
            what = f"has no column '{column.source}' for {name}, only {there}; name it in columns=…"
            raise BrokenFile(file, 1, what)
    return known
