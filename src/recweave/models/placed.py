"""Items that came after training, placed into item weights by the prior of their features."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr
from recweave.encode.features import Features
from recweave.models.base import Basis, Model
from recweave.models.content import new_item_features
from recweave.models.kinds import ItemWeights
from recweave.models.query import Query
from recweave.models.reasons import in_lines


@dataclass(frozen=True, eq=False)
class ItemPrior:
    """What weights owe to the features of items, kept so that new items get weights too.

    EASE and SLIT with features have the weights B_ij = (P L)_i · R_j + (what events say), with
    P = (Gram matrix + (reg + w) I)⁻¹, L_i = s M F_i, R_j = F_j / (1 − F_j·M·F_j) and
    M = (FᵀF + feature_reg I)⁻¹ (see `factors.prior`). An item without events is alone in the Gram
    matrix: P_jj = 1 / (reg + w), and only the first term is left.

    A new item f is not part of M. By Sherman and Morrison, counting it in divides M f by 1 + h,
    with h = f·M·f, and multiplies its R by as much. So

    - its column, what known items say for it, is (P L)_i · f: the very numbers that training with
      the item in the catalogue gives, if it is the only new one;
    - its row, what it says for known items, is s (M f) / (1 + h) · R_i / (reg + w): those numbers
      but for its part in the denominator of R_i, which falls with its square.

    Several new items are placed as if each were the only one, so batches do not matter.

    Attributes:
        names: The features, in the order of their columns.
        inner: M of each.
        left: P L, by kept items.
        right: R, by kept items.
        share: s, the prior weight of one feature.
        scale: 1 / (reg + w).
    """

    names: tuple[str, ...]
    inner: tuple[Float[Array, "_ _"], ...]
    left: Float[Array, "kept dims"]
    right: Float[Array, "kept dims"]
    share: float
    scale: float

    def place(self, model: Model, features: Features, count: int) -> "PlacedItemWeights | None":
        """See `kinds.ItemPlacing.place`; the weights of the model are not copied."""
        assert isinstance(model, ItemWeights)
        sides = self.sides(features, count)
        return None if sides is None else PlacedItemWeights(model, *sides)

    def sides(
        self, features: Features, count: int
    ) -> tuple[Float[Array, "new dims"], Float[Array, "new dims"]] | None:
        """The left and right vectors of new items; None without any feature of theirs."""
        found = new_item_features(features, self.names, [len(m) for m in self.inner], count)
        if found is None:
            return None
        left, right = [], []
        for feature, inner in zip(found, self.inner, strict=True):
            vectors = np.where(feature.present[:, None], feature.vectors, np.float32(0))
            product = vectors @ inner
            own = np.einsum("id,id->i", product, vectors)
            left.append(product * (np.float32(self.share * self.scale) / (1 + own))[:, None])
            right.append(vectors)
        return np.hstack(left).astype(np.float32), np.hstack(right).astype(np.float32)


@dataclass(frozen=True, eq=False)
class PlacedItemWeights(Model):
    """Item weights with more items, whose rows and columns are products of thin matrices.

    The items of `base` come first, the placed ones after them. Weights between items of `base`
    stay as they are; a placed item says nothing for itself.

    Attributes:
        base: The trained model; its `placing` is an `ItemPrior`.
        left: For each placed item what it says for others, in the numbers of the features.
        right: What others say for it.
    """

    rests_on: ClassVar[Basis] = "history"

    base: ItemWeights
    left: Float[Array, "new dims"]
    right: Float[Array, "new dims"]

    @property
    def prior(self) -> ItemPrior:
        """That of the trained model."""
        assert isinstance(self.base.placing, ItemPrior), "only an ItemPrior places items so"
        return self.base.placing

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        history = query.history.matrix(self.base.decay, self.base.behaviors)
        known = history.shape[1] - len(self.left)
        old, new = history[:, :known], history[:, known:]
        kept = np.arange(known) if self.base.items is None else self.base.items
        scores = np.empty(history.shape, np.float32)
        scores[:, :known] = self.base.apply(old)
        said = np.asarray(new @ self.left)
        if new.nnz:
            rows = np.flatnonzero(np.diff(new.indptr))
            scores[np.ix_(rows, kept)] += said[rows] @ self.prior.right.T
        if self.base.items is not None:
            old = old[:, kept]
        heard = said + old @ self.prior.left
        scores[:, known:] = heard @ self.right.T - new.multiply(self._own[None]).toarray()
        return scores

    @property
    def _own(self) -> Float[Array, " new"]:
        """What placed items would say for themselves."""
        return np.asarray(np.einsum("id,id->i", self.left, self.right))

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`; a line sums to the score."""
        history = query.history.matrix(self.base.decay, self.base.behaviors)
        known = history.shape[1] - len(self.left)

        def part(entry: Int[Array, " n"], of: Int[Array, " n"]) -> Float[Array, " n"]:
            giver = history.indices[entry]
            weight = np.zeros(len(entry), np.float32)
            both = (giver < known) & (of < known)
            weight[both] = self.base.between(giver[both], of[both], known)
            thin = np.flatnonzero(~both & (giver != of))
            left = self._side(giver[thin], self.prior.left, self.left, known)
            right = self._side(of[thin], self.prior.right, self.right, known)
            weight[thin] = np.einsum("nd,nd->n", left, right)
            return np.asarray(weight * history.data[entry])

        return in_lines(history, item, part)

    def _side(
        self,
        row: Int[Array, " n"],
        old: Float[Array, "kept dims"],
        new: Float[Array, "new dims"],
        known: int,
    ) -> Float[Array, "n dims"]:
        """Rows of a side of the product; zero for known items without weights."""
        place = self.base.places(known)
        at = np.where(row < known, place[np.minimum(row, known - 1)], -1)
        vectors = np.zeros((len(row), new.shape[1]), np.float32)
        vectors[at >= 0] = old[at[at >= 0]]
        vectors[row >= known] = new[row[row >= known] - known]
        return vectors

    def with_items(self, features: Features, count: int) -> "PlacedItemWeights | None":
        """See `Model.with_items`."""
        sides = self.prior.sides(features, count)
        if sides is None:
            return None
        left, right = sides
        return replace(
            self,
            left=np.concatenate([self.left, left]),
            right=np.concatenate([self.right, right]),
        )
