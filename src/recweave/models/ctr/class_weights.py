"""Weights of the two classes in the loss of click models."""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from recweave.core.arrays import Array

ClassWeight = Literal["none", "balanced", "basic", "sqrt"]
DESCRIPTION = (
    "weights in the loss by the share s of a row's class: balanced and basic: 1 - s, so both "
    "classes weigh the same; sqrt: √(1 - s); probabilities are distorted then"
)


def class_weights(positives: int, rows: int, kind: ClassWeight) -> tuple[float, float]:
    """The weights of the positive and the negative class; their sum is 1.

    With the share s_c of class c among the rows: "basic" is 1 - s_c and "sqrt" √(1 - s_c), divided
    by their sum (MMREC, arXiv 2408.04211). For two classes, "basic" is the same as "balanced",
    weights in inverse proportion to the class sizes. "none", or rows of one class only: ½ each.

    >>> [round(weight, 4) for weight in class_weights(50468, 57005, "basic")]
    [0.1147, 0.8853]
    >>> [round(weight, 4) for weight in class_weights(50468, 57005, "sqrt")]
    [0.2647, 0.7353]
    """
    if kind == "none" or positives in (0, rows):
        return 0.5, 0.5
    share = positives / rows
    raw = np.array([1 - share, share])
    if kind == "sqrt":
        raw = np.sqrt(raw)
    positive, negative = raw / raw.sum()
    return float(positive), float(negative)


def row_weights(positive: Bool[Array, " n"], kind: ClassWeight) -> Float[Array, " n"]:
    """The weight of each row in the loss, float64; the mean over the rows is 1."""
    weights = class_weights(int(positive.sum()), len(positive), kind)
    by_row = np.where(positive, *weights)
    return np.asarray(by_row / by_row.mean())
