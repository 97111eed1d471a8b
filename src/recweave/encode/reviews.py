"""The reviews of an item, or of a user, as one vector."""

from typing import get_args

import numpy as np
from jaxtyping import Int
from scipy import sparse

from recweave.core.arrays import Array
from recweave.core.errors import require_choice
from recweave.data.dataset import Dataset
from recweave.data.html import strip_html_series
from recweave.data.profiles import Entity
from recweave.encode.encoder import TextEncoder, fingerprint
from recweave.encode.features import Feature
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
    require_choice("of", of, get_args(Entity))
    encoder = encoder or text_encoder()
    rows = np.unique(rows)
    chosen = dataset.reviews[rows]
    texts = strip_html_series(chosen["text"].fill_null("")).to_list()
    vocabulary = dataset.item_ids if of == "item" else dataset.user_ids
    entity = vocabulary.rows(chosen[f"{of}_id"])
    read = (entity >= 0) & np.array([bool(text.strip()) for text in texts], bool)
    ones = np.ones(int(read.sum()), np.float32)
    shape = (len(vocabulary), len(dataset.reviews))
    used = sparse.csr_array((ones, (entity[read], rows[read])), shape=shape)
    count = np.diff(used.indptr)
    total = used[:, rows] @ encoder.encode(texts)
    return Feature(
        vectors=total / np.maximum(count, 1).astype(np.float32)[:, None],
        present=count > 0,
        encoder=f"{encoder.name}/mean",
        source=f"{len(ones):,} reviews by {of}, {fingerprint(texts)}",
        used={"reviews": used},
        of=of,
    )
