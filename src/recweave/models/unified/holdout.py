"""Events to choose by, taken out of training where nobody gave any."""

import numpy as np

from recweave.data.interactions import Interactions

SHARE = 0.1
"""Of the users whose last target is held out."""


def hold_out(
    train: Interactions, wanted: list[int], seed: int
) -> tuple[Interactions, Interactions]:
    """Train without, and with nothing but, the last target of a tenth of the users.

    Their later events, and others with the same item, leave training as well. Where nobody has a
    target after another event, nothing is held out.
    """
    order = train.by_user()
    user, behavior = train.user[order], train.behavior[order]
    aimed = np.isin(behavior, wanted) if wanted else np.ones(len(order), bool)
    first = np.ones(len(order), bool)
    first[1:] = user[1:] != user[:-1]
    able = np.flatnonzero(aimed & ~first)
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
