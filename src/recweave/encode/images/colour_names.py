"""The named colours of what a picture shows, as classes of a detector that needs no weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from recweave.core.arrays import Array
from recweave.core.extras import require
from recweave.core.settings import Settings
from recweave.encode.features import IMAGES
from recweave.encode.images.decode import EXTRA, resized

SIDE = 48

NAMES = (
    *("black", "white", "grey", "beige", "brown", "red"),
    *("orange", "yellow", "green", "blue", "purple", "pink"),
)
"""Basic colour terms (Berlin & Kay 1969), and beige."""

HUES = (18.0, 38.0, 82.0, 105.0, 195.0, 303.0, 346.0)
"""Degrees of hue in CIELAB where red, orange, yellow, green, blue, purple and pink begin."""

DARK, LIGHT = 38.0, 76.0
"""Lightness below which a pixel without colour is black, and from which it is white."""

CHROMA, PALE_CHROMA = 5.0, 9.0
"""Below it a pixel has no colour; the second is for light ones, which are seldom pure."""

FAR = 12.0
"""Distance from the background, in CIELAB, from which a pixel is of the thing."""

LEAST = 0.04
"""Share of the pixels below which nothing stands out, and all of them count."""


@dataclass(frozen=True)
class ColourNames:
    """The share of what a picture shows that is of each colour: a colour is an object of its own.

    The background is the median colour of the picture's edge; pixels unlike it are the thing, those
    in the middle counting more. Each is named by its lightness, chroma and hue (`names_of`). Shares
    below the threshold are 0, so that a thing has one to a few colours. The bounds were chosen on
    half of fashion-photos; on the other half the largest share has the name that people gave to the
    main colour for 59% of the photographs, where black for all would be right for 23%.

    Attributes:
        threshold: The least share.
    """

    threshold: float

    @property
    def name(self) -> str:
        """See `ImageEncoder.name`."""
        return f"{IMAGES}objects/colours/1/{self.threshold:g}"

    @property
    def dim(self) -> int:
        """See `ImageEncoder.dim`."""
        return len(NAMES)

    @property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        return SIDE

    @property
    def classes(self) -> Sequence[str]:
        """See `Detector.classes`."""
        return NAMES

    def prepare(self, picture: Any) -> UInt8[Array, "48 48 3"]:
        """See `ImageEncoder.prepare`."""
        return resized(picture, SIDE, "stretch")

    def encode(self, prepared: Sequence[UInt8[Array, "48 48 3"]]) -> Float[Array, "pictures dim"]:
        """See `ImageEncoder.encode`."""
        lab = _lab(np.stack(prepared)).reshape(len(prepared), SIDE * SIDE, 3)
        weight = _stands_out(lab) * _middle()
        named = names_of(lab)
        picture = np.arange(len(lab))[:, None]
        counted = np.bincount(
            (picture * self.dim + named).ravel(), weight.ravel(), len(lab) * self.dim
        ).reshape(len(lab), self.dim)
        share = counted / weight.sum(axis=1, keepdims=True)
        return np.where(share >= self.threshold, share, 0).astype(np.float32)


def colours(settings: Settings, threshold: float) -> ColourNames:
    """The same on every machine."""
    return ColourNames(threshold)


def names_of(lab: Float[Array, "... 3"]) -> Int[Array, "..."]:
    """The place in `NAMES` of each colour in CIELAB.

    Pale and dark tones of a hue have names of their own: brown is a dark orange, beige a pale one,
    pink a light red.
    """
    light, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    black, white, grey, beige, brown, red, orange, yellow, green, blue, purple, pink = range(12)
    family = np.searchsorted(HUES, hue, side="right")
    name = np.array([pink, red, orange, yellow, green, blue, purple, pink])[family]
    name[(name == pink) & (light < 30)] = red
    name[(name == red) & (light > 82) & (family == 1)] = pink
    name[(family == 1) & (chroma < 26) & (light < 50)] = brown
    warm = family == 2
    name[warm & ((light < 45) | ((chroma < 36) & (light < 54)))] = brown
    name[warm & (chroma < 36) & (light >= 54)] = beige
    sunny = family == 3
    name[sunny & (light < 52)] = np.where(chroma < 18, brown, green)[sunny & (light < 52)]
    name[sunny & (chroma < 26) & (light >= 54)] = beige
    plain = chroma < np.where(light < LIGHT, CHROMA, PALE_CHROMA)
    shade = np.searchsorted([DARK, LIGHT], light[plain], "right")
    name[plain] = np.array([black, grey, white])[shade]
    return np.asarray(name)


def _middle() -> Float[Array, " pixels"]:
    """Weights of pixels: those at the edge count a seventh, as they are often of something else."""
    line = np.linspace(-1, 1, SIDE)
    falling = np.asarray(np.exp(-2 * (line[:, None] ** 2 + line[None, :] ** 2)))
    return falling.ravel()


def _stands_out(lab: Float[Array, "pictures pixels 3"]) -> Bool[Array, "pictures pixels"]:
    """The pixels unlike the edge of their picture; all where hardly any is."""
    square = lab.reshape(-1, SIDE, SIDE, 3)
    edge = np.concatenate([square[:, [0, -1]], square[:, :, [0, -1]].swapaxes(1, 2)], axis=1)
    background = np.median(edge.reshape(len(lab), -1, 3), axis=1)
    far = np.linalg.norm(lab - background[:, None], axis=-1) > FAR
    far[far.mean(axis=1) < LEAST] = True
    return np.asarray(far)


def _lab(rgb: UInt8[Array, "... 3"]) -> Float[Array, "... 3"]:
    return np.asarray(require("skimage.color", extra=EXTRA).rgb2lab(rgb))
