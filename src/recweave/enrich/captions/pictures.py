"""Pictures to captions, and captions to vectors; cached, resumable, with every fault by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.settings import Settings
from recweave.encode.cache import CacheFile
from recweave.encode.encoder import TextEncoder, fingerprint
from recweave.encode.images.reading import Finding, read_pictures
from recweave.enrich.captions.captioner import CACHE, Captioner
from recweave.enrich.writer import Failure
from recweave.parallel import Pool

BATCH = 16
"""Pictures captioned between two commits; an interrupted process loses at most these."""


@dataclass(frozen=True, eq=False)
class CaptionedPictures:
    """Captions of pictures.

    Attributes:
        pictures: Their paths.
        captions: One for each; empty where there is none.
        captioner: The captioner, with its version.
        keys: SHA-256 of each file; empty where it cannot be read.
        findings: Every picture that has no caption for a reason, or is unusual.
    """

    pictures: Sequence[str]
    captions: Sequence[str]
    captioner: str
    keys: Sequence[bytes]
    findings: Sequence[Finding]

    @property
    def present(self) -> Bool[Array, " pictures"]:
        """Whether a picture has a caption."""
        return np.array([bool(caption) for caption in self.captions], bool)

    @property
    def source(self) -> str:
        """What the captions were made from and by, with a fingerprint of the files."""
        files = fingerprint(key.hex() for key in self.keys)
        return f"captions of pictures by {self.captioner}, {files}"


def caption_pictures(
    pictures: Sequence[str],
    folder: Path | str,
    by: Captioner,
    *,
    pool: Pool | None = None,
    settings: Settings | None = None,
) -> CaptionedPictures:
    """A caption for each picture that can be used; what cannot never stops the others.

    Captions are kept on disk by the hash of the file and the captioner's name, so a picture is
    captioned once, and a run that was stopped goes on where it was.

    Args:
        pictures: Paths, relative to the folder.
        folder: A folder.
        by: The captioner.
        pool: Where pictures are decoded; threads of this process if not given.
        settings: Threads and the folder of the cache; from the environment if not given.
    """
    settings = settings or Settings()
    captions: list[str] = []
    keys: list[bytes] = []
    findings: list[Finding] = []
    with CacheFile(settings.home / CACHE) as cache:
        read = read_pictures(
            pictures, folder, _Captions(by), cache, label="captions", pool=pool, settings=settings
        )
        for picture, (file, caption) in zip(pictures, read, strict=True):
            keys.append(file.key)
            captions.append("" if caption is None else caption.decode())
            if file.what:
                findings.append(Finding(picture, file.what, caption is not None))
    return CaptionedPictures(pictures, captions, by.name, keys, findings)


def mean_vectors(
    captions: Sequence[str],
    entity: Int[Array, " captions"],
    count: int,
    encoder: TextEncoder,
) -> tuple[Float[Array, "count dim"], Bool[Array, " count"]]:
    """The mean of the vectors of an entity's captions (MMREC, arXiv 2408.04211), and who has one.

    All captions have the same weight, and empty ones are left out. The more they differ, the
    shorter is the mean; it is not scaled to unit length.

    Args:
        captions: Of pictures.
        entity: The row of the item, user or review that each is of.
        count: How many of these there are.
        encoder: Encodes the captions.
    """
    read = np.array([bool(caption.strip()) for caption in captions], bool)
    vectors = encoder.encode([caption for caption in captions if caption.strip()])
    total = np.zeros((count, vectors.shape[1]), np.float32)
    np.add.at(total, entity[read], vectors)
    number = np.bincount(entity[read], minlength=count)
    return total / np.maximum(number, 1).astype(np.float32)[:, None], number > 0


@dataclass(frozen=True)
class _Captions:
    """A captioner as a `PictureModel`."""

    by: Captioner

    @property
    def batch(self) -> int:
        return BATCH

    @property
    def name(self) -> str:
        return self.by.name

    @property
    def side(self) -> int:
        return self.by.side

    def prepare(self, picture: Any) -> Any:
        return self.by.prepare(picture)

    def results(self, prepared: Sequence[Any]) -> list[bytes | str]:
        made = self.by.caption(prepared)
        return [
            f"got no caption: {one.reason}" if isinstance(one, Failure) else one.encode()
            for one in made
        ]
