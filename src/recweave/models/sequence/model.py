"""A trained sequence network."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.models.nn.sequences import newest
from recweave.models.nn.weights import Weights
from recweave.models.query import Query
from recweave.models.sequence.settings import SequenceRecipe, read_events

READ = 256
"""Histories that are read at a time."""


@dataclass(frozen=True, eq=False)
class Sequential:
    """Scores by the dot product of what a network reads from a history and an item's vector.

    Users need not be known: whoever has a history is read. Without one all scores are 0.

    Attributes:
        item: The items' vectors.
        weights: Of the network.
        recipe: Its settings say what the network is like, and which events are read.
    """

    item: Float[Array, "items dim"]
    weights: Weights
    recipe: SequenceRecipe

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """See `DotProduct.vectors`."""
        self.recipe.require_torch()
        import torch

        made = np.zeros((len(query), self.item.shape[1]), np.float32)
        settings, (net, item) = self.recipe, self._ready
        codes = settings.behaviors.by_code()
        order = np.argsort(query.history.lengths, kind="stable")
        with torch.inference_mode():
            for first in range(0, len(order), READ):
                rows = order[first : first + READ]
                some = query.rows(rows)
                history = read_events(some.history, codes)
                sequences = newest(history, settings.length, some.now)
                x = item[torch.from_numpy(np.maximum(sequences.item, 0)).long()]
                last = np.minimum(history.lengths, settings.length) - 1
                state = net(x)[torch.arange(len(rows)), torch.from_numpy(np.maximum(last, 0))]
                if settings.temperature:
                    state = torch.nn.functional.normalize(state, dim=1) / settings.temperature
                state[torch.from_numpy(last < 0)] = 0
                made[rows] = state.numpy()
        return made

    @cached_property
    def _ready(self) -> tuple[Any, Any]:
        import torch

        with torch.random.fork_rng(devices=[]):  # numbers are drawn, only to be replaced
            net = self.recipe.encoder()
        self.weights.put_into(net)
        item = torch.from_numpy(self.item * np.float32(self.item.shape[1] ** 0.5))
        return net.eval(), item
