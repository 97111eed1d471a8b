"""Which reviews belong to what is held out: a text may tell as much as its event."""

import numpy as np

from recweave.core.arrays import Array
from recweave.data.dataset import Dataset
from recweave.data.parts import PAIR
from recweave.data.split import TRAIN, ReviewParts, Split

__all__ = ["PAIR", "review_parts", "train_reviews"]


def review_parts(dataset: Dataset, split: Split) -> ReviewParts:
    """The part of every review, as the split says (see `parts.review_rule`).

    Raises:
        ValueError: if the split was not cut from this dataset (`Dataset.split`).
    """
    fits = split.part is not None and len(split.part) == len(dataset.events)
    if not fits or split.reviews is None or len(split.reviews) != len(dataset.reviews):
        raise ValueError("the split was not cut from this dataset; use Dataset.split")
    return split.reviews


def train_reviews(dataset: Dataset, split: Split) -> Array:
    """Rows of the reviews that may be learned from, in order."""
    return np.flatnonzero(review_parts(dataset, split) == TRAIN)
