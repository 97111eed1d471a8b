"""A zip archive as the file or the folder in it."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from recweave.core.errors import BadInput
from recweave.data.readers.excel import WORKBOOKS
from recweave.data.unpack import unpack

OWN_ARCHIVES = frozenset({"photos"})
"""Sources whose readers open zip archives themselves; for others they are unpacked."""


@contextmanager
def unpacked(path: Path, source: str = "") -> Iterator[Path]:
    """The path; of a zip archive, the file or the folder in it, which is gone afterwards.

    Raises:
        BadInput: if an archive is cut, or as `data.unpack.unpack` does.
    """
    if source in OWN_ARCHIVES or not path.is_file() or path.suffix.lower() in WORKBOOKS:
        yield path
        return
    if not zipfile.is_zipfile(path):
        if path.suffix.lower() == ".zip":
            raise BadInput(f"{path} is not a whole zip archive; fetch it again")
        yield path
        return
    with TemporaryDirectory(prefix="recweave-") as folder:
        place = Path(folder) / path.stem
        unpack(path, place)
        found = [file for file in place.iterdir() if file.name != "__MACOSX"]
        yield found[0] if len(found) == 1 else place
