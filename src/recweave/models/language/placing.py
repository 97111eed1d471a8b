"""Tokens of cold items, by ridge regression from their features to the trained tokens."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.models.content import ContentMap
from recweave.models.nn.items import Content

PENALTIES = tuple(10.0**power for power in range(-3, 4))
"""L2 regularization to choose from, relative to the mean squared singular value."""


@dataclass(frozen=True, eq=False)
class Placed:
    """The tokens of all items of the catalogue, and what places new ones.

    Attributes:
        item: Zero for a cold item without features.
        content: Maps features to tokens less `center`; None without features.
        center: The mean token of the items with events.
    """

    item: Float[Array, "items width"]
    content: ContentMap | None = None
    center: Float[Array, " width"] | None = None


def place_items(
    table: Float[Array, "items width"], counts: Int[Array, " items"], content: Content
) -> Placed:
    """Replace the tokens of items without events by what their features say.

    The regularization is the one with the smallest generalized cross-validation error.

    Args:
        table: The trained tokens.
        counts: Training events of each item.
        content: The features; may have none.
    """
    item = np.where(counts[:, None] > 0, table, np.float32(0))
    learned = (counts > 0) & content.present
    if not content.names or not learned.any():
        return Placed(item)
    center = item[counts > 0].mean(axis=0)
    weights = ridge(content.vectors[learned], item[learned] - center)
    cold = (counts == 0) & content.vectors.any(axis=1)
    item[cold] = content.vectors[cold] @ weights + center
    return Placed(item, ContentMap(content.names, content.means, (weights,)), center)


def ridge(x: Float[Array, "n dims"], y: Float[Array, "n width"]) -> Float[Array, "dims width"]:
    """W that minimizes ‖XW − Y‖² + λ‖W‖², with λ by generalized cross-validation."""
    u, s, vt = np.linalg.svd(x.astype(np.float64), full_matrices=False)
    projected = u.T @ y
    outside = float((y.astype(np.float64) ** 2).sum() - (projected**2).sum())
    best, chosen = np.inf, np.zeros_like(s)
    for penalty in PENALTIES:
        reg = penalty * max(float((s**2).mean()), np.finfo(float).tiny)
        shrunk = s**2 / (s**2 + reg)
        error = outside + float((((1 - shrunk)[:, None] * projected) ** 2).sum())
        free = max(1 - shrunk.sum() / len(x), 1e-9)
        if error / free**2 < best:
            best, chosen = error / free**2, s / (s**2 + reg)
    return np.asarray(vt.T @ (chosen[:, None] * projected), np.float32)
