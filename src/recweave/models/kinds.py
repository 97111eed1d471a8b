"""The kinds of trained model that most recipes share. Saving and serving is written once each."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr, unit_rows
from recweave.encode.features import Features
from recweave.models.base import Basis, Model
from recweave.models.content import ContentMap
from recweave.models.query import Query
from recweave.models.reasons import contributions
from recweave.models.ridge import Ridge


@dataclass(frozen=True, eq=False)
class ItemScores(Model):
    """The same score for all users: popularity, recency, a manual list."""

    rests_on: ClassVar[Basis] = "everybody"

    value: Float[Array, " items"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`; a read-only view, one row for all."""
        return np.broadcast_to(self.value, (len(query), len(self.value)))

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`."""
        return np.where(item >= 0, self.value[item], np.float32(-np.inf))


@dataclass(frozen=True, eq=False)
class Factors(Model):
    """Scores by the dot product of the user vector and the item vector (matrix factorization).

    If the query has a history, the user vector is computed from it by ridge regression (fold-in,
    see `Ridge.fold_in`). So cold users with a history and new events count at once. The vector of a
    user in training is the result of the same regression on their training events.

    Without fold-in (`weight` is 0), users keep the vector of training. A cold user, or a user whose
    vector is zero because they have no training events, gets the mean of the vectors of the
    history.

    Attributes:
        user, item: One vector per user and per item, float32.
        weight, reg: Event weight and regularization of the regression.
        decay: The weight of an event is `decay` to the power of the number of later events.
        behaviors: Weight of an event by its behaviour, in the order of `BEHAVIORS`; None means 1.
        content: Computes vectors of new items; None if the model cannot be extended.
    """

    user: Float[Array, "users dim"]
    item: Float[Array, "items dim"]
    weight: float = 0.0
    reg: float = 0.0
    decay: float = 1.0
    behaviors: Float[Array, " behaviors"] | None = None
    content: ContentMap | None = None

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`."""
        return dot_products(self.vectors(query), self.item, item)

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """The vectors of the query users; zero for a cold user without a history."""
        vector = self._learned(query)
        has_history = query.history.lengths > 0
        needs_fold_in = has_history if self.weight else has_history & ~vector.any(axis=1)
        rows = np.flatnonzero(needs_fold_in)
        if len(rows):
            history = query.rows(rows).history.matrix(self.decay, self.behaviors)
            vector[rows] = self._fold_in(history)
        return vector

    def _learned(self, query: Query) -> Float[Array, "batch dim"]:
        return np.where(query.user[:, None] < 0, np.float32(0), self.user[query.user])

    def _fold_in(self, history: Csr) -> Float[Array, "new dim"]:
        if self.weight:
            return self._ridge.fold_in(history, self.weight, self.reg)
        total = np.maximum(history.sum(axis=1), np.finfo(np.float32).tiny)
        return np.asarray(history @ self.item / total[:, None])

    @cached_property
    def _ridge(self) -> Ridge:
        return Ridge.of(self.item, implicit=True)

    def with_items(self, features: Features, count: int) -> "Factors | None":
        """See `Model.with_items`."""
        new = None if self.content is None else self.content.vectors(features, count)
        return None if new is None else replace(self, item=np.concatenate([self.item, new]))

    def basis(self, query: Query) -> list[Basis]:
        """See `Model.basis`: a user vector from training is not a sum over the history."""
        if self.weight:
            return ["history"] * len(query)
        learned = np.asarray(self._learned(query).any(axis=1))
        return ["likeness" if from_training else "history" for from_training in learned]

    def likeness(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.likeness`."""
        unit = unit_rows(self.item)
        seen = query.history.matrix()

        def part(entry: Int[Array, " n"], target: Int[Array, " n"]) -> Float[Array, " n"]:
            return np.asarray(np.einsum("nd,nd->n", unit[seen.indices[entry]], unit[target]))

        return contributions(seen, item, part)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`; zeros where the user vector is the one of training."""
        history = query.history.matrix(self.decay, self.behaviors)
        parts = self._vector_parts(history)
        if not self.weight:
            learned = self._learned(query).any(axis=1)
            parts[np.repeat(learned, np.diff(history.indptr))] = 0

        def part(entry: Int[Array, " n"], target: Int[Array, " n"]) -> Float[Array, " n"]:
            return np.asarray(np.einsum("nd,nd->n", parts[entry], self.item[target]))

        return contributions(history, item, part)

    def _vector_parts(self, history: Csr) -> Float[Array, "entries dim"]:
        """What each entry adds to the folded-in user vector (Hu et al. 2008, section 5)."""
        vectors = self.item[history.indices]
        if not self.weight:
            total = np.maximum(history.sum(axis=1), np.finfo(np.float32).tiny)
            share = history.data / np.repeat(total, np.diff(history.indptr))
            return np.asarray(vectors * share[:, None])
        gram = self.item.T @ self.item + self.reg * np.eye(self.item.shape[1], dtype=np.float32)
        event_weight = history.data[:, None]
        parts = np.empty_like(vectors)
        for first, end in pairwise(history.indptr):
            v, w = vectors[first:end], event_weight[first:end]
            solved = np.linalg.solve(gram + self.weight * v.T @ (w * v), v.T)
            parts[first:end] = (1 + self.weight) * w * solved.T
        return parts


@runtime_checkable
class ItemExtender(Protocol):
    """Adds new items to item weights."""

    def extend(self, model: Model, features: Features, count: int) -> Model | None:
        """The model with more items, as in `Model.with_items`.

        Args:
            model: The `ItemWeights` that this was trained with.
            features: Features of the new items alone, by name.
            count: Number of new items.
        """


@dataclass(frozen=True, eq=False)
class ItemWeights(Model):
    """Item-to-item model: the scores are the history, a row of event weights, times a matrix B.

    Attributes:
        weights: B; B_ij is what item i in the history adds to the score of item j.
        decay: The weight of an event is `decay` to the power of the number of later events; with 1
            the order does not matter.
        behaviors: Weight of an event by its behaviour, in the order of `BEHAVIORS`; None means 1.
        items: The items of the rows and columns of B; other items have score 0 and add nothing.
            None means all items.
        placing: Adds new items; None if the model cannot be extended.
    """

    rests_on: ClassVar[Basis] = "history"

    weights: Float[Array, "kept kept"] | sparse.csr_array
    decay: float = 1.0
    behaviors: Float[Array, " behaviors"] | None = None
    items: Int[Array, " kept"] | None = None
    placing: ItemExtender | None = None

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return self.apply(query.history.matrix(self.decay, self.behaviors))

    def apply(self, history: Csr) -> Float[Array, "batch items"]:
        """Scores from the weights of the items in histories, a new float32 array."""
        shape = history.shape
        if self.items is not None:
            history = history[:, self.items]
        product = history @ self.weights
        dense = np.asarray(product.toarray() if sparse.issparse(product) else product, np.float32)
        if self.items is None:
            return dense
        scores = np.zeros(shape, np.float32)
        scores[:, self.items] = dense
        return scores

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`."""
        history = query.history.matrix(self.decay, self.behaviors)

        def part(entry: Int[Array, " n"], target: Int[Array, " n"]) -> Float[Array, " n"]:
            weight = self.weight_of_pairs(history.indices[entry], target, history.shape[1])
            return np.asarray(weight * history.data[entry])

        return contributions(history, item, part)

    def matrix_rows(self, items: int) -> Int[Array, " items"]:
        """The row in B of each item of a catalogue of this size; -1 for an item without weights."""
        if self.items is None:
            return np.arange(items)
        row = np.full(items, -1)
        row[self.items] = np.arange(len(self.items))
        return row

    def weight_of_pairs(
        self, source: Int[Array, " n"], target: Int[Array, " n"], items: int
    ) -> Float[Array, " n"]:
        """B_ij of pairs of a source item i and a target item j; `items` is the catalogue size."""
        matrix_row = self.matrix_rows(items)
        row, column = matrix_row[source], matrix_row[target]
        known = (row >= 0) & (column >= 0)
        weight = self.weights[np.maximum(row, 0), np.maximum(column, 0)]
        return np.asarray(np.where(known, weight, 0), np.float32)

    def with_items(self, features: Features, count: int) -> Model | None:
        """See `Model.with_items`."""
        return None if self.placing is None else self.placing.extend(self, features, count)


def dot_products(
    user: Float[Array, "batch dim"], vectors: Float[Array, "items dim"], item: Int[Array, "batch k"]
) -> Float[Array, "batch k"]:
    """Dot products of each user vector with the vectors of k items; -inf where `item` is -1."""
    products = np.einsum("bd,bkd->bk", user, vectors[np.maximum(item, 0)])
    return np.where(item >= 0, products, np.float32(-np.inf)).astype(np.float32)
