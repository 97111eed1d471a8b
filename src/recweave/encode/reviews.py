"""The reviews of an item, or of a user, as one vector."""

from typing import get_args

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.errors import require_choice
from recweave.data.dataset import Dataset
from recweave.data.html import strip_html_series
from recweave.data.profiles import Entity
from recweave.encode.encoder import TextEncoder, fingerprint
from recweave.encode.features import Feature
from recweave.encode.means import Contributions
from recweave.encode.text import text_encoder


def encode_reviews(
    dataset: Dataset,
    rows: Int[Array, " n"],
    of: Entity = "item",
    encoder: TextEncoder | None = None,
) -> Feature:
    """The mean of the vectors of an item's reviews, or of a user's (MMREC, arXiv 2408.04211).

    All reviews have the same weight. The more they differ, the shorter is the mean; it is not
    scaled to unit length. Blank reviews, and those of items or users without a row, are left out.
    Only `rows` are read, and `used["reviews"]` has the rows that are part of each vector.

    Args:
        dataset: The reviews, and the rows of items and users.
        rows: Rows of the reviews that may be read, such as `train_reviews(dataset, split)`.
        of: Vectors of each item, or of each user, of the dataset.
        encoder: MiniLM if not given.

    Raises:
        BadSetting: if `of` is neither item nor user.
    """
    return review_vectors(dataset, rows, of, encoder).mean()


def review_vectors(
    dataset: Dataset,
    rows: Int[Array, " n"],
    of: Entity = "item",
    encoder: TextEncoder | None = None,
) -> Contributions:
    """The vector of each review, to be averaged; arguments and errors as of `encode_reviews`."""
    require_choice("of", of, get_args(Entity))
    encoder = encoder or text_encoder()
    rows = np.unique(rows)
    chosen = dataset.reviews[rows]
    texts = strip_html_series(chosen["text"].fill_null("")).to_list()
    user = dataset.user_ids.rows(chosen["user_id"])
    item = dataset.item_ids.rows(chosen["item_id"])
    read = (item if of == "item" else user) >= 0
    read &= np.array([bool(text.strip()) for text in texts], bool)
    return Contributions(
        of=of,
        user=user[read],
        item=item[read],
        shape=(len(dataset.user_ids), len(dataset.item_ids)),
        vectors=encoder.encode(texts),
        vector=np.flatnonzero(read),
        rows=rows[read],
        table="reviews",
        size=len(dataset.reviews),
        encoder=f"{encoder.name}/mean",
        source=f"{read.sum():,} reviews by {of}, {fingerprint(texts)}",
    )
