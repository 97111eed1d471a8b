"""Batch inference: the states that a network computes from histories."""

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

BATCH = 256
"""Histories in a batch."""


def read_events(history: Histories, weights: Float[Array, " behaviors"]) -> Histories:
    """The events of the behaviours whose weight is above 0."""
    used = weights > 0
    return history if used.all() else history.only(used[history.behavior])


def last_states(
    query: Query,
    length: int,
    dim: int,
    weights: Float[Array, " behaviors"],
    read: "Callable[[Sequences, Int[Array, ' rows']], Tensor]",
) -> Float[Array, "batch dim"]:
    """The state after the newest event of each query user; zeros for users without events.

    Args:
        query: The query users.
        length: Number of newest events of a history that the network reads.
        dim: Length of a state.
        weights: Weight of each behaviour; events of weight 0 are not read.
        read: Computes the states at all positions, from sequences and the users' rows in training.
    """
    import torch

    states = np.zeros((len(query), dim), np.float32)
    order = np.argsort(query.history.lengths, kind="stable")
    with torch.inference_mode():
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            batch = query.rows(rows)
            history = read_events(batch.history, weights)
            last = np.minimum(history.lengths, length) - 1
            has_history = np.flatnonzero(last >= 0)
            if len(has_history):
                sequences = newest(history.rows(has_history), length)
                state = read(sequences, batch.user[has_history])
                at = torch.arange(len(has_history)), torch.from_numpy(last[has_history])
                states[rows[has_history]] = state[at]
    return states
