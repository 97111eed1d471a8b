"""What a network makes of histories, in batches of like length."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.data.interactions import Histories
from recweave.models.nn.sequences import Sequences, newest
from recweave.models.query import Query

if TYPE_CHECKING:
    from torch import Tensor

READ = 256
"""Histories that are read at a time."""


def read_events(history: Histories, weights: Float[Array, " behaviors"]) -> Histories:
    """The events of the behaviours whose weight is not 0."""
    taking = weights > 0
    return history if taking.all() else history.only(taking[history.behavior])


def last_states(
    query: Query,
    length: int,
    dim: int,
    weights: Float[Array, " behaviors"],
    read: "Callable[[Sequences, Int[Array, ' rows']], Tensor]",
) -> Float[Array, "batch dim"]:
    """The state after each asker's newest event; zeros for who has none.

    Args:
        query: Who asks.
        length: Events of a history that are read.
        dim: Length of a state.
        weights: Of behaviours; those of 0 are not read.
        read: From sequences, and the rows of the users in training, to states at all places.
    """
    import torch

    made = np.zeros((len(query), dim), np.float32)
    order = np.argsort(query.history.lengths, kind="stable")
    with torch.inference_mode():
        for first in range(0, len(order), READ):
            rows = order[first : first + READ]
            some = query.rows(rows)
            history = read_events(some.history, weights)
            last = np.minimum(history.lengths, length) - 1
            told = np.flatnonzero(last >= 0)
            if len(told):
                kept = history.rows(told)
                states = read(newest(kept, length), some.user[told])
                made[rows[told]] = states[torch.arange(len(told)), torch.from_numpy(last[told])]
    return made
