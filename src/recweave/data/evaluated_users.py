"""Test events of some users alone, where evaluating all of them would take too long."""

from dataclasses import replace

import numpy as np

from recweave.data.interactions import some_users
from recweave.data.split import DROPPED, TEST, Split


def for_users(split: Split, users: int, seed: int) -> Split:
    """A split with the test events of some users alone, drawn at random; the others are dropped.

    Args:
        split: The whole one.
        users: How many of the users with test events; all, if there are no more.
        seed: Of the draw.
    """
    test = some_users(split.test, users, seed)
    left_out = len(split.test) - len(test)
    if not left_out:
        return split
    part = None
    if split.part is not None:
        rows = np.flatnonzero(np.asarray(split.part) == TEST)
        part = np.array(split.part)
        part[rows[~np.isin(split.test.user, test.user)]] = DROPPED
    asked = len(np.unique(split.test.user))
    drawn = f"The test events are those of {users:,} of {asked:,} users, drawn by seed {seed}."
    return replace(
        split,
        test=test,
        part=part,
        dropped=split.dropped + left_out,
        remark="\n".join(filter(None, [split.remark, drawn])),
    )
