"""The files of pictures, in folders and zips, by their paths in `items.images`."""

import zipfile
import zlib
from pathlib import Path
from threading import Lock

from recweave.core.errors import BadInput

INSIDE = "!/"
"""Stands between a zip and a file in it."""

MOST_BYTES = 64 * 2**20
"""A larger file is not read."""


class PictureFiles:
    """Reads pictures of one folder; threads may share it. Zips stay open until `close`.

    Attributes:
        folder: What the paths are relative to.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._zips: dict[str, zipfile.ZipFile] = {}
        self._opening = Lock()

    def read(self, picture: str) -> bytes:
        """The bytes of a picture.

        Raises:
            BadInput: if it cannot be read, or has more than 64 MB. The message is what is wrong
                with it, without its name.
        """
        packed, _, name = picture.rpartition(INSIDE)
        try:
            if packed:
                archive = self._zip(packed)
                size = archive.getinfo(name).file_size
            else:
                size = (self.folder / name).stat().st_size
            if size > MOST_BYTES:
                raise BadInput(f"has more than {MOST_BYTES >> 20} MB")
            return archive.read(name) if packed else (self.folder / name).read_bytes()
        except (FileNotFoundError, KeyError):
            raise BadInput("is not there") from None
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror or error}") from None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error):
            raise BadInput("is damaged inside its zip, or locked by a password") from None

    def close(self) -> None:
        """Close the zips."""
        with self._opening:
            for archive in self._zips.values():
                archive.close()
            self._zips.clear()

    def __enter__(self) -> "PictureFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _zip(self, packed: str) -> zipfile.ZipFile:
        with self._opening:
            if packed not in self._zips:
                self._zips[packed] = zipfile.ZipFile(self.folder / packed)
            return self._zips[packed]
