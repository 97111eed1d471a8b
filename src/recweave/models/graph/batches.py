"""What a graph network learns from in one step."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array, Csr

TRIES = 16
"""Times that a rival is drawn again if the user has it; one who has nearly all keeps the last."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Users, items that they had, and items to compare these with.

    Attributes:
        user: Rows of users, each once with `of_users`.
        place: Of each pair's user in `user`.
        item: Of each pair.
        weight: Of each pair.
        rival: An item for each pair that its user did not have; with `of_users` items for all.
        own: Of these, which are whose own: places in `user` and in `rival`.
    """

    user: Int[Array, " users"]
    place: Int[Array, " pairs"]
    item: Int[Array, " pairs"]
    weight: Float[Array, " pairs"]
    rival: Int[Array, " rivals"]
    own: tuple[Int[Array, " own"], Int[Array, " own"]]


def of_users(events: Csr, rng: np.random.Generator, size: int, drawn: int) -> list[Pairs]:
    """All users with events in a random order, some with about `size` pairs together at a time.

    Rivals are up to `drawn` items with events, none twice.
    """
    lengths = np.diff(events.indptr)
    users = rng.permutation(np.flatnonzero(lengths))
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths[users]) // size)) + 1
    touched = np.unique(events.indices)
    made = []
    for user in np.split(users, cuts) if len(users) else []:
        some = events[user]
        place = np.repeat(np.arange(len(user)), np.diff(some.indptr))
        rival = touched
        if drawn < len(touched):
            rival = rng.choice(touched, drawn, replace=False, shuffle=False)
        column = np.full(events.shape[1], -1)
        column[rival] = np.arange(len(rival))
        at = column[some.indices]
        own = place[at >= 0], at[at >= 0]
        made.append(Pairs(user, place, some.indices, some.data, rival, own))
    return made


def of_pairs(events: Csr, rng: np.random.Generator, size: int) -> list[Pairs]:
    """All pairs in a random order, `size` at a time, each with an item with events as its rival."""
    order = rng.permutation(events.nnz)
    user = np.repeat(np.arange(events.shape[0]), np.diff(events.indptr))[order]
    item, weight = events.indices[order], events.data[order]
    rival = _rivals(events, user, rng)
    none = np.empty(0, np.int64), np.empty(0, np.int64)
    return [
        Pairs(user[s], np.arange(len(user[s])), item[s], weight[s], rival[s], none)
        for s in (slice(first, first + size) for first in range(0, len(order), size))
    ]


def _rivals(events: Csr, user: Int[Array, " n"], rng: np.random.Generator) -> Int[Array, " n"]:
    items = events.shape[1]
    touched = np.unique(events.indices)
    owner = np.repeat(np.arange(events.shape[0]), np.diff(events.indptr))
    known = owner * items + events.indices  # rising, as columns are sorted within rows

    def has(rows: Int[Array, " m"], drawn: Int[Array, " m"]) -> Bool[Array, " m"]:
        key = rows * items + drawn
        return np.asarray(known[np.minimum(np.searchsorted(known, key), len(known) - 1)] == key)

    rival = touched[rng.integers(0, len(touched), len(user))] if len(touched) else user
    wrong = np.arange(len(user))
    for _ in range(TRIES):
        wrong = wrong[has(user[wrong], rival[wrong])]
        if not len(wrong):
            break
        rival[wrong] = touched[rng.integers(0, len(touched), len(wrong))]
    return rival
