"""A trained sequence network."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr
from recweave.encode.features import Features
from recweave.models.base import Basis, Model
from recweave.models.content import ContentMap
from recweave.models.kinds import dot_products
from recweave.models.nn.reading import last_states
from recweave.models.nn.sequences import Sequences
from recweave.models.nn.weights import Weights
from recweave.models.query import Query
from recweave.models.reasons import contributions_by_removal
from recweave.models.sequence.settings import SequenceRecipe


@dataclass(frozen=True, eq=False)
class Sequential(Model):
    """Scores are dot products of the state that a network computes from a history and item vectors.

    The user vector is always computed from the history of the query (fold-in), so cold users need
    no retraining. Without a history all scores are 0.

    Attributes:
        item: The item vectors.
        weights: Weights of the network.
        recipe: The settings: the network's architecture, and which events are read.
        content: Maps features of new items to vectors; without it no items can be added.
    """

    rests_on: ClassVar[Basis] = "history"

    item: Float[Array, "items dim"]
    weights: Weights
    recipe: SequenceRecipe
    content: ContentMap | None = None

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`."""
        return dot_products(self.vectors(query), self.item, item)

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """See `DotProduct.vectors`."""
        self.recipe.require_extras()
        codes = self.recipe.behaviors.by_code()
        length, dim = self.recipe.length, self.item.shape[1]
        return last_states(query, length, dim, codes, self._read)

    def with_items(self, features: Features, count: int) -> "Sequential | None":
        """See `Model.with_items`."""
        new = None if self.content is None else self.content.vectors(features, count)
        return None if new is None else replace(self, item=np.concatenate([self.item, new]))

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`: how much lower the score is without each item of the history.

        The effects overlap, so their sum is not the score.
        """
        return contributions_by_removal(self.vectors, self.item, query, item)

    def _read(self, sequences: Sequences, _: Int[Array, " rows"]) -> Any:
        import torch

        net, item = self._ready
        state = net(item[torch.from_numpy(np.maximum(sequences.item, 0)).long()])
        if not self.recipe.temperature:
            return state
        return torch.nn.functional.normalize(state, dim=-1) / self.recipe.temperature

    @cached_property
    def _ready(self) -> tuple[Any, Any]:
        import torch

        net = self.weights.restore(self.recipe.encoder)
        item = torch.from_numpy(self.item * np.float32(self.item.shape[1] ** 0.5))
        return net, item
