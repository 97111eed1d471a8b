"""Item-to-item weights from the item features alone, as a product of low-rank matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.encode.features import AnyFeature, find_item_feature
from recweave.models.new_items import ItemPrior


@dataclass(frozen=True, eq=False)
class FeaturePrior:
    """Σ w_f · B_f = left @ rightᵀ, less its diagonal.

    B_f is EASE on a feature: the dimensions of the vectors take the place of users. It minimizes
    |Fᵀ − FᵀB|² + reg |B|² with a zero diagonal; F is items by dimensions. By the Woodbury identity,
    with M = (FᵀF + reg I)⁻¹ and h_j = F_j·M·F_j, it is F M Fᵀ diag(1 / (1 − h)) off the diagonal,
    so items² numbers are never in memory.

    Attributes:
        left, right: Items by the dimensions of all features.
        weight: Σ w_f, the prior weight.
        names: Names of the features, in the order of their columns.
        inner: M of each feature, (dim, dim), where dim is the length of its vectors.
    """

    left: Float[Array, "items dims"]
    right: Float[Array, "items dims"]
    weight: float
    names: tuple[str, ...] = ()
    inner: tuple[Float[Array, "_dim _dim"], ...] = ()

    @classmethod
    def of(
        cls,
        features: Mapping[str, AnyFeature],
        names: Sequence[str],
        weight: float,
        reg: float,
        kept: Int[Array, " items"],
    ) -> "FeaturePrior":
        """The prior of these features for the items `kept`; each feature has an equal weight.

        Raises:
            BadSetting: for a feature that does not exist, or is not of items.
        """
        if not names:
            return cls(*2 * (np.empty((len(kept), 0), np.float32),), weight=0.0)
        left, right, inners = [], [], []
        for name in names:
            vector = find_item_feature(features, name).vectors[kept]
            gram = vector.T.astype(np.float64) @ vector
            inner = np.linalg.inv(gram + reg * np.eye(len(gram))).astype(np.float32)
            left.append(vector @ inner * np.float32(weight / len(names)))
            right.append(right_side(vector, inner))
            inners.append(inner)
        return cls(np.hstack(left), np.hstack(right), weight, tuple(names), tuple(inners))

    @property
    def diagonal(self) -> Float[Array, " items"]:
        """The diagonal of left @ rightᵀ."""
        return np.asarray(np.einsum("id,id->i", self.left, self.right))

    def for_new_items(self, left: Float[Array, "items dims"], reg: float) -> ItemPrior | None:
        """Computes the weights of items that come after training; None without features.

        Args:
            left: P times the left side, where P is the inverse matrix of training.
            reg: The L2 penalty in P, without the prior weight.
        """
        if not self.names:
            return None
        return ItemPrior(
            self.names,
            self.inner,
            left,
            self.right,
            share=self.weight / len(self.names),
            scale=1 / (reg + self.weight),
        )


def right_side(
    vector: Float[Array, "items dim"], inner: Float[Array, "dim dim"]
) -> Float[Array, "items dim"]:
    """F_j / (1 − h_j): the right side of the product for these items."""
    own = np.einsum("id,id->i", vector @ inner, vector)
    return np.asarray(vector / (1 - own)[:, None])
