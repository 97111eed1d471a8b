"""Training batches of graph networks, with negative sampling."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array, Csr

TRIES = 16
"""Times that a negative is sampled again if the user has the item; then the last one is kept."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a user and an item (positives), with negatives to compare them with.

    Attributes:
        user: Rows of the users; with `softmax_batches` each user occurs once.
        user_index: Index in `user` of each pair's user.
        item: Row of each pair's item.
        weight: Weight of each pair.
        negative: With `bpr_batches`, for each pair an item that its user did not have; with
            `softmax_batches`, items shared by all users.
        positives: Which shared negatives a user did have: indices into `user` and `negative`.
    """

    user: Int[Array, " users"]
    user_index: Int[Array, " pairs"]
    item: Int[Array, " pairs"]
    weight: Float[Array, " pairs"]
    negative: Int[Array, " negatives"]
    positives: tuple[Int[Array, " positives"], Int[Array, " positives"]]


def softmax_batches(
    events: Csr, rng: np.random.Generator, size: int, negatives: int
) -> list[Pairs]:
    """Batches of whole users in random order, each with about `size` pairs.

    Each batch has up to `negatives` different items with events as negatives of all its users.
    """
    lengths = np.diff(events.indptr)
    users = rng.permutation(np.flatnonzero(lengths))
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths[users]) // size)) + 1
    known = np.unique(events.indices)
    batches = []
    for user in np.split(users, cuts) if len(users) else []:
        rows = events[user]
        user_index = np.repeat(np.arange(len(user)), np.diff(rows.indptr))
        negative = known
        if negatives < len(known):
            negative = rng.choice(known, negatives, replace=False, shuffle=False)
        column = np.full(events.shape[1], -1)
        column[negative] = np.arange(len(negative))
        at = column[rows.indices]
        positives = user_index[at >= 0], at[at >= 0]
        batches.append(Pairs(user, user_index, rows.indices, rows.data, negative, positives))
    return batches


def bpr_batches(events: Csr, rng: np.random.Generator, size: int) -> list[Pairs]:
    """Batches of `size` pairs in random order, each with a negative that has events."""
    order = rng.permutation(events.nnz)
    user = np.repeat(np.arange(events.shape[0]), np.diff(events.indptr))[order]
    item, weight = events.indices[order], events.data[order]
    negative = _negatives(events, user, rng)
    none = np.empty(0, np.int64), np.empty(0, np.int64)
    return [
        Pairs(user[s], np.arange(len(user[s])), item[s], weight[s], negative[s], none)
        for s in (slice(first, first + size) for first in range(0, len(order), size))
    ]


def _negatives(events: Csr, user: Int[Array, " n"], rng: np.random.Generator) -> Int[Array, " n"]:
    """For each user a random item with events that the user did not have."""
    items = events.shape[1]
    candidates = np.unique(events.indices)
    owner = np.repeat(np.arange(events.shape[0]), np.diff(events.indptr))
    consumed = owner * items + events.indices  # ascending, as columns are sorted within rows

    def has(rows: Int[Array, " m"], item: Int[Array, " m"]) -> Bool[Array, " m"]:
        key = rows * items + item
        at = np.minimum(np.searchsorted(consumed, key), len(consumed) - 1)
        return np.asarray(consumed[at] == key)

    if not len(candidates):
        return user
    negative = candidates[rng.integers(0, len(candidates), len(user))]
    wrong = np.arange(len(user))
    for _ in range(TRIES):
        wrong = wrong[has(user[wrong], negative[wrong])]
        if not len(wrong):
            break
        negative[wrong] = candidates[rng.integers(0, len(candidates), len(wrong))]
    return negative
