"""The few kinds of trained model that most recipes give. Each is saved and served once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.models.query import Query
from recweave.models.ridge import Ridge


@dataclass(frozen=True, eq=False)
class ItemScores:
    """The same score for everybody: popularity, freshness, a hand-made list."""

    score: Float[Array, " items"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`; a read-only view, one row for all."""
        return np.broadcast_to(self.score, (len(query), len(self.score)))


@dataclass(frozen=True, eq=False)
class Factors:
    """Scores by the dot product of a user's and an item's vector.

    Whoever has a history when asking gets the vector that ridge regression finds for it
    (`Ridge.fold`), so new users and new events count at once; a known user's vector in training is
    what this gives for their history in training. Where `weight` is 0 there is no such way: known
    users keep their vector, and new ones get the mean of their history's.

    Attributes:
        user, item: One vector each, float32.
        weight, reg: Of the regression.
        decay: An event's strength is `decay` to the power of the events since.
        behaviors: Strength of an event by its behaviour, in the order of `BEHAVIORS`; 1 without.
    """

    user: Float[Array, "users dim"]
    item: Float[Array, "items dim"]
    weight: float = 0.0
    reg: float = 0.0
    decay: float = 1.0
    behaviors: Float[Array, " behaviors"] | None = None

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """The askers' vectors; zero for somebody new without a history."""
        vector = np.where(query.user[:, None] < 0, np.float32(0), self.user[query.user])
        told = query.history.lengths > 0
        asked = np.flatnonzero(told if self.weight else told & (query.user < 0))
        if len(asked):
            history = query.rows(asked).history.matrix(self.decay, self.behaviors)
            vector[asked] = self._fold_in(history)
        return np.asarray(vector)

    def _fold_in(self, history: Csr) -> Float[Array, "new dim"]:
        if self.weight:
            return self._ridge.fold(history, self.weight, self.reg)
        whole = np.maximum(history.sum(axis=1), np.finfo(np.float32).tiny)
        return np.asarray(history @ self.item / whole[:, None])

    @cached_property
    def _ridge(self) -> Ridge:
        return Ridge.of(self.item, everywhere=True)


@dataclass(frozen=True, eq=False)
class ItemWeights:
    """Scores an item by what it owes to each item of the history: a row of weights times B.

    Attributes:
        weights: B; row i says how much item i in a history speaks for each item.
        decay: An event's weight is `decay` to the power of the events since; 1 forgets no order.
        behaviors: Strength of an event by its behaviour, in the order of `BEHAVIORS`; 1 without.
    """

    weights: Float[Array, "items items"] | sparse.csr_array
    decay: float = 1.0
    behaviors: Float[Array, " behaviors"] | None = None

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        history = query.history.matrix(self.decay, self.behaviors)
        made = history @ self.weights
        return np.asarray(made.toarray() if sparse.issparse(made) else made, dtype=np.float32)
