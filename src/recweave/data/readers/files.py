"""Files as numbered lines of bytes, compressed or not, and folders as lists of files."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from io import BufferedIOBase
from pathlib import Path

from recweave.core.errors import BadInput
from recweave.data.problems import BrokenFile

BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 1 << 20


def opened(path: Path) -> BufferedIOBase:
    """The file, decompressed if it is a gzip file by its first bytes."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return gzip.open(path) if packed else path.open("rb")


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a text file, numbered from 1, without line feeds and byte-order mark.

    Raises:
        BrokenFile: if the file cannot be opened, breaks off inside its gzip stream, holds nothing
            or is UTF-16.
    """
    number = 0
    try:
        with opened(path) as file:
            for number, line in enumerate(file, 1):
                if number == 1:
                    if line.startswith(_UTF16):
                        raise BrokenFile(path, 1, "is UTF-16; save the file as UTF-8")
                    line = line.removeprefix(BOM)
                yield number, line.removesuffix(b"\n")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        what = f"the gzip stream is broken after this line ({error}); fetch the file again"
        raise BrokenFile(path, number, what) from None
    except OSError as error:
        raise BrokenFile(path, None, f"cannot be opened: {error.strerror}") from None
    if not number:
        raise BrokenFile(path, None, "is empty; fetch or write it again")


def has_nul(path: Path) -> bool:
    """Whether a NUL byte is anywhere in the file: text has none, a half-written file may.

    Raises:
        OSError, EOFError, zlib.error: if the file cannot be read to its end.
    """
    block = bytearray(_BLOCK)
    with opened(path) as file:
        while size := file.readinto(block):
            if block.find(0, 0, size) >= 0:
                return True
    return False


def files_of(path: Path) -> list[Path]:
    """The files in a folder by name, or the file itself.

    Raises:
        BadInput: if there is no such path, or the folder holds no files.
    """
    if path.is_file():
        return [path]
    try:
        found = sorted(file for file in path.iterdir() if file.is_file())
    except OSError as error:
        raise BadInput(f"{path} cannot be opened: {error.strerror}; check the path") from None
    if not found:
        raise BadInput(f"{path} holds no files; give the folder that the archive was unpacked to")
    return found


def pick(files: Sequence[Path], *patterns: str) -> Path | None:
    """The file whose name fits the first pattern that any fits, compressed or not.

    Raises:
        BadInput: if several files fit one pattern.
    """
    for pattern in patterns:
        fitting = [file for file in files if fnmatch(file.name.removesuffix(".gz"), pattern)]
        if len(fitting) > 1:
            names = ", ".join(file.name for file in fitting)
            raise BadInput(
                f"{fitting[0].parent}: several files could be {pattern}: {names}; "
                "give the one that is meant"
            )
        if fitting:
            return fitting[0]
    return None


def pick_one(files: Sequence[Path], path: Path, *patterns: str) -> Path:
    """As `pick`, where there must be one.

    Raises:
        BadInput: if no file fits, with what was looked for and what is there.
    """
    found = pick(files, *patterns)
    if found is None:
        there = ", ".join(file.name for file in files[:5])
        raise BadInput(
            f"{path} holds no {' or '.join(patterns)}, only {there}; "
            "check the source's name and the path"
        )
    return found
