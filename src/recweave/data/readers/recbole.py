"""RecBole's atomic files: tab-separated, under a header of `name:type`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from recweave.core.errors import BadInput
from recweave.data.problems import BrokenFile
from recweave.data.readers.columns import Column, anything, ids, text, texts
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of, pick, pick_one
from recweave.data.readers.infer import AUTO, time_of
from recweave.data.readers.numbers import number, price
from recweave.data.readers.plan import Plan, Sheet

_FORM = Delimited("\t", quoted=False)
_TYPES = ("token", "token_seq", "float", "float_seq")

_TITLES = ("title", "movie_title", "item_name", "name")
_CATEGORIES = ("categories", "category", "class", "genres", "genre")
"""What RecBole's datasets call the titles and the categories of items."""


_PARTS = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}
"""What stands before `.inter` in the files of a log that was cut, and the part it means."""


def recbole(path: Path) -> Plan:
    """RecBole's atomic files: the folder of `.inter`, `.item` and `.user`, or an `.inter` alone.

    Ratings are events of behaviour `rating`; without ratings, events are of behaviour `click`.
    Other columns of items and users are kept, `float` ones as numbers and `_seq` ones as lists. A
    log that was cut (`shop.train.inter`, `shop.valid.inter`, `shop.test.inter`) keeps its parts:
    the split `given` is that cut.
    """
    files = files_of(path)
    logs = _logs(files, path)
    sheets = [_events(log, part) for log, part in logs.items()]
    if len(logs) > 1:
        names = ", ".join(log.name for log in logs)
        what = f'is one part of a log: {names} are kept; split = {{ kind = "given" }} is this cut'
        sheets[0] = replace(sheets[0], noted=[what])
    if items := pick(files, "*.item"):
        sheets.append(Sheet("items", items, _FORM, _item(_fields(items, "item_id"))))
    if users := pick(files, "*.user"):
        columns = {name: _other(source) for name, source in _fields(users, "user_id").items()}
        sheets.append(Sheet("users", users, _FORM, columns))
    return Plan(next(iter(logs)).name.partition(".")[0], sheets)


def _logs(files: Sequence[Path], path: Path) -> dict[Path, str]:
    """The logs in a folder, and the part of each; no part for a whole one.

    Raises:
        BadInput: if there is none, or the training part lacks.
    """
    logs: dict[Path, str] = {}
    for ending, part in _PARTS.items() if path.is_dir() else ():
        if (file := pick(files, f"*.{ending}.inter")) is not None:
            if part in logs.values():
                raise BadInput(f"{path} holds two files of the part {part}; give one of them")
            logs[file] = part
    if not logs:
        return {pick_one(files, path, "*.inter"): ""}
    if "train" not in logs.values() or "test" not in logs.values():
        there = ", ".join(file.name for file in logs)
        raise BadInput(f"{path} holds {there}; a cut log has a .train.inter and a .test.inter")
    return logs


def _events(log: Path, part: str) -> Sheet:
    """A log, or one part of it."""
    fields = _fields(log, "user_id", "item_id")
    if "item_id_list" in fields:
        what = "holds a history in each row (item_id_list), which would count its events many times"
        raise BrokenFile(log, 1, f"{what}; give the log that it was made from")
    columns = {"user_id": ids(fields["user_id"]), "item_id": ids(fields["item_id"])}
    if "rating" in fields:
        columns["value"] = number(fields["rating"], required=True)
    if "timestamp" in fields:
        columns["time"] = time_of(fields["timestamp"], AUTO, log, _FORM, hint=pl.Float64())
    fixed = {"behavior": "rating" if "rating" in fields else "click"}
    return Sheet("events", log, _FORM, columns, fixed | ({"part": part} if part else {}))


def _fields(path: Path, *needed: str) -> dict[str, str]:
    """Names in a header, without their types, and how they stand there.

    Raises:
        BrokenFile: if a name has no type of RecBole's, or a needed one lacks.
    """
    header = _FORM.fields(path, every=True)
    fields = {name.partition(":")[0]: name for name in header}
    untyped = [name for name in header if name.partition(":")[2] not in _TYPES]
    if untyped:
        what = f"has the column '{untyped[0]}' without a type; write it as '{untyped[0]}:token'"
        raise BrokenFile(path, 1, what)
    for name in needed:
        if name not in fields:
            what = f"has no column '{name}', only {', '.join(fields)}; check the source's name"
            raise BrokenFile(path, 1, what)
    return fields


def _item(fields: dict[str, str]) -> dict[str, Column]:
    titles = [fields.pop(name) for name in _TITLES if name in fields]
    categories = [fields.pop(name) for name in _CATEGORIES if name in fields]
    columns = {name: _other(source) for name, source in fields.items()}
    if titles:
        columns["title"] = text(titles[0])
    if categories:
        columns["categories"] = texts(categories[0], by=" ")
    return columns


def _other(source: str) -> Column:
    """A column by what its name says: ids, prices, and else by its type."""
    name, _, kind = source.partition(":")
    if name in ("user_id", "item_id"):
        return ids(source)
    if name == "price":
        return price(source)
    if kind.endswith("_seq"):
        return texts(source, by=" ")
    return number(source, kind=pl.Float64()) if kind == "float" else anything(source)
