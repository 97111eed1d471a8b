"""A zip archive as the file or the folder in it."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from recweave.data.unpack import unpack

OWN_ARCHIVES = frozenset({"photos"})
"""Sources whose readers open zip archives themselves; for others they are unpacked."""


@contextmanager
def unpacked(path: Path, source: str = "") -> Iterator[Path]:
    """The path; of a zip archive, the file or the folder in it, which is gone afterwards.

    Raises:
        BadInput: as `data.unpack.unpack` does.
    """
    if source in OWN_ARCHIVES or not path.is_file() or not zipfile.is_zipfile(path):
        yield path
        return
    with TemporaryDirectory(prefix="recweave-") as folder:
        place = Path(folder) / path.stem
        unpack(path, place)
        found = [file for file in place.iterdir() if file.name != "__MACOSX"]
        yield found[0] if len(found) == 1 else place
