"""Files as numbered lines of bytes, compressed or not, and folders as lists of files."""

import codecs
import gzip
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from fnmatch import fnmatch
from io import BufferedIOBase, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from recweave.core.errors import BadInput
from recweave.data.problems import BrokenFile

BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
HEAD = 1 << 16
"""Bytes that show how a file ends its lines."""

_BINARY = {
    b"PAR1": "a Parquet file; end its name in .parquet",
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"\x89PNG": "a PNG picture; give a table",
    b"\xff\xd8\xff": "a JPEG picture; give a table",
    b"GIF8": "a GIF picture; give a table",
    b"%PDF": "a PDF document; export the table as CSV",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
    b"ARROW1": "an Arrow file; write it as Parquet",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it, or compress it with gzip",
    b"BZh": "compressed with bzip2; unpack it, or compress it with gzip",
    b"\xfd7zXZ": "compressed with xz; unpack it, or compress it with gzip",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"\x7fELF": "a program; give a table",
}
"""What is no text, by its first bytes, and what to do."""


def opened(path: Path) -> BufferedIOBase:
    """The file, decompressed if it is a gzip file by its first bytes."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return gzip.open(path) if packed else path.open("rb")


def head(path: Path, size: int = HEAD) -> bytes:
    """The first bytes of a file, decompressed.

    Raises:
        BrokenFile: if it cannot be opened, or its gzip stream is broken here.
    """
    with _named(path), opened(path) as file:
        return file.read(size)


def refuse_binary(path: Path, start: bytes) -> None:
    """Refuse a file that is no text.

    Raises:
        BrokenFile: naming what it is by its first bytes.
    """
    for magic, what in _BINARY.items():
        if start.startswith(magic):
            raise BrokenFile(path, None, f"is {what}")


def lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, bytes]]:
    """The lines of a text file as UTF-8, numbered from 1, without line ends and byte-order mark.

    A byte-order mark of UTF-16 or UTF-32 counts more than `encoding`. Bytes that are no text in
    the encoding stay as they are. A file whose lines end in a carriage return alone (old Macs) is
    read so.

    Raises:
        BrokenFile: if the file cannot be opened, breaks off inside its gzip stream, is empty or
            is no text.
    """
    start = head(path)
    if not start:
        raise BrokenFile(path, None, "is empty; fetch or write it again")
    refuse_binary(path, start)
    encoding = marked_encoding(start) or encoding
    with (
        _named(path) as reached,
        opened(path) as file,
        closing(_split(file, encoding, start)) as found,
    ):
        for number, line in enumerate(found, 1):
            reached[0] = number
            yield number, line.removeprefix(BOM) if number == 1 else line


def marked_encoding(start: bytes) -> str | None:
    """The encoding that a byte-order mark at the start of a file names, where it is not UTF-8."""
    return next((name for mark, name in _BOMS.items() if start.startswith(mark)), None)


def _split(file: BufferedIOBase, encoding: str, start: bytes) -> Generator[bytes]:
    end = line_end(start, encoding)
    if encoding == "utf-8" and end == "\n":
        for raw in file:
            yield raw.removesuffix(b"\n")
        return
    text = TextIOWrapper(cast(BinaryIO, file), encoding, errors="surrogateescape", newline=end)
    try:
        for line in text:
            yield line.removesuffix(end).encode("utf-8", "surrogateescape")
    finally:
        text.detach()  # who opened the file closes it


def line_end(start: bytes, encoding: str = "utf-8") -> str:
    """What ends the lines of a file that starts so: a carriage return alone, or a line feed."""
    text = start.decode(encoding, "replace")
    return "\r" if "\r" in text[:-1] and "\n" not in text else "\n"


@contextmanager
def _named(path: Path) -> Iterator[list[int]]:
    """Errors of a file as ours; the number of the last line read goes into what is given."""
    reached = [0]
    try:
        yield reached
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        what = f"the gzip stream is broken after this line ({error}); fetch the file again"
        raise BrokenFile(path, reached[0], what) from None
    except UnicodeError as error:
        what = f"is not whole text of the encoding it begins with ({error}); write it again"
        raise BrokenFile(path, reached[0] + 1, what) from None
    except OSError as error:
        raise BrokenFile(path, None, f"cannot be opened: {error.strerror}") from None


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
