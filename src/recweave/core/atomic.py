"""Files and folders that appear whole or not at all, and JSON files written that way.

    with atomic_file(path) as draft:
        table.write_parquet(draft)
    with atomic_folder(path, replace=True) as draft:
        (draft / "manifest.json").write_text(text)

A draft has the name `.TARGET.HOST-PROCESS-COUNT.draft` in the folder of its target. An older folder
that is being replaced is called `.TARGET.HOST-PROCESS-COUNT.old` between two renames; what has that
name is always whole. The process id in the names shows which drafts were left by killed writers.
"""

import errno
import json
import os
import platform
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from recweave.core.errors import BadArtifact, BadInput

_NAME = re.compile(
    r"\.(?P<target>.+)\.(?P<host>[0-9a-f]{8})-(?P<process>\d+)-(?P<number>\d+)\.(?P<state>draft|old)",
    re.DOTALL,
)
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)

_numbers = count()
_active: set[int] = set()
"""Numbers of the drafts that this process is writing now."""


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """The path to write a file to; on success it is flushed to disk and takes the name `path`.

    An older file of the name is replaced. If the body fails, the draft is removed and the older
    file stays as it was. Missing parent folders are made. Threads and processes may write the same
    path at the same time: each writes a draft of its own, and the last to finish wins.
    """
    with _draft(path) as draft:
        yield draft
        move_into_place(draft, path)


@contextmanager
def atomic_folder(path: Path, *, replace: bool) -> Iterator[Path]:
    """A new empty folder to fill; on success it is flushed to disk and takes the name `path`.

    If the body fails, the draft is removed and an older folder stays as it was. Missing parent
    folders are made. A writer killed at any moment leaves the old or the new folder under the name,
    or no folder and the old one as `.old`, which `clear_drafts` and the next writer put back.

    Args:
        path: The folder to make.
        replace: Whether an older one of the name is replaced. The last of several writers wins.

    Raises:
        BadInput: without `replace`, if `path` exists: before any work, or at the end if another
            writer made it meanwhile.
    """
    with _draft(path) as draft:
        if not replace and os.path.lexists(path):
            raise _exists_already(path)
        draft.mkdir()
        yield draft
        for folder, _, files in os.walk(draft):
            for file in files:
                _flush_file(Path(folder, file))
            _flush_folder(Path(folder))
        if replace:
            _replace_folder(draft, path)
        else:
            _place_folder(draft, path)


def move_into_place(draft: Path, path: Path) -> None:
    """Flush a finished file to disk and give it its name, in place of an older file of that name.

    For drafts that must outlive their process, such as a download that can be resumed; others use
    `atomic_file`.
    """
    _flush_file(draft)
    os.replace(draft, path)
    _flush_folder(path.parent)


def clear_drafts(folder: Path, target: str | None = None) -> None:
    """Remove the drafts of killed writers; put back a folder that one was about to replace.

    Drafts of living processes stay, and so do those of other machines, which may be alive. What
    another process clears at the same time is no error.

    Args:
        folder: Where the targets are; need not exist.
        target: Clear the drafts of this name alone.
    """
    for path, name in _drafts(folder, target):
        if _alive(name):
            continue
        if name["state"] == "old" and not os.path.lexists(folder / name["target"]):
            with suppress(FileNotFoundError):  # another process was faster
                os.rename(path, folder / name["target"])
        else:
            _remove(path)


def target_of(path: Path) -> Path:
    """The file or folder that a draft is of; the path itself if it is no draft."""
    name = _NAME.fullmatch(path.name)
    return path.with_name(name["target"]) if name else path


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file that appears whole or not at all."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def read_json(path: Path, remedy: str) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        remedy: What the user can do if it is broken; ends the message.

    Raises:
        BadArtifact: if it is missing or broken.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadArtifact(f"{path} cannot be read ({error}); {remedy}") from None


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A name for a draft of `path`, removed at the end if it is still there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_drafts(path.parent, path.name)
    number = next(_numbers)
    _active.add(number)
    draft = _sibling(path, number)
    try:
        yield draft
    finally:
        _remove(draft)
        _active.discard(number)


def _sibling(path: Path, number: int) -> Path:
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{number}.draft")


@cache
def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _drafts(folder: Path, target: str | None) -> list[tuple[Path, re.Match[str]]]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = ((folder / name, _NAME.fullmatch(name)) for name in names)
    return [(path, name) for path, name in found if name and target in (None, name["target"])]


def _alive(name: re.Match[str]) -> bool:
    """Whether the writer of a draft may still be at work."""
    process = int(name["process"])
    if name["host"] != _host():
        return True
    if process == os.getpid():  # a number not in use is of an earlier process with the same id
        return int(name["number"]) in _active
    if os.name != "posix":  # os.kill would end the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # a process of another user
        return True
    return True


def _place_folder(draft: Path, path: Path) -> None:
    try:
        os.rename(draft, path)
    except OSError as error:
        if error.errno in _TAKEN:
            raise _exists_already(path) from None
        raise
    _flush_folder(path.parent)


def _replace_folder(draft: Path, path: Path) -> None:
    """Rename the draft to `path`, moving aside what is there; again if another writer is faster."""
    old = draft.with_suffix(".old")
    while True:
        moved = _move_aside(path, old)
        try:
            os.rename(draft, path)
        except BaseException as error:
            taken = isinstance(error, OSError) and error.errno in _TAKEN
            if moved and not taken:
                os.rename(old, path)
            elif moved:
                _discard(old, path)
            if not taken:
                raise
        else:
            break
    _flush_folder(path.parent)
    if moved:
        _discard(old, path)


def _move_aside(path: Path, old: Path) -> bool:
    try:
        os.rename(path, old)
    except FileNotFoundError:
        return False
    return True


def _discard(old: Path, path: Path) -> None:
    """Remove a replaced folder, renamed first: half removed, it must not be put back."""
    refuse = _sibling(path, next(_numbers))
    os.rename(old, refuse)
    _remove(refuse)


def _exists_already(path: Path) -> BadInput:
    return BadInput(f"{path} exists already; remove it or choose another folder")


def _remove(path: Path) -> None:
    """Remove a file, link or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)  # what stays is removed by a later clear_drafts
    else:
        path.unlink(missing_ok=True)


def _flush_file(path: Path) -> None:
    flags = os.O_RDONLY if os.name == "posix" else os.O_RDWR
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(path: Path) -> None:
    """Flush the names in a folder, where the file system can do that."""
    if os.name == "posix":
        with suppress(OSError):
            _flush_file(path)
