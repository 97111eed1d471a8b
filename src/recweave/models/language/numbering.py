"""Items as numbers: which number each item gets."""

from typing import Literal

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.data.interactions import Histories

FIRST = 1001
"""The smallest number, as in OpenP5: all numbers up to 9999 have four digits."""

Index = Literal["random", "sequential"]

LEAK = (
    "its numbers of items come from held-out events too, user by user, as in OpenP5: data leakage, "
    "so its values may be too good (F-SEQIDX)"
)
"""What is said of the setting `paper`."""


def number_items(
    index: Index, history: Histories, seed: int, later: Histories | None = None
) -> Int[Array, " items"]:
    """Consecutive numbers from `FIRST`, one for each item of the catalogue.

    Args:
        index: random permutes the items. sequential goes through the users, by row, and numbers
            each item at its first training event, so items that occur together get near numbers;
            then come the items without a training event, in random order.
        history: The training events of all users.
        seed: Of the random order.
        later: Held-out events, which OpenP5 numbers too: items that occur first in these are
            numbered user by user, before the random rest. This is data leakage (F-SEQIDX): two
            held-out items of a user get consecutive numbers.
    """
    order = np.random.default_rng([seed, FIRST]).permutation(history.items)
    if index == "sequential":
        # Rows of users are in the order of a hash of their ids, so this order has no information.
        walks = [walk.item for walk in (history, later) if walk is not None]
        order = np.concatenate([*walks, order])
        _, first = np.unique(order, return_index=True)
        order = order[np.sort(first)]
    number = np.empty(history.items, np.int64)
    number[order] = FIRST + np.arange(history.items)
    return number
