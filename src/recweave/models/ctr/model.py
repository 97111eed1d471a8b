"""The trained networks of click models; they answer with NumPy alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.encode.features import OTHER, Features, find_item_feature
from recweave.models.base import Model
from recweave.models.content import new_item_features
from recweave.models.ctr.design import Standardizer
from recweave.models.query import Query

PAIRS = 1 << 14
"""Pairs that are computed at a time."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer: x W + b."""

    weight: Float[Array, "width out"]
    bias: Float[Array, " out"]

    def __call__(self, x: Float[Array, "n width"]) -> Float[Array, "n out"]:
        """The outputs."""
        return np.asarray(x @ self.weight + self.bias)


Layers = tuple[Layer, ...]


def mlp(x: Float[Array, "n width"], layers: Layers) -> Float[Array, "n out"]:
    """The layers with ReLU after each."""
    for layer in layers:
        x = np.maximum(layer(x), 0)
    return x


@dataclass(frozen=True, eq=False)
class Columns:
    """What a feature's columns add to a part of the input: columns · weight.

    Attributes:
        standardizer: From the feature's vectors to columns.
        weight: The rows of the first layer's matrix for these columns.
    """

    standardizer: Standardizer
    weight: Float[Array, "columns out"]

    def of(self, vectors: Array, present: Array) -> Float[Array, "rows out"]:
        """The sum for each row."""
        columns = self.standardizer.columns(vectors, present).astype(np.float32)
        return np.asarray(columns @ self.weight)

    def of_new_items(self, features: Features, count: int) -> Float[Array, "count out"]:
        """The sum for new items; a feature that is not given is missing for all of them."""
        name, dim = self.standardizer.name, len(self.standardizer.mean)
        found = new_item_features(features, [name], [dim], count)
        if found is None:
            return self.of(np.zeros((count, dim), np.float32), np.zeros(count, bool))
        (feature,) = found
        return self.of(feature.vectors, feature.present)


@dataclass(frozen=True, eq=False)
class LabelEmbeddings:
    """The embeddings of a feature's labels; an entity has the mean of those that are present.

    Attributes:
        name: The name of the feature.
        labels: The name of each label; empty where the feature names none.
        vectors: Their embeddings.
    """

    name: str
    labels: tuple[str, ...]
    vectors: Float[Array, "labels dim"]

    def of(self, present: Float[Array, "rows labels"]) -> Float[Array, "rows dim"]:
        """The mean embedding of the labels of each row; zeros without any."""
        share = present / np.maximum(present.sum(axis=1, keepdims=True), 1)
        return np.asarray(share.astype(np.float32) @ self.vectors)

    def of_new_items(self, features: Features, count: int) -> Float[Array, "count dim"]:
        """The same for new items.

        Labels are found by name. An unknown one is the label "(other)", or left out without this.
        """
        present = np.zeros((count, len(self.vectors)), np.float32)
        if self.name not in features:
            return self.of(present)
        feature = find_item_feature(features, self.name)
        if self.labels and feature.columns:
            own = self._own_labels(feature.columns)
            row, column = np.nonzero(feature.vectors > 0)
            present[row[own[column] >= 0], own[column][own[column] >= 0]] = 1
        elif feature.vectors.shape == present.shape:
            present[:] = feature.vectors > 0
        else:
            raise BadSetting(
                f"the feature '{self.name}' of the new items has {feature.vectors.shape[1]} labels "
                f"and the model reads {len(self.vectors)}; make it as it was made for training"
            )
        present[~feature.present] = 0
        return self.of(present)

    def _own_labels(self, names: Sequence[str]) -> Int[Array, " names"]:
        """The number of each label among those of training; -1 where it is left out."""
        number = {label: at for at, label in enumerate(self.labels)}
        other = next((label for label in self.labels if label.endswith(OTHER)), None)
        field = None if other is None else other.removesuffix(OTHER)
        known = [
            number.get(name, number[other] if other and name.startswith(field or "") else -1)
            for name in names
        ]
        return np.array(known, np.int64)


@dataclass(frozen=True, eq=False)
class Part:
    """One input vector of a pair: the sum of a row of the user and a row of the item, and layers.

    The first layer of an MLP is linear, so what it makes of a pair is the sum of what it makes of
    the user's columns and of the item's columns. These sums are computed once for each user and
    item.

    Attributes:
        user, item: The rows; the last one is for unknown users or items. None adds nothing.
        bias: Added to the sum, if it is not None.
        layers: The layers after the first; with None, the sum is the result without a ReLU.
        sources: What the rows of items are the sum of, for new items.
    """

    user: Float[Array, "users out"] | None
    item: Float[Array, "items out"] | None
    bias: Float[Array, " out"] | None = None
    layers: Layers | None = None
    sources: tuple[Columns | LabelEmbeddings, ...] = ()

    def __call__(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, "n _"]:
        """The vector of each pair; -1 is unknown, as it is the last row."""
        sides = [t[row] for t, row in ((self.user, user), (self.item, item)) if t is not None]
        x = sides[0] if len(sides) == 1 else sides[0] + sides[1]
        if self.bias is not None:
            x = x + self.bias
        return x if self.layers is None else mlp(np.maximum(x, 0), self.layers)

    def with_items(self, features: Features, count: int) -> "Part":
        """With rows for new items."""
        if self.item is None:
            return self
        known, unknown = self.item[:-1], self.item[-1:]
        new = np.repeat(unknown, count, axis=0)
        if self.sources:
            new = np.sum([one.of_new_items(features, count) for one in self.sources], axis=0)
        return replace(self, item=np.concatenate([known, new, unknown]))


@runtime_checkable
class Head(Protocol):
    """From the input vectors of pairs to log-odds."""

    def __call__(self, vectors: list[Float[Array, "n _"]]) -> Float[Array, " n"]:
        """The log-odds of each pair."""


@dataclass(frozen=True, eq=False)
class DotHead:
    """The head of DLRM.

    Attributes:
        dense: Whether the first vector is of dense columns: the MLP reads it beside the dot
            products. If not, it reads all vectors.
        layers: The hidden layers of the top MLP.
        out: The last layer.
    """

    dense: bool
    layers: Layers
    out: Layer

    def __call__(self, vectors: list[Float[Array, "n dim"]]) -> Float[Array, " n"]:
        """The log-odds of each pair."""
        first = vectors[:1] if self.dense else vectors
        joined = np.hstack([*first, dot_interactions(np.stack(vectors, axis=1))])
        return np.asarray(self.out(mlp(joined, self.layers))[:, 0])


def dot_interactions(vectors: Float[Array, "n f dim"]) -> Float[Array, "n pairs"]:
    """f_a · f_b for each pair a < b, in the order (0, 1), (0, 2), …, (1, 2), …"""
    products = vectors @ vectors.transpose(0, 2, 1)
    a, b = np.triu_indices(vectors.shape[1], 1)
    return np.asarray(products[:, a, b])


@dataclass(frozen=True, eq=False)
class CrossHead:
    """The head of DCN-v2.

    Attributes:
        cross: For each cross layer its matrix, as one or two factors, with the bias on the last.
        layers: The hidden layers of the deep part.
        out: The last layer; it reads the result of the cross layers, then that of the deep part.
    """

    cross: tuple[Layers, ...]
    layers: Layers
    out: Layer

    def __call__(self, vectors: list[Float[Array, "n _"]]) -> Float[Array, " n"]:
        """The log-odds of each pair."""
        start = np.hstack(vectors)
        x = cross_network(start, self.cross)
        both = np.hstack([x, mlp(start, self.layers)]) if self.layers else x
        return np.asarray(self.out(both)[:, 0])


def cross_network(
    start: Float[Array, "n width"], cross: tuple[Layers, ...]
) -> Float[Array, "n width"]:
    """x0 ⊙ (W x + b) + x, once for each cross layer, from x = x0."""
    x = start
    for factors in cross:
        product = x
        for factor in factors:
            product = factor(product)
        x = start * product + x
    return x


@dataclass(frozen=True, eq=False)
class ClickNetwork(Model):
    """A trained DLRM or DCN-v2.

    Attributes:
        parts: The input vectors.
        head: From these to log-odds.
        slope, shift: Platt scaling: the log-odds are slope · x + shift; 1 and 0 without it.
        shape: Number of users and items.
    """

    parts: tuple[Part, ...]
    head: DotHead | CrossHead
    slope: float
    shift: float
    shape: tuple[int, int]

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`: the log-odds."""
        user = np.broadcast_to(query.user[:, None], item.shape)
        odds = self.log_odds(user.reshape(-1), item.reshape(-1)).reshape(item.shape)
        return np.where(item >= 0, odds, np.float32(-np.inf)).astype(np.float32)

    def probability(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """See `ClickModel.probability`."""
        return np.asarray(expit(self.log_odds(user, item).astype(np.float64)))

    def log_odds(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """Log-odds of pairs; -1 is an unknown user or item. float32."""
        odds = np.empty(len(user), np.float32)
        for rows in _batches(len(user)):
            odds[rows] = self.head([part(user[rows], item[rows]) for part in self.parts])
        return odds * np.float32(self.slope) + np.float32(self.shift)

    def with_items(self, features: Features, count: int) -> "ClickNetwork | None":
        """See `Model.with_items`; features that are not given are missing for the new items."""
        reads = [source for part in self.parts for source in part.sources]
        names = {s.standardizer.name if isinstance(s, Columns) else s.name for s in reads}
        if not names & set(features):
            return None
        users, items = self.shape
        parts = tuple(part.with_items(features, count) for part in self.parts)
        return replace(self, parts=parts, shape=(users, items + count))


def _batches(count: int) -> Iterator[slice]:
    return (slice(first, first + PAIRS) for first in range(0, count, PAIRS))


def with_unknown(
    rows: Float[Array, "entities out"], unknown: Float[Array, " out"]
) -> Float[Array, "entities_and_one out"]:
    """The rows of users or items with that of unknown ones at the end, float32."""
    return np.concatenate([rows, unknown[None]]).astype(np.float32)
