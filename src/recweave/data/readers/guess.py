"""A look at files of one's own: what they seem to hold, and the command that reads them."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from recweave.core.errors import BadInput
from recweave.core.program import program
from recweave.data.readers.archive import unpacked
from recweave.data.readers.basket_guess import basket_guess
from recweave.data.readers.file_guess import FileGuess, look
from recweave.data.readers.files import files_of

_SOURCES: Mapping[str, Sequence[str]] = {
    "movielens": ("u.data", "ratings.dat"),
    "recbole": ("*.inter",),
    "mind": ("behaviors.tsv",),
    "behaviors": ("UserBehavior*.csv",),
    "yelp": ("yelp_academic_dataset_review.json",),
}
"""Publishers' files by name, for which there is a reader of their own."""


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
            lines.append(f"{one.name}: {one.form}" + (f"; {one.table}" if one.table else ""))
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
        source = _publisher(files)
        if source:
            known = tuple(FileGuess(file.name, "", f"a file for {source}") for file in files)
            return Guess(str(path), source, known, (), out)
        tables = [file for file in files if file.name[0] != "."]
        if len(tables) == 1 and (baskets := basket_guess(tables[0])) is not None:
            user = ("--option", "user=true") if "user" in baskets.options else ()
            return Guess(str(path), "basket", (baskets,), user, out)
        alone = place.is_file()
        looks = [found for file in tables for found in look(file)]
    chosen = _one_of_each(looks)
    if not any(one.table for one in chosen):
        seen = "; ".join(
            f"{one.name}: {one.doubts[0] if one.doubts else one.form}" for one in looks
        )
        raise BadInput(f"{path}: no file looks like a table of events, items or users ({seen})")
    if alone:
        chosen = [replace(one, file=path.name) for one in chosen]
    doubts = []
    if not any(one.table in ("events", "reviews") for one in chosen):
        doubts.append("there are no events (a user and an item in a row), so nothing can be learnt")
    doubts += _unlike([one for one in chosen if one.table])
    words = _words(chosen, alone=alone)
    return Guess(str(path), "table", tuple(chosen), tuple(words), out, tuple(doubts))


def _publisher(files: Sequence[Path]) -> str:
    """The reader of a publisher's files, by their names; empty where none is known."""
    names = [file.name.removesuffix(".gz") for file in files]
    for source, patterns in _SOURCES.items():
        if any(fnmatch(name, pattern) for name in names for pattern in patterns):
            return source
    return ""


def _one_of_each(looks: Sequence[FileGuess]) -> list[FileGuess]:
    """The same, with one file a table: the one named after it, else with the most columns."""
    chosen: dict[str, FileGuess] = {}
    for one in sorted(looks, key=lambda one: (_stem(one.file) != one.table, -len(one.columns))):
        chosen.setdefault(one.table, one)
    guesses = []
    for one in looks:
        first = chosen[one.table]
        if one.table and one is not first:
            doubt = f"it looks like {one.table}, as {first.name} does; one file a table is read"
            one = replace(one, table="", columns={}, options={}, doubts=(doubt,))
        guesses.append(one)
    return guesses


def _stem(file: str) -> str:
    return file.partition(".")[0]


def _words(files: Sequence[FileGuess], *, alone: bool) -> list[str]:
    """The options of the command."""
    used = [one for one in files if one.table]
    words: list[str] = []
    single = alone and len(used) == 1
    for one in used:
        if not alone and _stem(one.file) != one.table:
            words += [f"--{one.table}", one.file]
    for one in used:
        if single and one.table not in (_stem(one.file), "events"):
            words += ["--option", f"table={one.table}"]
        if one.sheet and len(files) > 1:
            words += ["--sheet", one.sheet if single else f"{one.table}={one.sheet}"]
        prefix = "" if single else f"{one.table}."
        for name, theirs in one.columns.items():
            if name != theirs:
                words += ["--column", f"{prefix}{name}={theirs}"]
        encoding = one.options.get("encoding")
        if encoding:
            words += ["--encoding", encoding if single else f"{one.table}={encoding}"]
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
