"""Item-to-item weights that the items' texts alone would give, as a product of thin matrices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.encode.features import Features, find_item_feature


@dataclass(frozen=True, eq=False)
class Toward:
    """Σ s_f · B_f = left @ rightᵀ, less its diagonal.

    B_f is the EASE of a feature, with the numbers of a vector in the place of users: it minimises
    |Fᵀ − FᵀB|² + reg |B|² with a diagonal of zeros, F holding items by numbers. By Woodbury's
    identity, with M = (FᵀF + reg I)⁻¹ and h_j = F_j·M·F_j, it is F M Fᵀ diag(1 / (1 − h)) off the
    diagonal, so items² numbers are never held.

    Attributes:
        left, right: Items by the numbers of all features.
        strength: Σ s_f.
    """

    left: Float[Array, "items dims"]
    right: Float[Array, "items dims"]
    strength: float

    @classmethod
    def of(
        cls,
        features: Features | None,
        names: Sequence[str],
        strength: float,
        reg: float,
        kept: Int[Array, " items"],
    ) -> "Toward":
        """The features' weights between the items `kept`, sharing the strength equally.

        Raises:
            BadSetting: for a feature that is not there, or is of users.
        """
        left, right = [], []
        for name in names:
            feature = find_item_feature(features, name)
            vector = feature.vectors[kept]
            gram = vector.T.astype(np.float64) @ vector
            inner = np.linalg.inv(gram + reg * np.eye(len(gram)))
            mapped = vector @ inner.astype(np.float32)
            own = np.einsum("id,id->i", mapped, vector)
            left.append(mapped * np.float32(strength / len(names)))
            right.append(vector / (1 - own)[:, None])
        if not names:
            return cls(*2 * (np.empty((len(kept), 0), np.float32),), strength=0.0)
        return cls(np.hstack(left), np.hstack(right), strength)

    @property
    def diagonal(self) -> Float[Array, " items"]:
        """That of left @ rightᵀ."""
        return np.asarray(np.einsum("id,id->i", self.left, self.right))
