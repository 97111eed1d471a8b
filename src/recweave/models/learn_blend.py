"""Learns the weights of a blend of models on the validation events alone."""

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
from recweave.models.blend import Blend, standardized
from recweave.models.query import Query
from recweave.parallel import Pool, Threads

STEPS = 20
"""Steps of the selection; each adds one share of 1 / STEPS to a member."""

BATCH_BYTES = 24 * 2**20
"""Bytes of scores of one member that each worker keeps in memory."""

MIN_GAIN = 2.0
"""A new member must improve NDCG by this many standard errors. With 300 users, 2 kept a member of
pure noise out in 30 of 30 random samples, and 1 in 22 of them."""


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

    Ensemble selection (Caruana et al., ICML 2004): start from the best member; in each step give
    one more share to the member that raises NDCG@k most, or lowers it least; return the best
    mixture of all steps. A new member must improve NDCG by two standard errors over users. During
    selection, the held-out items are ranked among the `depth` best items of every member; at the
    end, the mixture is compared with each member alone over the whole catalogue. So no blend is
    worse on validation than its best member, and a member that adds nothing has weight 0. Each
    member scores the catalogue three times.

    Args:
        members: Trained models over the same items; none was trained on `valid`.
        query: The query users with their histories. Users without held-out items are ignored.
        valid: The held-out events.
        k: Length of the lists that NDCG is computed on.
        depth: Number of best items of each member that are ranked during selection.
        hide_history: Whether items of the history are hidden, even if they are held out too.
        pool: Scores batches of query users.

    Raises:
        BadSetting: if there is no held-out item that could be shown, or no member.
        TooLarge: if the scores do not fit into memory.
    """
    if not members:
        raise BadSetting("a blend needs at least one model")
    query = query.rows(np.flatnonzero(Histories.of(valid, query.user).lengths))
    held_out = _cells(Histories.of(valid, query.user))
    if hide_history:
        held_out = np.setdiff1d(held_out, _cells(query.history))
    if not len(held_out):
        raise BadSetting(
            "no query user has a validation event that a list could contain; where views and "
            "carts lead to purchases, cut the log with fresh = true (split leave_last_out)"
        )
    items = query.history.items
    require_memory(
        len(members) * len(query) * min(max(k, depth), items) * 24,
        f"blending {len(members)} models for {len(query):,} users",
        "lower the depth, or learn from fewer users",
    )
    top_cells = partial(_top_cells, query=query, hide_history=hide_history, pool=pool)
    lists = [top_cells(member, k=min(max(k, depth), items)) for member in members]
    candidates = (cells[cells >= 0] for cells in lists)
    cells = np.unique(np.concatenate([held_out, *candidates]))
    shares = _select(*_tables(cells, held_out, members, query, pool), k)
    alone = [_mean_ndcg(cells[:, :k], held_out, items) for cells in lists]
    mixture = Blend(tuple(members), shares)
    if _mean_ndcg(top_cells(mixture, k=min(k, items)), held_out, items) > max(alone):
        return mixture
    return Blend(tuple(members), np.eye(len(members), dtype=np.float32)[np.argmax(alone)])


def _select(
    tables: Float[Array, "members users width"], hit: Bool[Array, "users width"], k: int
) -> Float[Array, " members"]:
    """The best shares of all steps of the selection; ties go to the first."""
    users, width = hit.shape
    k = min(k, width)

    def ndcg_of_users(scores: Float[Array, "users width"]) -> Float[Array, " users"]:
        column, _ = top_k(scores, k)
        listed = np.take_along_axis(hit, column, axis=1) & (column >= 0)
        return _or_zero(ndcg(listed, hit.sum(axis=1)))

    total = np.zeros_like(tables[0])
    counts = np.zeros(len(tables), np.float32)
    shares, best = counts, np.zeros(users)
    for _ in track(range(STEPS), "blending"):
        values = np.array([ndcg_of_users(total + table) for table in tables])
        gain = values - best
        significant = gain.mean(axis=1) > MIN_GAIN * gain.std(axis=1) / np.sqrt(users)
        eligible = significant | (counts > 0) | (counts.sum() == 0)
        member = int(np.where(eligible, values.mean(axis=1), -1).argmax())
        total += tables[member]
        counts[member] += 1
        if values[member].mean() > best.mean() or not shares.any():
            shares, best = counts / counts.sum(), values[member]
    return shares


def _tables(
    cells: Int[Array, " cells"],
    held_out: Int[Array, " held_out"],
    members: Sequence[Model],
    query: Query,
    pool: Pool,
) -> tuple[Float[Array, "members users width"], Bool[Array, "users width"]]:
    """Each member's standardized scores of the candidates, and which of these are held out.

    One row for each query user, in the order of items, padded with -inf.
    """
    items = query.history.items
    row = cells // items
    column = np.arange(len(cells)) - np.searchsorted(row, row)
    width = int(column.max()) + 1
    require_memory(
        len(query) * width * 4 * (len(members) + 3),
        f"blending {len(members)} models for {len(query):,} users",
        "lower the depth, or learn from fewer users",
    )
    size = max(1, BATCH_BYTES // (4 * items))
    batches = _batches(cells, query, size)
    scores = np.concatenate(list(pool.map(partial(_score_batch, members=members), batches)))
    tables = np.full((len(members), len(query), width), -np.inf, np.float32)
    tables[:, row, column] = scores.T
    hit = np.zeros((len(query), width), bool)
    hit[row, column] = np.isin(cells, held_out)
    return tables, hit


def _batches(
    cells: Int[Array, " cells"], query: Query, size: int
) -> Iterator[tuple[Query, Int[Array, " n"]]]:
    """Batches of query users and their cells, counted from the first row of the batch."""
    width = size * query.history.items
    for number, batch in enumerate(query.batches(size)):
        first = number * width
        inside = slice(*np.searchsorted(cells, [first, first + width]))
        yield batch, cells[inside] - first


def _score_batch(
    batch: tuple[Query, Int[Array, " n"]], members: Sequence[Model]
) -> Float[Array, "n members"]:
    query, cells = batch
    at = np.divmod(cells, query.history.items)
    return np.stack([standardized(member.scores(query))[0][at] for member in members], axis=1)


def _cells(history: Histories) -> Int[Array, " cells"]:
    """The pairs of row and item that occur, as numbers row · items + item, in rising order."""
    return np.unique(pair_keys(history.row_numbers(), history.item, history.items))


def _top_cells(
    model: Model, *, query: Query, k: int, hide_history: bool, pool: Pool
) -> Int[Array, "users k"]:
    """The cells of the k best items of each query user, best first; -1 pads short lists."""
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


def _mean_ndcg(
    cells: Int[Array, "users k"], held_out: Int[Array, " held_out"], items: int
) -> float:
    """Mean NDCG of the lists."""
    return float(_or_zero(ndcg_of_pairs(cells, held_out, items)).mean())


def _or_zero(value: Float[Array, " users"]) -> Float[Array, " users"]:
    """0 for users whose held-out items are all hidden: they count the same in every mixture."""
    return np.where(np.isnan(value), 0.0, value)
