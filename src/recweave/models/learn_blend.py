"""How much each of several models should count, learned on validation alone."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.lists import ndcg, ndcg_of_pairs, pair_keys, top_k_visible
from recweave.core.memory import require_memory
from recweave.core.progress import track
from recweave.core.topk import top_k
from recweave.data.interactions import Histories, Interactions
from recweave.models.base import Model
from recweave.models.blend import Blend, standardised
from recweave.models.query import Query
from recweave.parallel import Pool, Threads

STEPS = 20
"""Shares that are given out, one after the other."""

BATCH_BYTES = 24 * 2**20
"""Scores of one member held at a time, by each worker."""

SURE = 2.0
"""Standard errors by which a new member must gain. With 300 users, 2 kept a member of pure noise
out in 30 draws of 30, and 1 in 22 of them."""


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
    """The blend of models that is best on validation, by NDCG@k.

    Ensemble selection (Caruana et al., ICML 2004): starting from the best member, one share after
    the other goes to the member that raises NDCG@k most, or harms it least; the best mixture on the
    way is kept. A new member must gain more than chance explains, two standard errors over users.
    On the way, the held-out items compete with the `depth` best of every member; at the end, the
    mixture is compared with each member alone over the whole catalogue. So no blend is worse on
    validation than its best member, and a member that adds nothing has no weight. Costs each member
    three scorings of the catalogue.

    Args:
        members: Trained models over the same items; none has learned from `valid`.
        query: Who asks, with what they did before. Users without held-out items do not count.
        valid: The held-out events.
        k: Length of the lists that are judged.
        depth: See above.
        hide_history: Whether what is in an asker's history is hidden, also where it is held out.
        pool: Where batches of askers are scored.

    Raises:
        BadSetting: if there is no held-out item that could be shown, or no member.
        TooLarge: if the scores that compete would not fit into memory.
    """
    if not members:
        raise BadSetting("a blend needs at least one model")
    asked = query.rows(np.flatnonzero(Histories.of(valid, query.user).lengths))
    wanted = _cells(Histories.of(valid, asked.user))
    if hide_history:
        wanted = np.setdiff1d(wanted, _cells(asked.history))
    if not len(wanted):
        raise BadSetting(
            "none of the askers has a validation event that a list could hold; where views and "
            "carts lead to purchases, cut the log with fresh = true (split leave_last_out)"
        )
    items = query.history.items
    require_memory(
        len(members) * len(asked) * min(max(k, depth), items) * 24,
        f"blending {len(members)} models for {len(asked):,} users",
        "lower the depth, or learn from fewer users",
    )
    list_ = partial(_listed, query=asked, hide_history=hide_history, pool=pool)
    lists = [list_(member, k=min(max(k, depth), items)) for member in members]
    competing = (cells[cells >= 0] for cells in lists)
    cells = np.unique(np.concatenate([wanted, *competing]))
    shares = _select(*_tables(cells, wanted, members, asked, pool), k)
    alone = [_judged(found[:, :k], wanted, items) for found in lists]
    mixture = Blend(tuple(members), shares)
    if _judged(list_(mixture, k=min(k, items)), wanted, items) > max(alone):
        return mixture
    return Blend(tuple(members), np.eye(len(members), dtype=np.float32)[np.argmax(alone)])


def _select(
    tables: Float[Array, "members users width"], hit: Bool[Array, "users width"], k: int
) -> Float[Array, " members"]:
    """The best shares on the way of the selection; the first of equals."""
    users, width = hit.shape
    k = min(k, width)

    def judged(scores: Float[Array, "users width"]) -> Float[Array, " users"]:
        place, _ = top_k(scores, k)
        listed = np.take_along_axis(hit, place, axis=1) & (place >= 0)
        return _or_zero(ndcg(listed, hit.sum(axis=1)))

    total = np.zeros_like(tables[0])
    given = np.zeros(len(tables), np.float32)
    shares, best = given, np.zeros(users)
    for _ in track(range(STEPS), "blending"):
        values = np.array([judged(total + table) for table in tables])
        gain = values - best
        sure = gain.mean(axis=1) > SURE * gain.std(axis=1) / np.sqrt(users)
        able = sure | (given > 0) | (given.sum() == 0)
        member = int(np.where(able, values.mean(axis=1), -1).argmax())
        total += tables[member]
        given[member] += 1
        if values[member].mean() > best.mean() or not shares.any():
            shares, best = given / given.sum(), values[member]
    return shares


def _tables(
    cells: Int[Array, " cells"],
    wanted: Int[Array, " wanted"],
    members: Sequence[Model],
    query: Query,
    pool: Pool,
) -> tuple[Float[Array, "members users width"], Bool[Array, "users width"]]:
    """Each member's standardised scores of what competes, and what of it is wanted.

    A line for each asker, in the order of items and filled with -inf.
    """
    items = query.history.items
    row = cells // items
    place = np.arange(len(cells)) - np.searchsorted(row, row)
    width = int(place.max()) + 1
    require_memory(
        len(query) * width * 4 * (len(members) + 3),
        f"blending {len(members)} models for {len(query):,} users",
        "lower the depth, or learn from fewer users",
    )
    size = max(1, BATCH_BYTES // (4 * items))
    batches = _batches(cells, query, size)
    scores = np.concatenate(list(pool.map(partial(_score_batch, members=members), batches)))
    tables = np.full((len(members), len(query), width), -np.inf, np.float32)
    tables[:, row, place] = scores.T
    hit = np.zeros((len(query), width), bool)
    hit[row, place] = np.isin(cells, wanted)
    return tables, hit


def _batches(
    cells: Int[Array, " cells"], query: Query, size: int
) -> Iterator[tuple[Query, Int[Array, " some"]]]:
    """Askers and their cells, counted from the batch's first row."""
    width = size * query.history.items
    for number, batch in enumerate(query.batches(size)):
        first = number * width
        inside = slice(*np.searchsorted(cells, [first, first + width]))
        yield batch, cells[inside] - first


def _score_batch(
    part: tuple[Query, Int[Array, " some"]], members: Sequence[Model]
) -> Float[Array, "some members"]:
    query, cells = part
    at = np.divmod(cells, query.history.items)
    return np.stack([standardised(member.scores(query))[0][at] for member in members], axis=1)


def _cells(history: Histories) -> Int[Array, " cells"]:
    """The pairs of row and item that occur, as one number each: row · items + item; rising."""
    return np.unique(pair_keys(history.row_numbers(), history.item, history.items))


def _listed(
    model: Model, *, query: Query, k: int, hide_history: bool, pool: Pool
) -> Int[Array, "users k"]:
    """The cells of each asker's k best, best first; -1 at the end of short lists."""
    items = query.history.items
    size = max(1, BATCH_BYTES // (4 * items))
    best = partial(_best_of_batch, model=model, k=k, hide_history=hide_history)
    item = np.concatenate(list(pool.map(best, query.batches(size))))
    return pair_keys(np.arange(len(item))[:, None], item, items)


def _best_of_batch(
    batch: Query, *, model: Model, k: int, hide_history: bool
) -> Int[Array, "batch k"]:
    seen = (batch.history.row_numbers(), batch.history.item)
    return top_k_visible(model.scores(batch), seen if hide_history else None, k)[0]


def _judged(cells: Int[Array, "users k"], wanted: Int[Array, " wanted"], items: int) -> float:
    """Mean NDCG of lists."""
    return float(_or_zero(ndcg_of_pairs(cells, wanted, items)).mean())


def _or_zero(value: Float[Array, " users"]) -> Float[Array, " users"]:
    """0 for users whose held-out items are all hidden: they count the same for every mixture."""
    return np.where(np.isnan(value), 0.0, value)
