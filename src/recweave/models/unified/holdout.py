"""Events to choose by, taken out of training where nobody gave any."""

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.data.interactions import Interactions

SHARE = 0.1
"""Of the users whose last target is held out."""


def hold_out(
    train: Interactions, wanted: list[int], seed: int
) -> tuple[Interactions, Interactions]:
    """Train without, and with nothing but, the last target of a tenth of the users.

    Their later events, and others with the same item, leave training as well. Where nobody has a
    target after an event with another item, nothing is held out.
    """
    order = train.by_user()
    user, behavior = train.user[order], train.behavior[order]
    aimed = np.isin(behavior, wanted) if wanted else np.ones(len(order), bool)
    first = np.ones(len(order), bool)
    first[1:] = user[1:] != user[:-1]
    # Who is asked must have a history that is not of the held-out item alone.
    starts = np.flatnonzero(first)
    before = np.arange(len(order)) - starts[np.cumsum(first) - 1]
    able = np.flatnonzero(aimed & (before > _times_before(user, train.item[order])))
    last = np.full(train.shape[0], -1)
    last[user[able]] = able  # of several, the last stays
    users = np.flatnonzero(last >= 0)
    if not len(users):
        return train, train[:0]
    count = max(1, round(SHARE * len(users)))
    drawn = np.sort(np.random.default_rng(seed).choice(users, count, replace=False))
    held = last[drawn]
    place = np.full(train.shape[0], len(order))
    place[drawn] = held
    item = np.full(train.shape[0], -1)
    item[drawn] = train.item[order][held]
    kept = (np.arange(len(order)) < place[user]) & (train.item[order] != item[user])
    return train[order[kept]], train[order[held]]


def _times_before(user: Int[Array, " n"], item: Int[Array, " n"]) -> Int[Array, " n"]:
    """How often the user of each event had to do with its item before."""
    order = np.lexsort((item, user))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(user[order]) != 0) | (np.diff(item[order]) != 0)
    starts = np.flatnonzero(new)
    times = np.empty(len(order), np.int64)
    times[order] = np.arange(len(order)) - starts[np.cumsum(new) - 1]
    return times
