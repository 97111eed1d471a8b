"""Scores of candidate items of each query."""

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.topk import DIVERGED
from recweave.models import Model, Query

BATCH = 256
"""Number of queries that are scored at a time."""


def score_candidates(
    model: Model,
    query: Query,
    start: Int[Array, " batch_and_one"],
    item: Int[Array, " n"],
) -> Float[Array, " n"]:
    """The model's scores of the candidates of each query.

    Args:
        model: Its `score` is called for `BATCH` queries at a time.
        query: One for each row.
        start: The items of row r are `item[start[r] : start[r + 1]]`.
        item: The items, row by row.

    Raises:
        BadSetting: if a score is NaN.
    """
    scores = np.empty(len(item), np.float32)
    for first in range(0, len(query), BATCH):
        end = min(first + BATCH, len(query))
        size = np.diff(start[first : end + 1])
        is_item = np.arange(size.max(initial=0)) < size[:, None]
        padded = np.full(is_item.shape, -1, np.int32)
        padded[is_item] = item[start[first] : start[end]]
        if padded.size:
            rows = query.rows(np.arange(first, end))
            scores[start[first] : start[end]] = model.score(rows, padded)[is_item]
    if np.isnan(scores).any():
        raise BadSetting(DIVERGED)
    return scores
