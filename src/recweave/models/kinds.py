"""The few kinds of trained model that most recipes give. Each is saved and served once."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.models.query import Query


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

    Somebody new (user -1) gets the vector that ridge regression finds for their history: with Y
    the items' vectors, x = (YᵀY + weight · Y_hᵀY_h + reg · I)⁻¹ (1 + weight) Σ_h y (Hu et al. 2008,
    equation 4). `weight` is 0 where there is no such way; then x is the mean of the history's
    vectors.

    Attributes:
        user, item: One vector each, float32.
        weight, reg: See above.
    """

    user: Float[Array, "users dim"]
    item: Float[Array, "items dim"]
    weight: float = 0.0
    reg: float = 0.0

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """The askers' vectors."""
        vector = self.user[query.user]
        new = np.flatnonzero(query.user < 0)
        if len(new):
            vector[new] = self._fold_in(query.rows(new).history.matrix())
        return np.asarray(vector)

    def _fold_in(self, history: Csr) -> Float[Array, "new dim"]:
        total = history @ self.item
        if not self.weight:
            return np.asarray(total / np.maximum(1, history.sum(axis=1))[:, None])
        dim = self.item.shape[1]
        shared = self.item.T @ self.item + self.reg * np.eye(dim, dtype=np.float32)
        outer = np.einsum("id,ie->ide", self.item[history.indices], self.item[history.indices])
        sums = np.zeros((history.shape[0], dim, dim), np.float32)
        np.add.at(sums, np.repeat(np.arange(history.shape[0]), np.diff(history.indptr)), outer)
        right = (1 + self.weight) * total
        return np.linalg.solve(shared + self.weight * sums, right[..., None])[..., 0]


@dataclass(frozen=True, eq=False)
class ItemWeights:
    """Scores an item by what it owes to each item of the history: a row of weights times B.

    Attributes:
        weights: B; row i says how much item i in a history speaks for each item.
        decay: An event's weight is `decay` to the power of the events since; 1 forgets no order.
    """

    weights: Float[Array, "items items"] | sparse.csr_array
    decay: float = 1.0

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        history = query.history.matrix(self.decay)
        made = history @ self.weights
        return np.asarray(made.toarray() if sparse.issparse(made) else made, dtype=np.float32)
