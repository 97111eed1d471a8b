"""Item weights of items that came after training (cold items), from the prior of their features."""

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
from recweave.models.reasons import contributions


@dataclass(frozen=True, eq=False)
class ItemPrior:
    """The feature prior of item weights, saved so that cold items get weights too.

    The weights of EASE and SLIT with features are B_ij = (P L)_i · R_j + (a term of the events),
    with P = (Gram matrix + (reg + w) I)⁻¹, L_i = s M F_i, R_j = F_j / (1 − F_j·M·F_j) and
    M = (FᵀF + feature_reg I)⁻¹ (see `factors.prior`). For an item without events the Gram matrix
    is 0 in its row and column: P_jj = 1 / (reg + w), and only the first term remains.

    A new item with features f is not part of M. By the Sherman-Morrison formula, adding it divides
    M f by 1 + h, with h = f·M·f, and multiplies its R by 1 + h. So

    - its column, the weights from known items, is (P L)_i · f: exactly the numbers that training
      with the item in the catalogue gives, if it is the only new item;
    - its row, the weights to known items, is s (M f) / (1 + h) · R_i / (reg + w): these numbers
      except for its part in the denominator of R_i, which is of second order.

    Several new items are added as if each were the only one, so batches do not matter.

    Attributes:
        names: Names of the features, in the order of their columns.
        inner: M of each feature.
        left: P L, by items with weights.
        right: R, by items with weights.
        share: s, the prior weight of one feature.
        scale: 1 / (reg + w).
    """

    names: tuple[str, ...]
    inner: tuple[Float[Array, "_ _"], ...]
    left: Float[Array, "kept dims"]
    right: Float[Array, "kept dims"]
    share: float
    scale: float

    def extend(self, model: Model, features: Features, count: int) -> "ExtendedItemWeights | None":
        """See `kinds.ItemExtender.extend`; the weights of the model are not copied."""
        assert isinstance(model, ItemWeights)
        sides = self.sides(features, count)
        return None if sides is None else ExtendedItemWeights(model, *sides)

    def sides(
        self, features: Features, count: int
    ) -> tuple[Float[Array, "new dims"], Float[Array, "new dims"]] | None:
        """The left and right vectors of new items; None if all features are missing."""
        dims = [len(inner) for inner in self.inner]
        new_features = new_item_features(features, self.names, dims, count)
        if new_features is None:
            return None
        left, right = [], []
        for feature, inner in zip(new_features, self.inner, strict=True):
            vectors = np.where(feature.present[:, None], feature.vectors, np.float32(0))
            product = vectors @ inner
            own = np.einsum("id,id->i", product, vectors)
            left.append(product * (np.float32(self.share * self.scale) / (1 + own))[:, None])
            right.append(vectors)
        return np.hstack(left).astype(np.float32), np.hstack(right).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ExtendedItemWeights(Model):
    """Item weights with new items, whose rows and columns are products of low-rank matrices.

    The items of `base` come first, the new items after them. Weights between items of `base` do
    not change; the weight of a new item to itself is 0.

    Attributes:
        base: The trained model; its `placing` is an `ItemPrior`.
        left: Factor of the weights from each new item to others, by columns of the features.
        right: Factor of the weights from others to each new item.
    """

    rests_on: ClassVar[Basis] = "history"

    base: ItemWeights
    left: Float[Array, "new dims"]
    right: Float[Array, "new dims"]

    @property
    def prior(self) -> ItemPrior:
        """The prior of the trained model."""
        assert isinstance(self.base.placing, ItemPrior), "only an ItemPrior gives these weights"
        return self.base.placing

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        history = query.history.matrix(self.base.decay, self.base.behaviors)
        known = history.shape[1] - len(self.left)
        old, new = history[:, :known], history[:, known:]
        kept = np.arange(known) if self.base.items is None else self.base.items
        scores = np.empty(history.shape, np.float32)
        scores[:, :known] = self.base.apply(old)
        from_new = np.asarray(new @ self.left)
        if new.nnz:
            rows = np.flatnonzero(np.diff(new.indptr))
            scores[np.ix_(rows, kept)] += from_new[rows] @ self.prior.right.T
        if self.base.items is not None:
            old = old[:, kept]
        from_all = from_new + old @ self.prior.left
        scores[:, known:] = from_all @ self.right.T - new.multiply(self._own[None]).toarray()
        return scores

    @property
    def _own(self) -> Float[Array, " new"]:
        """The weights of new items to themselves, which are subtracted."""
        return np.asarray(np.einsum("id,id->i", self.left, self.right))

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`; a row sums to the score."""
        history = query.history.matrix(self.base.decay, self.base.behaviors)
        known = history.shape[1] - len(self.left)

        def part(entry: Int[Array, " n"], target: Int[Array, " n"]) -> Float[Array, " n"]:
            source = history.indices[entry]
            weight = np.zeros(len(entry), np.float32)
            both = (source < known) & (target < known)
            weight[both] = self.base.weight_of_pairs(source[both], target[both], known)
            other = np.flatnonzero(~both & (source != target))
            left = self._side(source[other], self.prior.left, self.left, known)
            right = self._side(target[other], self.prior.right, self.right, known)
            weight[other] = np.einsum("nd,nd->n", left, right)
            return np.asarray(weight * history.data[entry])

        return contributions(history, item, part)

    def _side(
        self,
        row: Int[Array, " n"],
        old: Float[Array, "kept dims"],
        new: Float[Array, "new dims"],
        known: int,
    ) -> Float[Array, "n dims"]:
        """Rows of one factor of the product; zero for known items without weights."""
        matrix_row = self.base.matrix_rows(known)
        at = np.where(row < known, matrix_row[np.minimum(row, known - 1)], -1)
        vectors = np.zeros((len(row), new.shape[1]), np.float32)
        vectors[at >= 0] = old[at[at >= 0]]
        vectors[row >= known] = new[row[row >= known] - known]
        return vectors

    def with_items(self, features: Features, count: int) -> "ExtendedItemWeights | None":
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
