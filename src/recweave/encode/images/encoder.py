"""The interface of image encoders, and encoders by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import Registry, is_path
from recweave.core.settings import Settings
from recweave.encode.features import IMAGES
from recweave.encode.images.pretrained import located

ONNX = "onnx:"


@runtime_checkable
class ImageEncoder(Protocol):
    """Pictures to vectors, in two steps: one picture at a time in threads, then in batches."""

    @property
    def name(self) -> str:
        """`images/` and the encoder with its version.

        Equal names give equal vectors for equal pictures.
        """

    @property
    def dim(self) -> int:
        """Length of the vectors."""

    @property
    def side(self) -> int:
        """Pixels of a picture's shorter side that it needs."""

    def prepare(self, picture: Any) -> Any:
        """What it reads of one picture, Pillow's RGB image."""

    def encode(self, prepared: Sequence[Any]) -> Float[Array, "pictures dim"]:
        """A vector for each of some prepared pictures; it need not be of unit length."""


@runtime_checkable
class JointEncoder(ImageEncoder, Protocol):
    """An image encoder that also encodes words, into the same space: pictures found by words."""

    def encode_words(self, words: Sequence[str]) -> Float[Array, "texts dim"]:
        """A unit vector for each text; its cosine with a picture's says how well they fit."""


@runtime_checkable
class DerivedEncoder(ImageEncoder, Protocol):
    """An encoder whose numbers follow from the vectors of another, which are kept on disk."""

    @property
    def base(self) -> ImageEncoder:
        """The other: a picture that it has encoded is not read again."""

    def of_vectors(self, vectors: Float[Array, "pictures width"]) -> Float[Array, "pictures dim"]:
        """The numbers, from the other's vectors."""


IMAGE_ENCODERS: Registry[Callable[[Settings], ImageEncoder]] = Registry(
    "image encoder",
    {
        "efficientnet": "recweave.encode.images.efficientnet:efficientnet",
        "colour": "recweave.encode.images.colour:colour",
        "colours": "recweave.encode.images.colour:colours",
    },
    group="recweave.image_encoders",
    instance_of="collections.abc:Callable",
)
"""What makes an image encoder for this machine, by name."""


def image_encoder(
    name: str = "efficientnet",
    settings: Settings | None = None,
    base_dir: Path = Path(),
) -> ImageEncoder:
    """An image encoder by name.

    Args:
        name: `efficientnet` (EfficientNet-Lite0 as shipped by a package, offline), `colour` (no
            weights: colours and edges; `colours` without edges), the folder of a Hugging Face
            vision model or its `owner/model` (which may be downloaded), `onnx:PATH` (any image
            model in an ONNX file), `package.module:function` (called with `settings`, it gives an
            `ImageEncoder`), or several joined by `+`.
        settings: Threads, and where weights are kept; from the environment if not given.
        base_dir: The folder that relative paths start from.

    Raises:
        UnknownName: for a name that is none of these.
        Unavailable: if there is no such model.
        BadSetting: for a `package.module:function` that is not there or gives no encoder.
        MissingExtra: if the encoder's packages are not installed.
    """
    settings = settings or Settings()
    if "+" in name:
        parts = (image_encoder(part.strip(), settings, base_dir) for part in name.split("+"))
        return Joined(tuple(parts))
    if name.startswith(ONNX):
        from recweave.encode.images.onnx_model import OnnxModel

        return OnnxModel.load(base_dir / name.removeprefix(ONNX), settings.threads)
    if name not in IMAGE_ENCODERS and ("/" in name or (base_dir / name).is_dir()):
        from recweave.encode.images.vision import VisionModel

        return VisionModel.load(located(name, base_dir))
    if name not in IMAGE_ENCODERS and not is_path(name):
        raise UnknownName("image encoder", name, [*IMAGE_ENCODERS, f"{ONNX}PATH"])
    encoder = IMAGE_ENCODERS[name](settings)
    if not isinstance(encoder, ImageEncoder):
        raise BadSetting(
            f"'{name}' gives a {type(encoder).__name__}, which is no image encoder; it must have "
            "name, dim, side, prepare and encode"
        )
    return encoder


@dataclass(frozen=True)
class Joined:
    """The unit vectors of several encoders side by side: the cosine is the mean of their cosines.

    Attributes:
        encoders: Two or more.
    """

    encoders: tuple[ImageEncoder, ...]

    @property
    def name(self) -> str:
        """See `ImageEncoder.name`."""
        return IMAGES + "+".join(encoder.name.removeprefix(IMAGES) for encoder in self.encoders)

    @property
    def dim(self) -> int:
        """See `ImageEncoder.dim`."""
        return sum(encoder.dim for encoder in self.encoders)

    @cached_property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        return max(encoder.side for encoder in self.encoders)

    def prepare(self, picture: Any) -> tuple[Any, ...]:
        """See `ImageEncoder.prepare`."""
        return tuple(encoder.prepare(picture) for encoder in self.encoders)

    def encode(self, prepared: Sequence[tuple[Any, ...]]) -> Float[Array, "pictures dim"]:
        """See `ImageEncoder.encode`."""
        parts = zip(self.encoders, zip(*prepared, strict=True), strict=True)
        return np.hstack([unit_rows(encoder.encode(part)) for encoder, part in parts])
