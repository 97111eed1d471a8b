"""Picture files to RGB pixels; what cannot be used, and what only needs a remark."""

from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import UInt8

from recweave.core.arrays import Array
from recweave.core.errors import BadInput
from recweave.core.extras import require

MOST_PIXELS = 80_000_000
"""A larger picture is not decoded; below the size at which Pillow itself warns."""

TINY = 16
"""Pixels of the shorter side below which a picture shows hardly anything."""

EXTRA = "images"


class BadPicture(BadInput):
    """A picture that cannot be used; its message is the kind of fault, without the file's name."""


def decode(content: bytes, side: int) -> tuple[Any, str | None]:
    """A picture as Pillow's RGB image, upright, and a remark on it where there is one.

    Of an animation the first frame is taken, transparent parts become white, and 16 bits a channel
    become 8. A JPEG much larger than `side` is decoded at a half, quarter or eighth of its size,
    which is several times faster.

    Args:
        content: The bytes of the file.
        side: Pixels of the shorter side that are needed.

    Raises:
        BadPicture: if it is no picture, is cut off, or is too large.
    """
    image = require("PIL.Image", extra=EXTRA)
    try:
        picture = _open(content)
        what = _remark(picture)
        picture.draft(None, (2 * side, 2 * side))
        return _rgb(picture), what
    except BadPicture:
        raise
    except image.UnidentifiedImageError:
        raise BadPicture("is not a picture that can be read" if content else "is empty") from None
    except image.DecompressionBombError:
        raise BadPicture(f"has more than {MOST_PIXELS // 10**6} million pixels") from None
    except Exception as error:
        # Pillow's parsers of damaged files raise almost anything: OSError, SyntaxError, ValueError,
        # struct.error, IndexError, zlib.error.
        cut_off = "truncated" in str(error)
        raise BadPicture("is cut off" if cut_off else "is damaged") from None


def remark(content: bytes) -> str | None:
    """What `decode` would remark, from the first bytes alone."""
    return _remark(_open(content))


def _open(content: bytes) -> Any:
    image = require("PIL.Image", extra=EXTRA)
    picture = image.open(BytesIO(content))
    if picture.width * picture.height > MOST_PIXELS:
        raise BadPicture(f"has more than {MOST_PIXELS // 10**6} million pixels")
    return picture


def _remark(picture: Any) -> str | None:
    if getattr(picture, "is_animated", False):
        return "is animated; its first frame is used"
    if picture.mode == "CMYK":
        return "is CMYK, whose colours are converted to RGB without a profile"
    if min(picture.size) < TINY:
        return f"is smaller than {TINY} pixels"
    return None


def _rgb(picture: Any) -> Any:
    image = require("PIL.Image", extra=EXTRA)
    if picture.mode.startswith("I;16") or picture.mode == "I":
        # Pillow clips these instead of scaling them.
        grey = np.asarray(picture, np.int64) >> 8
        return image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")
    picture.load()
    picture = require("PIL.ImageOps", extra=EXTRA).exif_transpose(picture)
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        picture = image.new("RGBA", clear.size, "white")
        picture.alpha_composite(clear)
    return picture.convert("RGB")


def resized(picture: Any, side: int, how: str) -> UInt8[Array, "side side 3"]:
    """A square of pixels from a picture of any shape.

    Args:
        picture: Pillow's RGB image.
        side: Pixels of the square's side.
        how: "crop" keeps the middle; "pad" keeps all of it, and repeats the pixels of the edge
            beside it; "stretch" keeps all of it and changes the proportions.
    """
    image = require("PIL.Image", extra=EXTRA)
    bicubic = image.Resampling.BICUBIC
    width, height = picture.size
    if how == "stretch":
        return np.asarray(picture.resize((side, side), bicubic))
    if how == "crop":
        shorter = min(width, height)
        left, top = (width - shorter) / 2, (height - shorter) / 2
        box = (left, top, left + shorter, top + shorter)
        return np.asarray(picture.resize((side, side), bicubic, box=box))
    scale = side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = np.asarray(picture.resize(size, bicubic))
    beside = [((side - length) // 2, side - length - (side - length) // 2) for length in size]
    return np.pad(pixels, (beside[1], beside[0], (0, 0)), mode="edge")
