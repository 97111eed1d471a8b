"""Which text belongs to an item, told from the vector that behaviour alone taught.

A ridge map from items' vectors to vectors of their texts, in closed form, judged by the place of
the right text among all. A network that was given the texts would be asked what it was told, so
`learned_vectors` refuses it.
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
"""Of the map, in units of the mean variance of what it reads."""

ROWS = 512
"""Items that are compared with all texts at a time."""


def learned_vectors(model: Model, recipe: Recipe | None = None) -> Float[Array, "items dim"]:
    """The items' vectors of a model that was given no text.

    Args:
        model: With vectors of items; of a blend, its first member is meant.
        recipe: What trained it, where the model does not keep that itself.

    Raises:
        BadSetting: if it has no vectors of items, was given features, or can't say.
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
    """The plain baseline: what goes with what in train, by a truncated SVD.

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
    made = np.where(train.item_counts()[:, None] > 0, item.T * size, 0)
    return np.asarray(made[:, ::-1], np.float32)


@dataclass(frozen=True, eq=False)
class Texts:
    """The different texts of a catalogue, which are what an item's own is found among.

    Attributes:
        vectors: One of each text, as encoded.
        item: Row of the first item that has the text.
        of: Which text each item has; -1 for none.
    """

    vectors: Float[Array, "texts dim"]
    item: Int[Array, " texts"]
    of: Int[Array, " items"]

    @classmethod
    def of_feature(cls, text: Feature) -> "Texts":
        """Of a feature of items; equal vectors are one text."""
        there = np.flatnonzero(text.present)
        _, first, which = np.unique(
            text.vectors[there], axis=0, return_index=True, return_inverse=True
        )
        of = np.full(len(text.present), -1)
        of[there] = which
        return cls(text.vectors[there[first]], there[first], of)

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True, eq=False)
class TextMap:
    """From an item's vector to where its text should be.

    Attributes:
        shift: Mean of the items' directions that it was fitted on; read less this.
        weight: The map.
        centre: Mean of their texts; what all texts share tells none apart.
        penalty: The one that found most on validation, see `PENALTIES`.
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
        """Least squares with a penalty, which validation chooses by the mean reciprocal rank.

        Args:
            vectors: Learned vectors; only their directions are read.
            texts: What is looked for.
            items: Rows that the map is fitted on; all must have a text.
            valid: Rows that choose the penalty.
            penalties: To choose from.
        """
        x = unit_rows(vectors[items])
        shift, centre = x.mean(axis=0), texts.vectors[texts.of[items]].mean(axis=0)
        x = (x - shift).astype(np.float64)
        y = unit_rows(texts.vectors[texts.of[items]] - centre)
        value, basis = np.linalg.eigh(x.T @ x)
        told, scale = basis.T @ (x.T @ y), max(float(value.mean()), 1e-12)
        best: tuple[float, TextMap] | None = None
        for penalty in penalties:
            weight = basis @ (told / (np.maximum(value, 0) + penalty * scale)[:, None])
            made = cls(shift, weight.astype(np.float32), centre, penalty)
            found = float((1 / made.places(vectors, texts, valid)).mean()) if len(valid) else 0.0
            if best is None or found > best[0]:
                best = found, made
        if best is None:
            raise ValueError("there are no penalties to choose from")
        return best[1]

    def places(
        self, vectors: Float[Array, "items dim"], texts: Texts, items: Int[Array, " some"]
    ) -> Int[Array, " some"]:
        """The place of each item's own text among all, from 1; a tie counts against it."""
        looked = self._looked_for(texts)
        place = np.empty(len(items), np.int64)
        for first in range(0, len(items), ROWS):
            some = items[first : first + ROWS]
            scores = self._told(vectors[some]) @ looked.T
            own = scores[np.arange(len(some)), texts.of[some]]
            place[first : first + ROWS] = (scores >= own[:, None]).sum(axis=1)
        return place

    def nearest(self, vectors: Float[Array, "n dim"], texts: Texts, k: int) -> Int[Array, "n k"]:
        """Items whose texts fit each vector best, best first; one item for each text."""
        found, _ = top_k(self._told(vectors) @ self._looked_for(texts).T, k)
        return np.where(found >= 0, texts.item[found], -1)

    def _told(self, vectors: Float[Array, "n dim"]) -> Float[Array, "n text"]:
        return np.asarray((unit_rows(vectors) - self.shift) @ self.weight, np.float32)

    def _looked_for(self, texts: Texts) -> Float[Array, "texts text"]:
        return unit_rows(texts.vectors - self.centre)


def deal_items(
    vectors: Float[Array, "items dim"], texts: Texts, *, valid: float, held: float, seed: int
) -> tuple[Int[Array, " fitted"], Int[Array, " valid"], Int[Array, " held"]]:
    """Items to fit on, to choose by and to judge by; those of one text stay together.

    Items without a text, or whose vector is zero as nobody had them, are in none.

    Args:
        vectors: Learned ones.
        texts: Of the catalogue.
        valid, held: Shares of the texts.
        seed: Of the draw.
    """
    able = np.flatnonzero((texts.of >= 0) & vectors.any(axis=1))
    drawn = np.random.default_rng(seed).random(len(texts))[texts.of[able]]
    return (
        able[drawn >= valid + held],
        able[(drawn >= held) & (drawn < valid + held)],
        able[drawn < held],
    )
