"""The pictures of items as vectors, and the name of every picture that cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadSetting
from recweave.core.memory import require_memory
from recweave.core.settings import Settings
from recweave.data.dataset import Dataset
from recweave.encode.cache import CacheFile
from recweave.encode.encoder import fingerprint
from recweave.encode.features import Feature
from recweave.encode.images.encoder import DerivedEncoder, ImageEncoder, image_encoder
from recweave.encode.images.reading import Finding, read_pictures, report
from recweave.parallel import Pool

BATCH = 64
"""Pictures that the encoder is given at a time; 64 of 224 x 224 pixels are 10 MB."""
ROWS = 4096
"""Vectors that another encoder's numbers are made from at a time."""


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
    report(encoded.findings, pictures, dataset.name, folder)
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
            "the pictures' paths, or set by_id = true (on the command line --by-id) for pictures "
            "that are called ITEM_ID.jpg"
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
    once, and a run that was stopped goes on where it was. Where the numbers follow from the vectors
    of another encoder (`DerivedEncoder`), those are kept.
    """
    settings = settings or Settings()
    if isinstance(encoder, DerivedEncoder):
        base = encode_pictures(pictures, folder, encoder.base, pool=pool, settings=settings)
        return replace(base, vectors=_derived(encoder, base))
    size = 4 * encoder.dim * len(pictures)
    require_memory(2 * size, f"vectors of {len(pictures):,} pictures", "encode fewer at a time")
    vectors = np.zeros((len(pictures), encoder.dim), np.float32)
    present = np.zeros(len(pictures), bool)
    keys: list[bytes] = []
    findings: list[Finding] = []
    with CacheFile(settings.home / "vectors.sqlite") as cache:
        read = read_pictures(
            pictures, folder, _Vectors(encoder), cache, pool=pool, settings=settings
        )
        for row, (file, vector) in enumerate(read):
            keys.append(file.key)
            if vector is not None:
                cache.check_lengths(encoder.name, [vector, bytes(4 * encoder.dim)])
                vectors[row], present[row] = np.frombuffer(vector, np.float32), True
            if file.what:
                findings.append(Finding(pictures[row], file.what, vector is not None))
    return EncodedPictures(vectors, present, keys, findings)


def _derived(encoder: DerivedEncoder, base: EncodedPictures) -> Float[Array, "pictures dim"]:
    found = np.zeros((len(base.vectors), encoder.dim), np.float32)
    usable = np.flatnonzero(base.present)
    for first in range(0, len(usable), ROWS):
        rows = usable[first : first + ROWS]
        found[rows] = encoder.of_vectors(base.vectors[rows])
    return found


@dataclass(frozen=True)
class _Vectors:
    """An image encoder as a `PictureModel`."""

    encoder: ImageEncoder
    batch: int = BATCH

    @property
    def name(self) -> str:
        return self.encoder.name

    @property
    def side(self) -> int:
        return self.encoder.side

    def prepare(self, picture: Any) -> Any:
        return self.encoder.prepare(picture)

    def results(self, prepared: Sequence[Any]) -> list[bytes | str]:
        made = np.asarray(self.encoder.encode(prepared), np.float32)
        if made.shape != (len(prepared), self.encoder.dim):
            raise BadSetting(
                f"the encoder {self.name} gave an array of {made.shape} for {len(prepared)} "
                f"pictures; it must give {self.encoder.dim} numbers, its dim, for each"
            )
        return [row.tobytes() for row in made]
