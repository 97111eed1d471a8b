"""Small copies of items' pictures for the report, from files on this machine."""

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from recweave.core.errors import BadInput, MissingExtra
from recweave.core.settings import Settings
from recweave.data.catalogue import find
from recweave.data.pictures import PictureFiles
from recweave.encode.images.decode import BadPicture, decode
from recweave.runs.summary import Summary

SIDE = 88
"""Pixels of a picture's side: twice what is shown, for sharp screens."""


def picture_folders(run: Summary) -> list[Path]:
    """The folders that relative paths of pictures may start from, in the order they are tried.

    These are the folder of the data, that of the recipe file, and the current one.
    """
    base = Path(run.environment.get("base_dir", "."))
    data = run.experiment.data
    own = base / (data if isinstance(data, str) else data.path)
    if isinstance(data, str) and not own.is_dir():
        own = find(data, Settings()) or own
    return [own.parent if own.is_file() else own, base, Path()]


def small_picture(image: str, folders: Sequence[Path]) -> str:
    """A small JPEG as a data address; "" if it is no picture on this machine, or without Pillow.

    Nothing is downloaded. What is transparent becomes white.

    Args:
        image: As `items.images` has it: a path, absolute or relative, or `photos.zip!/1.jpg`.
        folders: That a relative path may start from; the first that has it counts.
    """
    for folder in folders:
        try:
            with PictureFiles(folder) as files:
                content = files.read(image)
        except (BadInput, ValueError):  # such as a null byte in the path
            continue
        return _small_jpeg(content)
    return ""


def _small_jpeg(content: bytes) -> str:
    try:
        picture, _ = decode(content, SIDE)
    except (MissingExtra, BadPicture):
        return ""
    picture.thumbnail((SIDE, SIDE))
    file = BytesIO()
    picture.save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
