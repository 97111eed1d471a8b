"""Validation events held out of training, for fits without validation events."""

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.data.interactions import Interactions

SHARE = 0.1
"""Share of users whose last target event is held out."""


def hold_out(
    train: Interactions, targets: list[int], seed: int
) -> tuple[Interactions, Interactions]:
    """Hold out the last target event of a tenth of the users; returns (train, validation).

    To avoid data leakage, the later events of these users, and their other events with the held-out
    item, are removed from train. If no user has a target after an event with another item, nothing
    is held out.
    """
    order = train.by_user()
    user, behavior = train.user[order], train.behavior[order]
    is_target = np.isin(behavior, targets) if targets else np.ones(len(order), bool)
    first = np.ones(len(order), bool)
    first[1:] = user[1:] != user[:-1]
    # A validation user needs a history with at least one item other than the held-out one.
    starts = np.flatnonzero(first)
    before = np.arange(len(order)) - starts[np.cumsum(first) - 1]
    eligible = np.flatnonzero(is_target & (before > _times_before(user, train.item[order])))
    last = np.full(train.shape[0], -1)
    last[user[eligible]] = eligible  # the last one of each user remains
    users = np.flatnonzero(last >= 0)
    if not len(users):
        return train, train[:0]
    count = max(1, round(SHARE * len(users)))
    sampled = np.sort(np.random.default_rng(seed).choice(users, count, replace=False))
    held_out = last[sampled]
    end = np.full(train.shape[0], len(order))
    end[sampled] = held_out
    item = np.full(train.shape[0], -1)
    item[sampled] = train.item[order][held_out]
    in_train = (np.arange(len(order)) < end[user]) & (train.item[order] != item[user])
    return train[order[in_train]], train[order[held_out]]


def _times_before(user: Int[Array, " n"], item: Int[Array, " n"]) -> Int[Array, " n"]:
    """Number of earlier events of the same user with the same item, for each event."""
    order = np.lexsort((item, user))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(user[order]) != 0) | (np.diff(item[order]) != 0)
    starts = np.flatnonzero(new)
    times = np.empty(len(order), np.int64)
    times[order] = np.arange(len(order)) - starts[np.cumsum(new) - 1]
    return times
