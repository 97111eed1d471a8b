"""From a model to lists: the one place for top-k, hiding what was seen, and what may be shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int
from threadpoolctl import threadpool_limits

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.lists import top_k_visible, writable
from recweave.core.progress import track
from recweave.data.interactions import Histories, Interactions
from recweave.models.base import DotProduct, Model
from recweave.models.query import Query
from recweave.parallel import Pool, Threads
from recweave.rank.item_index import USERS_AT_ONCE, ItemIndex
from recweave.rank.ranking import Ranking, Stage, apply_stages

BATCH_BYTES = 24 * 2**20
"""Scores held at a time, by each worker. With fewer, products are slow, as the catalogue is packed
again for each; above 32 MiB the C library asks the system for new memory each time."""

SEARCH_FROM = 128
"""Users from which on the search of `rank.item_index` pays: sorting the catalogue by length takes
15 ms for 41,000 items, in which the plain way serves about 100 users."""


def recommend(
    model: Model,
    query: Query,
    k: int,
    *,
    hide: Interactions | Histories | None = None,
    hide_history: bool = True,
    candidates: Bool[Array, "users items"] | Int[Array, "users some"] | None = None,
    allow: Bool[Array, " items"] | None = None,
    stages: Sequence[Stage] = (),
    depth: int = 100,
    index: ItemIndex | None = None,
    pool: Pool = Threads(),  # noqa: B008 - a frozen value without state
) -> Ranking:
    """The k best items for each user, ties by item row.

    Args:
        model: What scores.
        query: The users, with their histories.
        k: Length of the lists; they are shorter where fewer items may be shown.
        hide: More events whose items are hidden: a log, by its users, or a row for each query user.
        hide_history: Whether what is in a user's history is hidden.
        candidates: For each user, rows of items (-1 fills up) or a mask over the items; nothing
            else is shown. Rows take far less memory where the lists are short.
        allow: Mask of the items that may be shown to anybody (see `rank.rules.allowed`).
        stages: Steps applied to the lists, in order; the first k of what they leave are given.
        depth: How many of the best the stages are handed, at least k. Without stages, no matter.
        index: Built of the model's item vectors for the same `allow`, where several calls share
            one.
        pool: Where batches of users are scored.

    Raises:
        BadSetting: if k is not positive or larger than the catalogue, the model gives NaN, or the
            index holds other items than those that `allow` lets through.
    """
    items = query.history.items
    if not 1 <= k <= items:
        raise BadSetting(
            f"k is {k}; the catalogue has {items:,} items, so it must be 1 to {items:,}"
        )
    if index is not None:
        index.require_items(items, allow)
    wide = min(max(k, depth), items) if stages else k
    hidden = Histories.of(hide, query.user) if isinstance(hide, Interactions) else hide
    many = len(query) >= SEARCH_FROM
    if many and isinstance(model, DotProduct) and candidates is None:
        size = USERS_AT_ONCE
        index = index or ItemIndex.of(model.item, allow)
        best = partial(_nearest, model=model, index=index, k=wide)
    else:
        size = max(1, BATCH_BYTES // (4 * items))
        best = partial(_best, model=model, k=wide, allow=allow)
    batches = _batches(query, size, hidden, candidates, hide_history)
    total = -(-len(query) // size)
    with threadpool_limits(1 if isinstance(pool, Threads) else None):
        parts = list(track(pool.map(best, batches), "ranking", total=total))
    empty_item, empty_score = np.empty((0, wide), np.int32), np.empty((0, wide), np.float32)
    ranking = Ranking(
        query,
        item=np.concatenate([part[0] for part in parts] or [empty_item]),
        score=np.concatenate([part[1] for part in parts] or [empty_score]),
    )
    return apply_stages(ranking, stages).top(k)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some of the users, and what concerns them alone: hidden pairs of user and item."""

    query: Query
    hidden: tuple[Int[Array, " pairs"], Int[Array, " pairs"]]
    candidates: Array | None


def _batches(
    query: Query,
    size: int,
    hidden: Histories | None,
    candidates: Array | None,
    hide_history: bool,
) -> Iterator[_Batch]:
    for first, part in zip(range(0, len(query), size), query.batches(size), strict=True):
        events = [part.history] if hide_history else []
        if hidden is not None:
            events.append(hidden.between(first, first + size))
        row = np.concatenate([np.empty(0, np.int64), *(e.row_numbers() for e in events)])
        item = np.concatenate([np.empty(0, np.int32), *(e.item for e in events)])
        among = None if candidates is None else candidates[first : first + size]
        yield _Batch(part, (row, item), among)


def _nearest(batch: _Batch, *, model: DotProduct, index: ItemIndex, k: int) -> tuple[Array, Array]:
    return index.best(model.vectors(batch.query), batch.hidden, k)


def _best(
    batch: _Batch, *, model: Model, k: int, allow: Bool[Array, " items"] | None
) -> tuple[Array, Array]:
    scores = writable(model.scores(batch.query))
    if allow is not None:
        scores[:, ~allow] = -np.inf
    if batch.candidates is not None:
        scores = _among(batch.candidates, scores)
    return top_k_visible(scores, batch.hidden, k)


def _among(candidates: Array, scores: Float[Array, "users items"]) -> Float[Array, "users items"]:
    """The scores of the candidates, -inf for all else."""
    if candidates.dtype == bool:
        return np.where(candidates, scores, np.float32(-np.inf))
    row, position = np.nonzero(candidates >= 0)
    item = candidates[row, position]
    kept = np.full_like(scores, -np.inf)
    kept[row, item] = scores[row, item]
    return kept
