"""Reviews of a shop with real photographs. They say whether a look is liked, and never which."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.data.synthetic.photo_truth import PhotoTruth
from recweave.data.synthetic.planting import Rng
from recweave.data.synthetic.words import choose, join_sentences, judge, particulars

OPENINGS: Mapping[str, tuple[str, ...]] = {
    "bad": ("Not for me, I sent it back.", "A mistake, I will not wear it."),
    "mixed": ("It is all right.", "It does what it should, no more."),
    "good": ("I love it.", "Very happy with it.", "Just what I was looking for."),
}

LOOKS: Mapping[str, tuple[str, ...]] = {
    "bad": ("I do not like how it looks.", "The look is not mine."),
    "good": ("It looks wonderful.", "The look is just what I like."),
}
"""What is said of a disliked and of a liked colour."""

SAID = 0.5
"""Share of reviews of such an item that say it."""


def write_reviews(
    truth: PhotoTruth,
    user: Int[Array, " reviews"],
    item: Int[Array, " reviews"],
    stars: Float[Array, " reviews"],
    rng: Rng,
) -> pl.Series:
    """A text for each rating."""
    colour = truth.item_colour[item, None]
    liked = (truth.liked_colours[user] == colour).any(axis=1)
    disliked = (truth.disliked_colours[user] == colour).any(axis=1)
    said = (rng.random(len(stars)) < SAID) & bool(truth.shop.look)
    look = np.where(said & liked, 1, np.where(said & disliked, 0, -1))
    verdicts = judge(truth.tastes, user, item, stars, rng)
    nothing = pl.DataFrame({"row": np.arange(len(stars))})
    return join_sentences(
        [
            choose(OPENINGS, verdicts.mood, nothing, rng),
            choose(LOOKS, look, nothing, rng),
            *particulars(verdicts, rng),
        ]
    )
