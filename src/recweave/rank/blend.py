"""How much each of several models should count, learned on validation alone."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import optimize

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.memory import require_memory
from recweave.data.interactions import Histories, Interactions
from recweave.models.base import Model
from recweave.models.blend import Blend, standardised
from recweave.models.query import Query
from recweave.parallel import Pool, Threads
from recweave.rank.ranking import Ranking
from recweave.rank.recommend import BATCH_BYTES, recommend

REG = 1e-4
"""L2 penalty on the weights: it decides where members never err, or are one and the same."""


def learn_blend(
    members: Sequence[Model],
    query: Query,
    valid: Interactions,
    *,
    k: int = 10,
    depth: int = 100,
    hide_history: bool = True,
    pool: Pool = Threads(),  # noqa: B008 - a frozen value without state
) -> Blend:
    """The blend of models that is best on validation, by NDCG@k over the whole catalogue.

    The weights come from a multinomial logit on the members' standardised scores: each held-out
    item against the `depth` best items of every member; convex, with no weight below 0. What comes
    out is compared with each member alone, and a member that is at least as good gets all the
    weight; so no blend is worse on validation than its best member. Costs each member three
    scorings of the catalogue.

    Args:
        members: Trained models over the same items; none has learned from `valid`.
        query: Who asks, with what they did before. Users without held-out items do not count.
        valid: The held-out events.
        k: Length of the lists that are judged.
        depth: See above.
        hide_history: Whether what is in an asker's history is hidden; held-out or not.
        pool: Where batches of askers are scored.

    Raises:
        BadSetting: if there is no held-out item to be found, or no member.
        TooLarge: if the scores at hand would not fit into memory.
    """
    if not members:
        raise BadSetting("a blend needs at least one model")
    asked = query.rows(np.flatnonzero(Histories.of(valid, query.user).lengths))
    wanted = _cells(Histories.of(valid, asked.user))
    if hide_history:
        wanted = np.setdiff1d(wanted, _cells(asked.history))
    if not len(wanted):
        raise BadSetting("none of the askers has a validation event that a list could hold")
    ask = partial(recommend, query=asked, hide_history=hide_history, pool=pool)
    wide = min(max(k, depth), query.history.items)
    lists = [ask(member, k=wide) for member in members]
    cells = np.unique(np.concatenate([wanted, *(_listed(ranking) for ranking in lists)]))
    scores = _scores_at(cells, members, asked, pool)
    weights = _logit(scores, cells // query.history.items, np.isin(cells, wanted))
    alone = [_ndcg(ranking.top(k), wanted) for ranking in lists]
    blend = Blend(tuple(members), weights)
    if weights.any() and _ndcg(ask(blend, k=k), wanted) > max(alone):
        return blend
    one = np.zeros_like(weights)
    one[np.argmax(alone)] = 1
    return Blend(tuple(members), one)


def _cells(history: Histories) -> Int[Array, " cells"]:
    """The pairs of row and item that occur, as one number each: row · items + item; rising."""
    return np.unique(history.row_numbers() * history.items + history.item)


def _listed(ranking: Ranking) -> Int[Array, " cells"]:
    """The pairs of row and item in the lists, as in `_cells`."""
    row, place = np.nonzero(ranking.filled)
    return np.asarray(row * ranking.query.history.items + ranking.item[row, place])


def _ndcg(ranking: Ranking, wanted: Int[Array, " cells"]) -> float:
    """Mean NDCG of the lists with binary relevance (spec.md 1.3)."""
    items, k = ranking.query.history.items, ranking.k
    cell = np.arange(len(ranking))[:, None] * items + ranking.item
    hit = np.isin(cell, wanted) & ranking.filled
    gain = 1 / np.log2(np.arange(2, k + 2))
    count = np.bincount(wanted // items, minlength=len(ranking))
    ideal = np.concatenate([[np.nan], np.cumsum(gain)])[np.minimum(count, k)]
    return float(np.nanmean((hit * gain).sum(axis=1) / ideal))


def _scores_at(
    cells: Int[Array, " cells"], members: Sequence[Model], query: Query, pool: Pool
) -> Float[Array, "cells members"]:
    """Each member's standardised scores at the pairs; a row's lowest at hand stands for -inf."""
    require_memory(
        len(cells) * (4 * len(members) + 48),
        f"blending {len(members)} models for {len(query):,} users",
        "lower the depth, or learn on fewer users",
    )
    size = max(1, BATCH_BYTES // (4 * query.history.items))
    batches = _batches(cells, query, size)
    scores = np.concatenate(list(pool.map(partial(_score_batch, members=members), batches)))
    lowest = np.where(np.isneginf(scores), np.inf, scores).min(axis=0)
    return np.asarray(np.maximum(scores, lowest))


def _batches(
    cells: Int[Array, " cells"], query: Query, size: int
) -> Iterator[tuple[Query, Int[Array, " some"]]]:
    """Askers and their pairs, counted from the batch's first row."""
    items = query.history.items
    for number, batch in enumerate(query.batches(size)):
        first = number * size * items
        bounds = np.searchsorted(cells, [first, first + size * items])
        yield batch, cells[slice(*bounds)] - first


def _score_batch(
    part: tuple[Query, Int[Array, " some"]], members: Sequence[Model]
) -> Float[Array, "some members"]:
    query, cells = part
    at = np.divmod(cells, query.history.items)
    return np.stack([standardised(member.scores(query))[at] for member in members], axis=1)


def _logit(
    scores: Float[Array, "cells members"],
    row: Int[Array, " cells"],
    hit: Bool[Array, " cells"],
) -> Float[Array, " members"]:
    """Weights, of sum 1 or all 0, under which the hits of each row are likeliest among its cells.

    Loss of a row: Σ over its hits of log Σ_c exp(w · z_c) − w · z_hit.
    """
    _, start, count = np.unique(row, return_index=True, return_counts=True)
    of = np.repeat(np.arange(len(start)), count)
    hits = np.add.reduceat(hit.astype(np.float64), start)
    told = scores[hit].sum(axis=0, dtype=np.float64)

    def loss(weights: Float[Array, " members"]) -> tuple[float, Float[Array, " members"]]:
        value = (scores @ weights.astype(np.float32)).astype(np.float64)
        top = np.maximum.reduceat(value, start)
        odds = np.exp(value - top[of])
        total = np.add.reduceat(odds, start)
        share = odds * (hits / total)[of]
        fit = hits @ (top + np.log(total)) - told @ weights
        slope = share @ scores - told
        n = hits.sum()
        return fit / n + REG / 2 * weights @ weights, slope / n + REG * weights

    first = np.full(scores.shape[1], 1 / scores.shape[1])
    bounds = optimize.Bounds(0, np.inf)
    found = optimize.minimize(loss, first, jac=True, bounds=bounds, method="L-BFGS-B").x
    return np.asarray(found / (found.sum() or 1), np.float32)
