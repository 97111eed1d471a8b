"""What a detector finds in a picture: boxes, the surest of those that overlap, and classes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array

THRESHOLD = 0.25
"""What a detector must be sure of, for an object to count."""

OVERLAP = 0.45
"""Of two boxes of one class with a larger intersection over union, the less sure one goes."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """What a detector found in a picture.

    Attributes:
        corners: Left, top, right and bottom, in pixels of the picture.
        label: Positions of the classes.
        confidence: Between 0 and 1; the surest first.
    """

    corners: Float[Array, "boxes 4"]
    label: Int[Array, " boxes"]
    confidence: Float[Array, " boxes"]


def best_boxes(
    corners: Float[Array, "cells 4"], confidence: Float[Array, "cells classes"], threshold: float
) -> Boxes:
    """Non-maximum suppression by class: of boxes that overlap, the surest."""
    cell, label = np.nonzero(confidence >= threshold)
    sure = confidence[cell, label]
    order = np.argsort(-sure, kind="stable")
    cell, label, sure = cell[order], label[order], sure[order]
    found = corners[cell]
    area = np.prod(np.maximum(found[:, 2:] - found[:, :2], 0), axis=1)
    kept = np.ones(len(cell), bool)
    for row in range(len(cell)):  # boxes of one picture: a few dozen
        if not kept[row]:
            continue
        low = np.maximum(found[row, :2], found[row + 1 :, :2])
        high = np.minimum(found[row, 2:], found[row + 1 :, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        over = shared > OVERLAP * (area[row] + area[row + 1 :] - shared)
        kept[row + 1 :] &= ~(over & (label[row + 1 :] == label[row]))
    return Boxes(found[kept], label[kept], sure[kept])


def union(
    label: Int[Array, " objects"], confidence: Float[Array, " objects"], classes: int
) -> Float[Array, " classes"]:
    """How sure one is that each class is there: 1 − Π (1 − confidence) over its objects."""
    missing = np.ones(classes)
    np.multiply.at(missing, label, 1 - confidence)
    return np.asarray(1 - missing, np.float32)
