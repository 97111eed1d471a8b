"""The pictures of items as vectors, and the name of every picture that cannot be used."""

import logging
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadInput, BadSetting
from recweave.core.memory import require_memory
from recweave.core.progress import track
from recweave.core.settings import Settings
from recweave.data.dataset import Dataset
from recweave.data.pictures import MOST_BYTES, PictureFiles
from recweave.encode.cache import VectorFile
from recweave.encode.encoder import fingerprint
from recweave.encode.features import Feature
from recweave.encode.images.decode import BadPicture, decode, remark
from recweave.encode.images.encoder import ImageEncoder, image_encoder
from recweave.parallel import Pool, Threads

_log = logging.getLogger(__name__)

BATCH = 64
"""Pictures that the encoder is given at a time; 64 of 224 x 224 pixels are 10 MB."""

CHUNK = 256
"""Pictures read between two commits of vectors to the disk."""

NAMED = 3
"""Pictures that a line of the log names; `EncodedPictures.findings` has all."""


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


@dataclass(frozen=True, eq=False)
class EncodedPictures:
    """Vectors of pictures.

    Attributes:
        vectors: As the encoder made them; zero where the picture cannot be used.
        present: Whether a picture could be used.
        keys: SHA-256 of each file; empty where it cannot be read.
        findings: Every picture that cannot be used, or is unusual, in the order of pictures.
    """

    vectors: Float[Array, "pictures dim"]
    present: Bool[Array, " pictures"]
    keys: Sequence[bytes]
    findings: Sequence[Finding]

    @property
    def source(self) -> str:
        """What the vectors were made from, by a fingerprint of the files."""
        return f"items.images, {fingerprint(key.hex() for key in self.keys)}"


def encode_images(
    dataset: Dataset,
    folder: Path | str,
    encoder: ImageEncoder | None = None,
    *,
    pool: Pool | None = None,
    settings: Settings | None = None,
) -> Feature:
    """The vector of each item's pictures: the mean of their unit vectors, of unit length.

    Args:
        dataset: Whose items; their pictures are in the column `images`.
        folder: What the paths in that column are relative to.
        encoder: EfficientNet-Lite0 if not given.
        pool: Where pictures are decoded; threads of this process if not given.
        settings: Threads and the folder of the cache; from the environment if not given.

    Raises:
        BadSetting: if no item has a picture, or none of the pictures can be used.
    """
    settings = settings or Settings()
    encoder = encoder or image_encoder(settings=settings)
    item, pictures = item_pictures(dataset)
    encoded = encode_pictures(pictures, folder, encoder, pool=pool, settings=settings)
    report(encoded, dataset.name, folder)
    unit = unit_rows(encoded.vectors)
    total = np.zeros((len(dataset.item_ids), encoder.dim), np.float32)
    np.add.at(total, item[encoded.present], unit[encoded.present])
    return Feature(
        vectors=unit_rows(total),
        present=np.bincount(item[encoded.present], minlength=len(total)) > 0,
        encoder=encoder.name,
        source=encoded.source,
    )


def item_pictures(dataset: Dataset) -> tuple[Int[Array, " pictures"], list[str]]:
    """The row of the item that each picture is of, and the picture's path.

    Raises:
        BadSetting: if no item has a picture.
    """
    images = dataset.items["images"].list.drop_nulls()
    counts = images.list.len().fill_null(0)
    item = np.repeat(dataset.item_ids.rows(dataset.items["item_id"]), counts)
    pictures = images.explode().drop_nulls().to_list()  # an item without any gives a null
    if not pictures:
        raise BadSetting(
            f"no item of {dataset.name} has a picture in its column 'images'; read the data with "
            "the pictures' paths, or set by_id = true for pictures that are called ITEM_ID.jpg"
        )
    return item, pictures


def encode_pictures(
    pictures: Sequence[str],
    folder: Path | str,
    encoder: ImageEncoder,
    *,
    pool: Pool | None = None,
    settings: Settings | None = None,
) -> EncodedPictures:
    """A vector for each picture that can be used; what cannot never stops the others.

    Vectors are kept on disk by the hash of the file and the encoder's name, so a picture is encoded
    once, and a run that was stopped goes on where it was.
    """
    settings = settings or Settings()
    pool = pool or Threads(settings.threads)
    size = 4 * encoder.dim * len(pictures)
    require_memory(2 * size, f"vectors of {len(pictures):,} pictures", "encode fewer at a time")
    vectors = np.zeros((len(pictures), encoder.dim), np.float32)
    present = np.zeros(len(pictures), bool)
    keys: list[bytes] = []
    findings: list[Finding] = []
    with (
        PictureFiles(folder) as files,
        VectorFile(settings.home / "vectors.sqlite") as known,
        warnings.catch_warnings(),
    ):
        # Pillow warns of what is unusual or too large; it is all in the findings.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        read = track((_read(files, picture) for picture in pictures), "pictures", len(pictures))
        for chunk in _chunks(read):
            first, made = len(keys), _encode(chunk, encoder, pool, known)
            keys += [file.key for file in chunk]
            for row, (vector, file) in enumerate(zip(made, chunk, strict=True), first):
                if vector is not None:
                    vectors[row], present[row] = vector, True
                if file.what:
                    findings.append(Finding(pictures[row], file.what, vector is not None))
    return EncodedPictures(vectors, present, keys, findings)


def report(encoded: EncodedPictures, name: str, folder: Path | str) -> None:
    """One line of the log for each kind of finding: how many, and the first of them by name.

    Raises:
        BadSetting: if none of the pictures can be used.
    """
    kinds: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for finding in encoded.findings:
        kinds[finding.used, finding.what].append(finding.picture)
    for (used, what), names in sorted(kinds.items()):
        usable = "can be used all the same" if used else "cannot be used"
        several = "each" if len(names) > 1 else "it"
        first = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        _log.warning(
            f"{len(names):,} of {len(encoded.keys):,} pictures {usable}: {several} {what} ({first})"
        )
    if not encoded.present.any():
        raise BadSetting(
            f"none of the {len(encoded.keys):,} pictures of {name} can be used: "
            f"{encoded.findings[0].picture} {encoded.findings[0].what}; check the folder {folder}"
        )


@dataclass
class _File:
    """A picture's bytes, None where there are none to use; and what is unusual about it."""

    content: bytes | None
    what: str = ""

    @cached_property
    def key(self) -> bytes:
        return b"" if self.content is None else sha256(self.content).digest()


def _read(files: PictureFiles, picture: str) -> _File:
    try:
        return _File(files.read(picture))
    except BadInput as error:
        return _File(None, str(error))


def _chunks(files: Iterable[_File]) -> Iterator[list[_File]]:
    """As many as make a few batches, and no more bytes than fit."""
    chunk: list[_File] = []
    size = 0
    for file in files:
        chunk.append(file)
        size += len(file.content or b"")
        if len(chunk) == CHUNK or size > MOST_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _encode(
    chunk: Sequence[_File], encoder: ImageEncoder, pool: Pool, known: VectorFile
) -> list[Array | None]:
    """The vector of each file; where there is none, or a remark on it, the file says what it is."""
    found = known.get(encoder.name, [file.key for file in chunk if file.key])
    for file in chunk:
        if file.key in found and file.content is not None:
            file.what = remark(file.content) or ""
    new = [file for file in chunk if file.key and file.key not in found]
    prepared = []
    contents = (file.content for file in new)
    for file, one in zip(new, pool.map(partial(_prepare, encoder), contents), strict=True):
        if isinstance(one, str):
            file.what = one
        else:
            pixels, file.what = one
            prepared.append((file.key, pixels))
    for start in range(0, len(prepared), BATCH):
        batch = prepared[start : start + BATCH]
        made = np.asarray(encoder.encode([pixels for _, pixels in batch]), np.float32)
        if made.shape != (len(batch), encoder.dim):
            raise BadSetting(
                f"the encoder {encoder.name} gave an array of {made.shape} for {len(batch)} "
                f"pictures; it must give {encoder.dim} numbers, its dim, for each"
            )
        pairs = [(key, row.tobytes()) for (key, _), row in zip(batch, made, strict=True)]
        known.add(encoder.name, pairs)
        found.update(pairs)
    known.check(encoder.name, [*found.values(), bytes(4 * encoder.dim)])
    return [
        np.frombuffer(found[file.key], np.float32) if file.key in found else None for file in chunk
    ]


def _prepare(encoder: ImageEncoder, content: bytes) -> tuple[Any, str] | str:
    """The pixels that the encoder reads with a remark, or why there are none."""
    try:
        picture, what = decode(content, encoder.side)
    except BadPicture as error:
        return str(error)
    return encoder.prepare(picture), what or ""
