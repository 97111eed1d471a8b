"""What a model makes of picture files, one after the other; and every picture that is unusable."""

import logging
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from recweave.core.errors import BadInput, BadSetting
from recweave.core.progress import track
from recweave.core.settings import Settings
from recweave.data.pictures import MOST_BYTES, PictureFiles
from recweave.encode.cache import CacheFile
from recweave.encode.images.decode import BadPicture, decode, remark
from recweave.parallel import Pool, Threads

_log = logging.getLogger(__name__)

CHUNK = 256
"""Pictures read at a time."""

NAMED = 3
"""Pictures that a line of the log names; the findings have all."""


@dataclass(frozen=True)
class Finding:
    """What is unusual about a picture.

    Attributes:
        picture: Its path, as in `items.images`.
        what: What is unusual, to be read after the path.
        used: Whether it was used all the same.
    """

    picture: str
    what: str
    used: bool


@runtime_checkable
class PictureModel(Protocol):
    """Makes something of pictures (a vector, a caption): prepares each, then works in batches."""

    @property
    def name(self) -> str:
        """The model with its version: equal names give equal results for equal pictures."""

    @property
    def side(self) -> int:
        """Pixels of a picture's shorter side that it needs."""

    @property
    def batch(self) -> int:
        """Pictures worked on between two commits to the disk."""

    def prepare(self, picture: Any) -> Any:
        """What it reads of one picture, Pillow's RGB image."""

    def results(self, prepared: Sequence[Any]) -> Sequence[bytes | str]:
        """The result of each as bytes, or why there is none, to be read after the picture's path.

        Bytes are stored; a picture without any is tried again by the next run.
        """


@dataclass
class PictureFile:
    """A picture's bytes, None where there are none to use; and what is unusual about it."""

    content: bytes | None
    what: str = ""

    @cached_property
    def key(self) -> bytes:
        """SHA-256 of the file; empty where it cannot be read."""
        return b"" if self.content is None else sha256(self.content).digest()


def read_pictures(
    pictures: Sequence[str],
    folder: Path | str,
    model: PictureModel,
    cache: CacheFile,
    *,
    label: str = "pictures",
    pool: Pool | None = None,
    settings: Settings | None = None,
) -> Iterator[tuple[PictureFile, bytes | None]]:
    """What the model makes of each picture, in order; None where there is nothing.

    Results are kept on disk by the hash of the file and the model's name, so a picture is worked
    on once, and a run that was stopped goes on where it was.

    Args:
        pictures: Paths, relative to the folder.
        folder: A folder.
        model: Makes the results.
        cache: Within its `with`.
        label: Of the progress bar.
        pool: Where pictures are decoded; threads of this process if not given.
        settings: Threads; from the environment if not given.
    """
    pool = pool or Threads((settings or Settings()).threads)
    with PictureFiles(folder) as files, warnings.catch_warnings():
        # Pillow warns of what is unusual or too large; it is all in the findings.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        read = track((_read(files, picture) for picture in pictures), label, len(pictures))
        for chunk in _chunks(read, min(CHUNK, 4 * model.batch)):
            yield from zip(chunk, _results(chunk, model, pool, cache), strict=True)


def report(findings: Sequence[Finding], pictures: Sequence[str], name: str, folder: Any) -> None:
    """One line of the log for each kind of finding: how many, and the first of them by name.

    Raises:
        BadSetting: if none of the pictures can be used.
    """
    kinds: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for finding in findings:
        kinds[finding.used, finding.what].append(finding.picture)
    for (used, what), names in sorted(kinds.items()):
        usable = "can be used all the same" if used else "cannot be used"
        several = "each" if len(names) > 1 else "it"
        first = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        _log.warning(
            f"{len(names):,} of {len(pictures):,} pictures {usable}: {several} {what} ({first})"
        )
    if sum(not finding.used for finding in findings) == len(pictures):
        raise BadSetting(
            f"none of the {len(pictures):,} pictures of {name} can be used: "
            f"{findings[0].picture} {findings[0].what}; check the folder {folder}"
        )


def _read(files: PictureFiles, picture: str) -> PictureFile:
    try:
        return PictureFile(files.read(picture))
    except BadInput as error:
        return PictureFile(None, str(error))


def _chunks(files: Iterable[PictureFile], most: int) -> Iterator[list[PictureFile]]:
    """As many as make a few batches, and no more bytes than fit."""
    chunk: list[PictureFile] = []
    size = 0
    for file in files:
        chunk.append(file)
        size += len(file.content or b"")
        if len(chunk) == most or size > MOST_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _results(
    chunk: Sequence[PictureFile], model: PictureModel, pool: Pool, cache: CacheFile
) -> list[bytes | None]:
    """Of each file; where there is none, or a remark on it, the file says what it is."""
    found = cache.get(model.name, [file.key for file in chunk if file.key])
    for file in chunk:
        if file.key in found and file.content is not None:
            file.what = remark(file.content) or ""
    new = [file for file in chunk if file.key and file.key not in found]
    prepared: list[tuple[PictureFile, Any]] = []
    contents = (file.content for file in new)
    for file, one in zip(new, pool.map(partial(_prepare, model), contents), strict=True):
        if isinstance(one, str):
            file.what = one
        else:
            pixels, file.what = one
            prepared.append((file, pixels))
    for start in range(0, len(prepared), model.batch):
        batch = prepared[start : start + model.batch]
        made = model.results([pixels for _, pixels in batch])
        pairs = []
        for (file, _), result in zip(batch, made, strict=True):
            if isinstance(result, bytes):
                pairs.append((file.key, result))
            else:
                file.what = result
        cache.add(model.name, pairs)
        found.update(pairs)
    return [found.get(file.key) if file.key else None for file in chunk]


def _prepare(model: PictureModel, content: bytes) -> tuple[Any, str] | str:
    """What the model reads with a remark, or why there is nothing."""
    try:
        picture, what = decode(content, model.side)
    except BadPicture as error:
        return str(error)
    return model.prepare(picture), what or ""
