"""Positions of events within groups: the first, the last, those before a mark."""

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array, order_by


def number_within(group: Int[Array, " n"]) -> Int[Array, " n"]:
    """For each event its number, from 1, within its group."""
    order = order_by(group, int(group.max(initial=-1)) + 1)
    ones = np.ones(len(group), bool)
    return unsort(count_from_start(group[order], ones), order)


def count_from_start(user: Int[Array, " n"], counted: Bool[Array, " n"]) -> Int[Array, " n"]:
    """How many counted events a user has up to each, itself included; users stand together."""
    total = np.cumsum(counted)
    begins = np.ones(len(user), bool)
    begins[1:] = user[1:] != user[:-1]
    first = np.flatnonzero(begins)
    before = total[first] - counted[first]
    return np.asarray(total - np.repeat(before, np.diff(first, append=len(user))))


def count_from_end(user: Int[Array, " n"], counted: Bool[Array, " n"]) -> Int[Array, " n"]:
    """How many counted events a user has from each on, itself included; users stand together."""
    return np.asarray(count_from_start(user[::-1], counted[::-1])[::-1])


def seen_before(user: Int[Array, " n"], mark: Bool[Array, " n"]) -> Bool[Array, " n"]:
    """Whether a marked event of the same user comes before each; users stand together."""
    return np.asarray(count_from_start(user, mark) - mark > 0)


def unsort(values: Array, order: Int[Array, " n"]) -> Array:
    """Values in sorted order, back in the order of the log."""
    back = np.empty_like(values)
    back[order] = values
    return back
