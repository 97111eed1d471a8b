"""The few kinds of trained model that most recipes give. Each is saved and served once."""

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
from recweave.models.reasons import in_lines
from recweave.models.ridge import Ridge


@dataclass(frozen=True, eq=False)
class ItemScores(Model):
    """The same score for everybody: popularity, freshness, a hand-made list."""

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
    """Scores by the dot product of a user's and an item's vector.

    Whoever has a history when asking gets the vector that ridge regression finds for it
    (`Ridge.fold`), so new users and new events count at once; a known user's vector in training is
    what this gives for their history in training. Where `weight` is 0 there is no such way: users
    keep their vector, and new ones, with known ones whose vector is zero as they did nothing in
    training, get the mean of their history's.

    Attributes:
        user, item: One vector each, float32.
        weight, reg: Of the regression.
        decay: An event's strength is `decay` to the power of the events since.
        behaviors: Strength of an event by its behaviour, in the order of `BEHAVIORS`; 1 without.
        content: What gives new items their vectors; without it none can be placed.
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
        """The askers' vectors; zero for somebody new without a history."""
        vector = self._learned(query)
        told = query.history.lengths > 0
        asked = np.flatnonzero(told if self.weight else told & ~vector.any(axis=1))
        if len(asked):
            history = query.rows(asked).history.matrix(self.decay, self.behaviors)
            vector[asked] = self._fold_in(history)
        return vector

    def _learned(self, query: Query) -> Float[Array, "batch dim"]:
        return np.where(query.user[:, None] < 0, np.float32(0), self.user[query.user])

    def _fold_in(self, history: Csr) -> Float[Array, "new dim"]:
        if self.weight:
            return self._ridge.fold(history, self.weight, self.reg)
        whole = np.maximum(history.sum(axis=1), np.finfo(np.float32).tiny)
        return np.asarray(history @ self.item / whole[:, None])

    @cached_property
    def _ridge(self) -> Ridge:
        return Ridge.of(self.item, everywhere=True)

    def with_items(self, features: Features, count: int) -> "Factors | None":
        """See `Model.with_items`."""
        new = None if self.content is None else self.content.vectors(features, count)
        return None if new is None else replace(self, item=np.concatenate([self.item, new]))

    def basis(self, query: Query) -> list[Basis]:
        """See `Model.basis`: a vector that was learned and is kept cannot be divided."""
        if self.weight:
            return ["history"] * len(query)
        learned = np.asarray(self._learned(query).any(axis=1))
        return ["likeness" if kept else "history" for kept in learned]

    def likeness(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.likeness`."""
        unit = unit_rows(self.item)
        seen = query.history.matrix()
        return in_lines(
            seen, item, lambda entry, of: np.einsum("nd,nd->n", unit[seen.indices[entry]], unit[of])
        )

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`; zeros for a vector that was learned and is kept as it is."""
        history = query.history.matrix(self.decay, self.behaviors)
        pulls = self._pulls(history)
        if not self.weight:
            learned = self._learned(query).any(axis=1)
            pulls[np.repeat(learned, np.diff(history.indptr))] = 0
        return in_lines(
            history, item, lambda entry, of: np.einsum("nd,nd->n", pulls[entry], self.item[of])
        )

    def _pulls(self, history: Csr) -> Float[Array, "entries dim"]:
        """What each entry adds to the vector that is folded in (Hu et al. 2008, section 5)."""
        vectors = self.item[history.indices]
        if not self.weight:
            whole = np.maximum(history.sum(axis=1), np.finfo(np.float32).tiny)
            share = history.data / np.repeat(whole, np.diff(history.indptr))
            return np.asarray(vectors * share[:, None])
        shared = self.item.T @ self.item + self.reg * np.eye(self.item.shape[1], dtype=np.float32)
        strength = history.data[:, None]
        pulls = np.empty_like(vectors)
        for first, end in pairwise(history.indptr):
            v, s = vectors[first:end], strength[first:end]
            solved = np.linalg.solve(shared + self.weight * v.T @ (s * v), v.T)
            pulls[first:end] = (1 + self.weight) * s * solved.T
        return pulls


@runtime_checkable
class ItemPlacing(Protocol):
    """How item weights place new items."""

    def place(self, model: Model, features: Features, count: int) -> Model | None:
        """The model with more items, as in `Model.with_items`.

        Args:
            model: The `ItemWeights` that this was trained with.
            features: Of the new items alone, by name.
            count: How many there are.
        """


@dataclass(frozen=True, eq=False)
class ItemWeights(Model):
    """Scores an item by what it owes to each item of the history: a row of weights times B.

    Attributes:
        weights: B; row i says how much item i in a history speaks for each item.
        decay: An event's weight is `decay` to the power of the events since; 1 forgets no order.
        behaviors: Strength of an event by its behaviour, in the order of `BEHAVIORS`; 1 without.
        items: The items that rows and columns of B stand for; the others score 0 and say nothing.
            All items without it.
        placing: What places new items; without it none can be placed.
    """

    rests_on: ClassVar[Basis] = "history"

    weights: Float[Array, "kept kept"] | sparse.csr_array
    decay: float = 1.0
    behaviors: Float[Array, " behaviors"] | None = None
    items: Int[Array, " kept"] | None = None
    placing: ItemPlacing | None = None

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return self.apply(query.history.matrix(self.decay, self.behaviors))

    def apply(self, history: Csr) -> Float[Array, "batch items"]:
        """Scores from the strengths of the items in histories, float32, newly made."""
        shape = history.shape
        if self.items is not None:
            history = history[:, self.items]
        made = history @ self.weights
        dense = np.asarray(made.toarray() if sparse.issparse(made) else made, dtype=np.float32)
        if self.items is None:
            return dense
        scores = np.zeros(shape, np.float32)
        scores[:, self.items] = dense
        return scores

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`."""
        history = query.history.matrix(self.decay, self.behaviors)

        def part(entry: Int[Array, " n"], of: Int[Array, " n"]) -> Float[Array, " n"]:
            weight = self.between(history.indices[entry], of, history.shape[1])
            return np.asarray(weight * history.data[entry])

        return in_lines(history, item, part)

    def places(self, items: int) -> Int[Array, " items"]:
        """Where each of so many items stands in B; -1 for an item without weights."""
        if self.items is None:
            return np.arange(items)
        place = np.full(items, -1)
        place[self.items] = np.arange(len(self.items))
        return place

    def between(
        self, giver: Int[Array, " n"], receiver: Int[Array, " n"], items: int
    ) -> Float[Array, " n"]:
        """How much each giver speaks for the receiver beside it, both rows of so many items."""
        place = self.places(items)
        row, column = place[giver], place[receiver]
        known = (row >= 0) & (column >= 0)
        found = self.weights[np.maximum(row, 0), np.maximum(column, 0)]
        return np.asarray(np.where(known, found, 0), np.float32)

    def with_items(self, features: Features, count: int) -> Model | None:
        """See `Model.with_items`."""
        return None if self.placing is None else self.placing.place(self, features, count)


def dot_products(
    user: Float[Array, "batch dim"], vectors: Float[Array, "items dim"], item: Int[Array, "batch k"]
) -> Float[Array, "batch k"]:
    """Each user's products with some items' vectors; -inf where `item` is -1."""
    products = np.einsum("bd,bkd->bk", user, vectors[np.maximum(item, 0)])
    return np.where(item >= 0, products, np.float32(-np.inf)).astype(np.float32)
