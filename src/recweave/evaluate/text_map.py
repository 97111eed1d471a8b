"""Maps item vectors learned from behaviour to text vectors, and ranks the texts.

A ridge regression in closed form, evaluated by the rank of an item's own text among all texts. For
a network that was trained with the texts this would be circular: `learned_vectors` refuses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import diags_array
from scipy.sparse.linalg import svds

from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadSetting
from recweave.core.topk import top_k
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature
from recweave.models.base import Model, Recipe
from recweave.models.blend import Blend

PENALTIES = tuple(10.0**power for power in range(-4, 4))
"""Penalties of the map, in units of the mean variance of its input."""

ROWS = 512
"""Number of items that are compared with all texts at a time."""


def learned_vectors(model: Model, recipe: Recipe | None = None) -> Float[Array, "items dim"]:
    """The item vectors of a model that was trained without features.

    Args:
        model: A model with item vectors; for a blend, its first member.
        recipe: The recipe of the model, if the model does not store it.

    Raises:
        BadSetting: if it has no item vectors, was trained with features, or the recipe is unknown.
    """
    network = model.members[0] if isinstance(model, Blend) else model
    recipe = getattr(network, "recipe", None) or recipe
    kind = type(network).__name__
    vectors = getattr(network, "item", None)
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2:
        raise BadSetting(f"a {kind} has no vectors of items; take a network or factors")
    if recipe is None:
        raise BadSetting(f"a {kind} does not say what trained it; give that as recipe=…")
    if given := recipe.features_used():
        raise BadSetting(
            f"the model was given the features {', '.join(given)}, so finding texts by its vectors "
            'would be circular; fit it with represent = "id" and no features'
        )
    return vectors


def svd_vectors(train: Interactions, dim: int) -> Float[Array, "items dim"]:
    """A baseline: item vectors by a truncated SVD of the training events.

    Of users by items, divided by the square roots of both counts; an item without events has zeros.

    Raises:
        BadSetting: if there are not more users and items than dim.
    """
    if dim >= min(train.shape):
        users, items = train.shape
        raise BadSetting(f"dim is {dim}; with {users:,} users and {items:,} items it must be less")
    pairs = train.matrix(values=False).astype(np.float64)
    by_user, by_item = (np.maximum(pairs.sum(axis=axis), 1) ** -0.5 for axis in (1, 0))
    scaled = diags_array(by_user) @ pairs @ diags_array(by_item)
    start = np.random.default_rng(0).standard_normal(min(train.shape))
    _, size, item = svds(scaled, dim, v0=start)
    vectors = np.where(train.item_counts()[:, None] > 0, item.T * size, 0)
    return np.asarray(vectors[:, ::-1], np.float32)


@dataclass(frozen=True, eq=False)
class Texts:
    """The distinct texts of a catalogue, which an item's own text is ranked among.

    Attributes:
        vectors: The vector of each text, as encoded.
        item: Row of the first item with the text.
        of: Row of the text of each item; -1 for an item without a text.
    """

    vectors: Float[Array, "texts dim"]
    item: Int[Array, " texts"]
    of: Int[Array, " items"]

    @classmethod
    def of_feature(cls, text: Feature) -> "Texts":
        """From a feature of items; equal vectors are one text."""
        with_text = np.flatnonzero(text.present)
        _, first, which = np.unique(
            text.vectors[with_text], axis=0, return_index=True, return_inverse=True
        )
        of = np.full(len(text.present), -1)
        of[with_text] = which
        return cls(text.vectors[with_text[first]], with_text[first], of)

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True, eq=False)
class TextMap:
    """A linear map from item vectors to text vectors.

    Attributes:
        shift: Mean unit vector of the training items, subtracted from the input.
        weight: The matrix.
        centre: Mean text vector of the training items; it does not distinguish texts.
        penalty: The penalty with the best validation metric, see `PENALTIES`.
    """

    shift: Float[Array, " dim"]
    weight: Float[Array, "dim text"]
    centre: Float[Array, " text"]
    penalty: float

    @classmethod
    def fit(
        cls,
        vectors: Float[Array, "items dim"],
        texts: Texts,
        items: Int[Array, " fitted"],
        valid: Int[Array, " valid"],
        penalties: Sequence[float] = PENALTIES,
    ) -> "TextMap":
        """Ridge regression; the validation items choose the penalty by mean reciprocal rank.

        Args:
            vectors: Learned vectors; only their directions are used.
            texts: The texts to rank.
            items: Rows of the training items; all must have a text.
            valid: Rows of the validation items.
            penalties: The penalties to choose from.
        """
        x = unit_rows(vectors[items])
        shift, centre = x.mean(axis=0), texts.vectors[texts.of[items]].mean(axis=0)
        x = (x - shift).astype(np.float64)
        y = unit_rows(texts.vectors[texts.of[items]] - centre)
        value, basis = np.linalg.eigh(x.T @ x)
        projected, scale = basis.T @ (x.T @ y), max(float(value.mean()), 1e-12)
        best: tuple[float, TextMap] | None = None
        for penalty in penalties:
            weight = basis @ (projected / (np.maximum(value, 0) + penalty * scale)[:, None])
            candidate = cls(shift, weight.astype(np.float32), centre, penalty)
            mrr = float((1 / candidate.ranks(vectors, texts, valid)).mean()) if len(valid) else 0.0
            if best is None or mrr > best[0]:
                best = mrr, candidate
        if best is None:
            raise ValueError("there are no penalties to choose from")
        return best[1]

    def ranks(
        self, vectors: Float[Array, "items dim"], texts: Texts, items: Int[Array, " n"]
    ) -> Int[Array, " n"]:
        """The rank of each item's own text among all, from 1; a tie counts against it."""
        targets = self._targets(texts)
        rank = np.empty(len(items), np.int64)
        for first in range(0, len(items), ROWS):
            rows = items[first : first + ROWS]
            scores = self._mapped(vectors[rows]) @ targets.T
            own = scores[np.arange(len(rows)), texts.of[rows]]
            rank[first : first + ROWS] = (scores >= own[:, None]).sum(axis=1)
        return rank

    def nearest(self, vectors: Float[Array, "n dim"], texts: Texts, k: int) -> Int[Array, "n k"]:
        """Items whose texts fit each vector best, best first; one item for each text."""
        text, _ = top_k(self._mapped(vectors) @ self._targets(texts).T, k)
        return np.where(text >= 0, texts.item[text], -1)

    def _mapped(self, vectors: Float[Array, "n dim"]) -> Float[Array, "n text"]:
        return np.asarray((unit_rows(vectors) - self.shift) @ self.weight, np.float32)

    def _targets(self, texts: Texts) -> Float[Array, "texts text"]:
        return unit_rows(texts.vectors - self.centre)


def split_items(
    vectors: Float[Array, "items dim"], texts: Texts, *, valid: float, test: float, seed: int
) -> tuple[Int[Array, " fitted"], Int[Array, " valid"], Int[Array, " test"]]:
    """Training, validation and test items; items with the same text are in the same part.

    Items without a text, or with a zero vector (no events), are in no part.

    Args:
        vectors: Learned item vectors.
        texts: The texts of the catalogue.
        valid, test: Shares of the texts.
        seed: Of the random split.
    """
    usable = np.flatnonzero((texts.of >= 0) & vectors.any(axis=1))
    random = np.random.default_rng(seed).random(len(texts))[texts.of[usable]]
    return (
        usable[random >= valid + test],
        usable[(random >= test) & (random < valid + test)],
        usable[random < test],
    )
