"""Which reviews belong to what is held out: a text may tell as much as its event."""

import numpy as np
import polars as pl

from recweave.core.arrays import Array
from recweave.data.dataset import Dataset
from recweave.data.split import DROPPED, TRAIN, Parts, Split

PAIR = ("user_id", "item_id")


def review_parts(dataset: Dataset, split: Split) -> Parts:
    """The part of every review: that of the events of the same user and item.

    A review is TRAIN only if every event of its pair is; where one of them is held out, so is the
    review, under the latest part. Reviews of pairs without an event are DROPPED, as nothing says
    when they were written relative to the cut.

    Raises:
        ValueError: if the split was not cut from this dataset's events.
    """
    if split.part is None or len(split.part) != len(dataset.events):
        raise ValueError("the split was not cut from the events of this dataset")
    told = dataset.events.select(PAIR).with_columns(part=pl.Series(split.part))
    # Codes below TRAIN must win over it, too: such events are after the cut.
    held = pl.col("part").filter(pl.col("part") != TRAIN).max()
    pairs = told.group_by(PAIR).agg(part=held.fill_null(TRAIN))
    found = dataset.reviews.select(PAIR).join(pairs, on=PAIR, how="left", maintain_order="left")
    return np.asarray(found["part"].fill_null(DROPPED).to_numpy())


def train_reviews(dataset: Dataset, split: Split) -> Array:
    """Rows of the reviews that may be learned from, in order."""
    return np.flatnonzero(review_parts(dataset, split) == TRAIN)
