"""From a model to lists: the one place for top-k, hiding what is seen, and who may be shown."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int
from threadpoolctl import threadpool_limits

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.progress import track
from recweave.data.interactions import Histories, Interactions
from recweave.models.base import Model
from recweave.models.query import Query
from recweave.parallel import Pool, Threads
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.topk import top_k

BATCH_BYTES = 64 * 2**20


def recommend(
    model: Model,
    query: Query,
    k: int,
    *,
    hide: Interactions | None = None,
    hide_history: bool = True,
    candidates: Bool[Array, "users items"] | Int[Array, "users some"] | None = None,
    allow: Bool[Array, " items"] | None = None,
    stages: Sequence[Stage] = (),
    pool: Pool = Threads(),  # noqa: B008 - a frozen value without state
) -> Ranking:
    """The k best items for each asker, ties by item row.

    Args:
        model: What scores.
        query: Who asks.
        k: Length of the lists; they are shorter where fewer items may be shown.
        hide: More events whose items are hidden from their users.
        hide_history: Whether what is in an asker's history is hidden.
        candidates: For each asker, a mask over the items or rows of items (-1 fills up); nothing
            else is shown.
        allow: Mask of the items that may be shown to anybody (allow and deny lists, filters on
            fields: see `rank.rules`).
        stages: Steps applied to the lists, in order. Ask for a larger k where they drop items.
        pool: Where batches of askers are scored.

    Raises:
        BadSetting: if k is not positive or larger than the catalogue.
    """
    items = query.history.items
    if not 1 <= k <= items:
        raise BadSetting(
            f"k is {k}; the catalogue has {items:,} items, so it must be 1 to {items:,}"
        )
    mask = None if candidates is None else _as_mask(candidates, items)
    hidden = None if hide is None else Histories.of(hide, query.user)
    size = max(1, BATCH_BYTES // (4 * items))
    starts = range(0, len(query), size)

    def best(first: int) -> tuple[Array, Array]:
        rows = np.arange(first, min(first + size, len(query)))
        asked = query.rows(rows)
        # A copy: a model may hand out a view of its own arrays.
        scores = np.array(model.scores(asked), dtype=np.float32)
        if allow is not None:
            scores[:, ~allow] = -np.inf
        if mask is not None:
            scores[~mask[rows]] = -np.inf
        if hide_history:
            scores[asked.history.row_numbers(), asked.history.item] = -np.inf
        if hidden is not None:
            more = hidden.rows(rows)
            scores[more.row_numbers(), more.item] = -np.inf
        return top_k(scores, k)

    with threadpool_limits(1 if isinstance(pool, Threads) else None):
        parts = list(track(pool.map(best, starts), "ranking", total=len(starts)))
    empty_item, empty_score = np.empty((0, k), np.int32), np.empty((0, k), np.float32)
    ranking = Ranking(
        query,
        item=np.concatenate([part[0] for part in parts] or [empty_item]),
        score=np.concatenate([part[1] for part in parts] or [empty_score]),
    )
    for stage in stages:
        ranking = stage(ranking)
    return ranking


def _as_mask(candidates: Array, items: int) -> Bool[Array, "users items"]:
    if candidates.dtype == bool:
        return np.asarray(candidates)
    mask = np.zeros((len(candidates), items + 1), bool)
    mask[np.arange(len(candidates))[:, None], candidates] = True  # -1 marks the last, cut off
    return np.asarray(mask[:, :items])
