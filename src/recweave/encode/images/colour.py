"""Colours and textures as numbers: an image encoder without weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from recweave.core.arrays import Array, unit_rows
from recweave.core.extras import require
from recweave.core.settings import Settings
from recweave.encode.images.decode import EXTRA, resized

SIDE = 64

BINS = (5, 7, 7)
"""Of lightness, green to red, and blue to yellow (CIELAB)."""

RANGES = ((0, 100), (-70, 70), (-70, 70))

CELL, DIRECTIONS = 16, 9
"""Pixels of a cell's side in which the directions of edges are counted, and their number."""

TEXTURE = DIRECTIONS * (SIDE // CELL) ** 2


@dataclass(frozen=True)
class ColourTexture:
    """How often each colour occurs (CIELAB), beside the directions of edges in each part (HOG).

    Square roots of shares, so that the dot product of two histograms is their Bhattacharyya
    coefficient. Pixels in the middle count more than those at the edge, which are often
    background. Histogram of oriented gradients: Dalal & Triggs, CVPR 2005.
    """

    @property
    def name(self) -> str:
        """See `ImageEncoder.name`."""
        return "colour/1"

    @property
    def dim(self) -> int:
        """See `ImageEncoder.dim`."""
        return int(np.prod(BINS)) + TEXTURE

    @property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        return SIDE

    def prepare(self, picture: Any) -> UInt8[Array, "64 64 3"]:
        """See `ImageEncoder.prepare`."""
        return resized(picture, SIDE, "stretch")

    def encode(self, prepared: UInt8[Array, "pictures 64 64 3"]) -> Float[Array, "pictures dim"]:
        """See `ImageEncoder.encode`."""
        texture = np.stack([_texture(one) for one in prepared])
        return np.hstack([_colours(prepared), unit_rows(texture)]).astype(np.float32)


def colour(settings: Settings) -> ColourTexture:
    """The same on every machine."""
    return ColourTexture()


def _colours(prepared: UInt8[Array, "pictures side side 3"]) -> Float[Array, "pictures bins"]:
    """Roots of the shares of each bin of CIELAB: unit vectors.

    A pixel between two bins counts for both, by its distance to each.
    """
    lab = require("skimage.color", extra=EXTRA).rgb2lab(prepared)
    count, side, _, _ = prepared.shape
    line = np.linspace(-1, 1, side)
    middle = np.exp(-(line[:, None] ** 2 + line[None, :] ** 2))[None, :, :, None]
    bins = np.arange(count)[:, None, None, None]
    shares = np.broadcast_to(middle, (count, side, side, 1))
    for channel, (number, (low, high)) in enumerate(zip(BINS, RANGES, strict=True)):
        place = np.clip((lab[..., channel, None] - low) / (high - low), 0, 1) * (number - 1)
        below = np.minimum(place.astype(np.int64), number - 2)
        above = place - below
        bins = bins * number + below
        bins = np.concatenate([bins, bins + 1], axis=-1)
        shares = np.concatenate([shares * (1 - above), shares * above], axis=-1)
    size = int(np.prod(BINS))
    counted = np.bincount(bins.ravel(), shares.ravel(), count * size).reshape(count, size)
    return np.asarray(np.sqrt(counted / counted.sum(axis=1, keepdims=True)))


def _texture(pixels: UInt8[Array, "side side 3"]) -> Float[Array, " texture"]:
    hog = require("skimage.feature", extra=EXTRA).hog
    made = hog(pixels, DIRECTIONS, (CELL, CELL), (1, 1), block_norm="L1", channel_axis=-1)
    return np.sqrt(np.asarray(made, np.float32))
