"""Photographs of the made-up shop's items, drawn: what it is, its colour, and its taste.

The shape tells the category, the paint the colour, and the pattern on it the group of taste.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from recweave.core.arrays import Array
from recweave.core.extras import require
from recweave.core.progress import track
from recweave.data.dataset import Dataset
from recweave.data.readers.photos import with_photos
from recweave.data.synthetic.lexicon import CATEGORIES, COLOURS
from recweave.data.synthetic.truth import Truth

FINER = 4
"""Shapes are drawn this many times larger and then made smaller, for smooth edges."""

SOLID, HOLE = 255, 0

Part = tuple[str, int, Sequence[float]]
"""A kind of shape, whether it is there or cut out, and its corners in [0, 1]: x, y, x, y, …"""

SHAPES: Mapping[str, tuple[Part, ...]] = {
    "bottle": (
        ("rectangle", SOLID, (0.42, 0.06, 0.58, 0.34)),
        ("ellipse", SOLID, (0.28, 0.24, 0.72, 0.6)),
        ("rectangle", SOLID, (0.28, 0.42, 0.72, 0.95)),
    ),
    "cup": (
        ("ellipse", SOLID, (0.54, 0.36, 0.92, 0.76)),
        ("ellipse", HOLE, (0.62, 0.45, 0.84, 0.67)),
        ("polygon", SOLID, (0.14, 0.28, 0.7, 0.28, 0.64, 0.86, 0.2, 0.86)),
    ),
    "bag": (
        ("ellipse", SOLID, (0.3, 0.08, 0.7, 0.7)),
        ("ellipse", HOLE, (0.37, 0.15, 0.63, 0.63)),
        ("polygon", SOLID, (0.18, 0.38, 0.82, 0.38, 0.92, 0.92, 0.08, 0.92)),
    ),
    "shoe": (
        ("polygon", SOLID, (0.06, 0.4, 0.36, 0.36, 0.52, 0.56, 0.86, 0.64, 0.94, 0.82, 0.06, 0.82)),
        ("rectangle", HOLE, (0.06, 0.74, 0.94, 0.76)),
    ),
    "hat": (
        ("ellipse", SOLID, (0.04, 0.6, 0.96, 0.84)),
        ("ellipse", SOLID, (0.26, 0.18, 0.74, 0.6)),
        ("rectangle", SOLID, (0.26, 0.38, 0.74, 0.72)),
    ),
    "watch": (
        ("rectangle", SOLID, (0.4, 0.02, 0.6, 0.98)),
        ("ellipse", SOLID, (0.22, 0.24, 0.78, 0.8)),
        ("ellipse", HOLE, (0.46, 0.48, 0.54, 0.56)),
    ),
    "umbrella": (
        ("ellipse", SOLID, (0.06, 0.12, 0.94, 1.0)),
        ("rectangle", HOLE, (0.0, 0.56, 1.0, 1.0)),
        ("rectangle", SOLID, (0.47, 0.5, 0.53, 0.96)),
    ),
    "lamp": (
        ("polygon", SOLID, (0.36, 0.06, 0.64, 0.06, 0.86, 0.46, 0.14, 0.46)),
        ("rectangle", SOLID, (0.46, 0.46, 0.54, 0.86)),
        ("ellipse", SOLID, (0.26, 0.82, 0.74, 0.96)),
    ),
    "chair": (
        ("rectangle", SOLID, (0.22, 0.04, 0.34, 0.96)),
        ("rectangle", SOLID, (0.22, 0.48, 0.8, 0.6)),
        ("rectangle", SOLID, (0.7, 0.5, 0.8, 0.96)),
    ),
    "book": (
        ("rectangle", SOLID, (0.16, 0.1, 0.84, 0.92)),
        ("rectangle", HOLE, (0.24, 0.1, 0.27, 0.92)),
    ),
}

Grid = Float[Array, "size size"]

PATTERNS: tuple[Callable[[Grid, Grid], Array], ...] = (
    lambda x, y: y % 0.16 < 0.08,  # stripes, lying
    lambda x, y: x % 0.16 < 0.08,  # stripes, standing
    lambda x, y: (x % 0.2 - 0.1) ** 2 + (y % 0.2 - 0.1) ** 2 < 0.004,  # dots
    lambda x, y: (x % 0.24 < 0.12) ^ (y % 0.24 < 0.12),  # checks
    lambda x, y: x + y < 0,  # none
    lambda x, y: (x + y) % 0.2 < 0.1,  # stripes, slanting
    lambda x, y: np.hypot(x - 0.5, y - 0.5) % 0.16 < 0.08,  # rings
    lambda x, y: (x % 0.16 < 0.03) | (y % 0.16 < 0.03),  # a grid
)
"""For each group of taste, where the paint is darker."""


def draw_photographs(
    dataset: Dataset, truth: Truth, folder: Path, *, size: int = 96, seed: int = 0
) -> Dataset:
    """Draw a JPEG for each item, `ITEM_ID.jpg`, and name them in the items' images.

    Things stand a little aside, turned, nearer or farther, before a light wall. Takes some
    milliseconds an item.

    Args:
        dataset, truth: What `make_shop` gave.
        folder: Where they are written; made if it is not there.
        size: Pixels of a side.
        seed: For what differs between photographs of one kind.

    Raises:
        MissingExtra: without Pillow.
    """
    if len(dataset.items) != len(truth.category):
        raise ValueError("the dataset is not the one that the truth is of")
    image = require("PIL.Image", extra="images")
    folder.mkdir(parents=True, exist_ok=True)
    for row, item_id in enumerate(track(dataset.items["item_id"].to_list(), "drawing")):
        pixels = draw(truth, row, size=size, seed=seed)
        image.fromarray(pixels).save(folder / f"{item_id}.jpg", quality=92)
    return with_photos(dataset, folder)


def draw(truth: Truth, row: int, *, size: int, seed: int) -> UInt8[Array, "size size 3"]:
    """The photograph of one item."""
    rng = np.random.default_rng([seed, row])
    shape = SHAPES[list(CATEGORIES)[truth.category[row]]]
    paint = np.array(list(COLOURS.values())[truth.colour[row]], np.float32)
    there = _shape(shape, size, rng)[..., None]
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    dark = PATTERNS[truth.item_group[row]](x, y)[..., None]
    thing = paint * np.where(dark, 0.55, 1.0) * (1.1 - 0.2 * x[..., None])  # light from the left
    wall = rng.uniform(225, 245) - 25 * y[..., None] + np.zeros(3)
    pixels = there * thing + (1 - there) * wall + rng.normal(0, 3, (size, size, 3))
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)


def _shape(parts: Sequence[Part], size: int, rng: np.random.Generator) -> Grid:
    """How much of each pixel the thing covers, 0 to 1."""
    image = require("PIL.Image", extra="images")
    fine = size * FINER
    mask = image.new("L", (fine, fine), HOLE)
    pen = require("PIL.ImageDraw", extra="images").Draw(mask)
    scale = rng.uniform(0.68, 0.88)
    aside = (1 - scale) / 2 + rng.uniform(-0.06, 0.06, 2)
    for kind, fill, corners in parts:
        placed = (np.reshape(corners, (-1, 2)) * scale + aside) * fine
        getattr(pen, kind)([tuple(corner) for corner in placed.tolist()], fill=fill)
    turned: Any = mask.rotate(rng.uniform(-12, 12), resample=image.Resampling.BILINEAR)
    return np.asarray(turned.resize((size, size), image.Resampling.BOX), np.float32) / SOLID
