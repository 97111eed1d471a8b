"""Options of `recweave data read` and `check` that say what one's own files are like."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from recweave.core.errors import BadSetting

Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="What a column is called in the file: user_id=visitorid."),
]
Options = Annotated[
    list[str] | None, typer.Option("--option", help="An option of the reader: time=ms.")
]
Separator = Annotated[
    list[str] | None,
    typer.Option(help="What stands between cells: ';', '::', tab …; of one table: items=';'."),
]
Encoding = Annotated[
    list[str] | None,
    typer.Option(help="Of the text: cp1252, gb18030 …; of one table: items=cp1252."),
]
Decimal = Annotated[
    str | None, typer.Option(help="The decimal mark, '.' or ',', where 1,299 leaves it open.")
]
NoHeader = Annotated[
    bool,
    typer.Option("--no-header", help="The first line holds no names; columns are 1, 2, 3 …"),
]
Names = Annotated[
    str | None, typer.Option(help="Names of the columns of a file without a header line: a,b,c.")
]
NoQuotes = Annotated[
    bool, typer.Option("--no-quotes", help="Double quotes are letters, and enclose no cells.")
]
Escaped = Annotated[
    bool,
    typer.Option("--backslash-quotes", help="Quotes within cells have a backslash before them."),
]
SheetName = Annotated[
    list[str] | None,
    typer.Option(help="The sheet of a workbook, else the first; of one table: items=Products."),
]
Events = Annotated[str | None, typer.Option(help="The file of events, in the folder or elsewhere.")]
Items = Annotated[str | None, typer.Option(help="The file of items (titles, prices, …).")]
Users = Annotated[str | None, typer.Option(help="The file of users.")]
Reviews = Annotated[str | None, typer.Option(help="The file of reviews.")]
Links = Annotated[str | None, typer.Option(help="The file of links between items.")]
Impressions = Annotated[str | None, typer.Option(help="The file of lists that were shown.")]


def reader_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a command as options of a reader; what is not given is left out.

    Raises:
        BadSetting: for words that are not of the form asked for.
    """
    made = key_values(given["option"])
    if given["column"]:
        made["columns"] = dict(map(_pair, given["column"]))
    files = {
        name: given[name]
        for name in ("events", "items", "users", "reviews", "links", "impressions")
    }
    more = {
        **files,
        "separator": _by_table(given["separator"]),
        "encoding": _by_table(given["encoding"]),
        "sheet": _by_table(given["sheet"]),
        "decimal": given["decimal"],
        "header": False if given["no_header"] else None,
        "names": given["names"].split(",") if given["names"] else None,
        "quoted": False if given["no_quotes"] else None,
        "escaped": True if given["backslash_quotes"] else None,
    }
    return made | {name: value for name, value in more.items() if value is not None}


def key_values(words: list[str] | None) -> dict[str, Any]:
    """`KEY=VALUE` by key; a value that is JSON is read as such, so that 5 is a number.

    Raises:
        BadSetting: for a word that is not of this form.
    """
    return {key: _value(text) for key, text in map(_pair, words or [])}


def _by_table(words: list[str] | None) -> str | dict[str, str] | None:
    """One word for all tables, or `table=word` for each."""
    from recweave.data.readers.table import TABLES

    if not words:
        return None
    pairs = [word.partition("=") for word in words]
    if all(sign and table in TABLES for table, sign, _ in pairs):
        return {table: word for table, _, word in pairs}
    if len(words) > 1:
        raise BadSetting(f"{', '.join(words)}: give one for all files, or TABLE=… for each")
    return words[0]


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise BadSetting(f"'{text}' is not KEY=VALUE")
    return key, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
