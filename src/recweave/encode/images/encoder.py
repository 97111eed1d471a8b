"""The interface of image encoders, and encoders by name."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import Registry, is_path
from recweave.core.settings import Settings


@runtime_checkable
class ImageEncoder(Protocol):
    """Pictures to vectors, in two steps: one picture at a time in threads, then in batches."""

    @property
    def name(self) -> str:
        """The encoder with its version: equal names give equal vectors for equal pictures."""

    @property
    def dim(self) -> int:
        """Length of the vectors."""

    @property
    def side(self) -> int:
        """Pixels of a picture's shorter side that it needs."""

    def prepare(self, picture: Any) -> Array:
        """The array of one picture (Pillow's RGB image); all have the same shape."""

    def encode(self, prepared: Array) -> Float[Array, "pictures dim"]:
        """A vector for each of some prepared pictures, stacked; it need not be of unit length."""


IMAGE_ENCODERS: Registry[Callable[[Settings], ImageEncoder]] = Registry(
    "image encoder",
    {
        "efficientnet": "recweave.encode.images.efficientnet:efficientnet",
        "colour": "recweave.encode.images.colour:colour",
    },
    group="recweave.image_encoders",
    instance_of="collections.abc:Callable",
)
"""What makes an image encoder for this machine, by name."""


def image_encoder(name: str = "efficientnet", settings: Settings | None = None) -> ImageEncoder:
    """An image encoder by name.

    Args:
        name: `efficientnet` (EfficientNet-Lite0 as shipped by a package, offline), `colour` (no
            weights: colours and textures), or `package.module:function` (called with `settings`,
            it gives an `ImageEncoder`).
        settings: Threads, and where weights are kept; from the environment if not given.

    Raises:
        UnknownName: for a name that is none of these.
        BadSetting: for a `package.module:function` that is not there or gives no encoder.
        MissingExtra: if the encoder's packages are not installed.
    """
    if name not in IMAGE_ENCODERS and not is_path(name):
        raise UnknownName("image encoder", name, IMAGE_ENCODERS)
    encoder = IMAGE_ENCODERS[name](settings or Settings())
    if not isinstance(encoder, ImageEncoder):
        raise BadSetting(
            f"'{name}' gives a {type(encoder).__name__}, which is no image encoder; it must have "
            "name, dim, side, prepare and encode"
        )
    return encoder
