"""Archives of strangers, opened with care: no way out of the folder, no links, a bound on size."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from lzma import LZMAError
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

from recweave.core.atomic import atomic_folder
from recweave.core.errors import BadInput
from recweave.core.memory import human

LIMIT = 100 * 2**30
BLOCK = 512
"""A file counts as this many bytes at least, so that a million empty ones are bounded too."""

BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    LZMAError,
    EOFError,
    RuntimeError,  # zipfile: a password is needed
    NotImplementedError,  # zipfile: a strange compression
    OSError,  # gzip, bz2: a wrong checksum; a name that is a file and a folder; a full disk
)


class _Member(NamedTuple):
    name: str
    size: int
    plain: bool  # a file or a folder: no link, no device
    open: Callable[[], Any]  # a binary file; None for a folder


def unpack(archive: Path, into: Path, *, limit: int = LIMIT) -> None:
    """Unpack a zip or tar (also gz, bz2, xz) file; a single folder around everything is left out.

    Args:
        archive: The file.
        into: The folder to make; it must not exist, and is not there if anything is refused.
        limit: The most bytes that may come out.

    Raises:
        BadInput: if the archive is broken, names places outside the folder, holds links or
            devices, or is larger than `limit` inside.
    """
    with atomic_folder(into, replace=False) as draft:
        unpack_into(archive, draft, limit=limit)


def unpack_into(archive: Path, folder: Path, *, limit: int = LIMIT) -> None:
    """`unpack` into an empty folder that exists, such as the draft of a larger one.

    Raises:
        BadInput: as `unpack` does; the folder then holds a part of the files.
    """
    try:
        _extract(archive, folder, limit)
    except BROKEN as error:
        raise BadInput(
            f"{archive} cannot be unpacked ({error}); remove it and fetch it again"
        ) from None
    inside = list(folder.iterdir())
    if len(inside) == 1 and inside[0].is_dir():
        _unwrap(inside[0])


def _unwrap(wrapper: Path) -> None:
    """Move what a folder holds to its parent, which holds nothing else."""
    taken = {path.name for path in wrapper.iterdir()}
    free = next(name for name in map(str, count()) if name not in taken)
    wrapper = wrapper.rename(wrapper.with_name(free))  # it may hold a file of its own name
    for path in list(wrapper.iterdir()):
        path.rename(wrapper.with_name(path.name))
    wrapper.rmdir()


def _extract(archive: Path, folder: Path, limit: int) -> None:
    total = 0
    if zipfile.is_zipfile(archive):
        members = _zip(archive)
    elif tarfile.is_tarfile(archive):
        members = _tar(archive)
    else:
        raise tarfile.TarError("it is no zip or tar file")
    for member in members:
        path = PureWindowsPath(member.name)  # knows both kinds of slash, and drives
        if path.anchor or ".." in path.parts:
            raise BadInput(f"{archive} names a place outside its folder: '{member.name}'")
        if not member.plain:
            raise BadInput(f"{archive} holds '{member.name}', which is no plain file or folder")
        total += max(member.size, BLOCK)
        if total > limit:
            raise BadInput(f"{archive} holds more than the {human(limit)} that may come out of it")
        _write(member, folder.joinpath(*path.parts))


def _write(member: _Member, to: Path) -> None:
    content = member.open()
    if content is None:
        to.mkdir(parents=True, exist_ok=True)
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    with content, to.open("xb") as file:
        shutil.copyfileobj(content, file)


def _zip(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)

            def content(info: zipfile.ZipInfo = info) -> Any:
                return None if info.is_dir() else opened.open(info)

            # zipfile gives no more bytes than the header tells.
            yield _Member(info.filename, info.file_size, plain, content)


def _tar(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as opened:
        for info in opened:

            def content(info: tarfile.TarInfo = info) -> Any:
                return opened.extractfile(info)

            yield _Member(info.name, info.size, info.isfile() or info.isdir(), content)
        # The checksum of a compressed stream stands at its end.
        while opened.fileobj is not None and opened.fileobj.read(BLOCK * 2048):
            pass
