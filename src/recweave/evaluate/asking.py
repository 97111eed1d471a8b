"""Who is asked about held-out events, and scores of a few items each."""

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.topk import DIVERGED
from recweave.models import Model, Query

BATCH = 256
"""Queries that are scored at a time."""


def score_candidates(
    model: Model,
    query: Query,
    start: Int[Array, " batch_and_one"],
    item: Int[Array, " n"],
) -> Float[Array, " n"]:
    """The model's scores of some items of each query.

    Args:
        model: Whose `score` is asked, `BATCH` queries at a time.
        query: One for each row.
        start: Row r's items are `start[r]` to `start[r + 1]`, without the last.
        item: The items, row by row.

    Raises:
        BadSetting: if a score is NaN.
    """
    found = np.empty(len(item), np.float32)
    for first in range(0, len(query), BATCH):
        end = min(first + BATCH, len(query))
        size = np.diff(start[first : end + 1])
        there = np.arange(size.max(initial=0)) < size[:, None]
        padded = np.full(there.shape, -1, np.int32)
        padded[there] = item[start[first] : start[end]]
        if padded.size:
            rows = query.rows(np.arange(first, end))
            found[start[first] : start[end]] = model.score(rows, padded)[there]
    if np.isnan(found).any():
        raise BadSetting(DIVERGED)
    return found
