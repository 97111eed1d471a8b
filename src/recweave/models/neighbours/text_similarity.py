"""Text similarity, combined with the similarity of ratings."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr, unit_rows
from recweave.encode.features import Feature

ROUNDING = 1e-6
"""Lengths and differences of cosines below this are rounding errors."""


@dataclass(frozen=True, eq=False)
class TextSimilarity:
    """Combines the similarity q of ratings with the similarity t of texts.

    The combined weight is w = α q + (1 − α) · s · norm(t), over the candidates of one target.
    norm is the min-max normalization over the candidates that have a text; it is 1 where all these
    have equal similarity. So t = cos gives the same result as t = (1 + cos) / 2. s is the largest
    |q| among the candidates, so both terms have the same scale. Where one of a pair has no text,
    w = q. Where no candidate has a rating in common with the target, s is 1 and only the texts
    decide.

    α = 1 gives exactly the weights of the ratings alone. α near 1 gives nearly these, with two
    exceptions, because every neighbour with a weight above 0 is used: a target that has nothing in
    common with any candidate falls back to means at α = 1 but has neighbours below it; and
    dissimilar users (q < 0), which are used when there are fewer than `k` others, are replaced by
    users with any text similarity.

    Attributes:
        direction: Vectors of the texts minus their mean, of length 1; zero where there is no text.
        alpha: The weight of the ratings, in [0, 1].
    """

    direction: Float[Array, "rows dim"]
    alpha: float

    def fuse(
        self,
        similar: Float[Array, "targets candidates"],
        target: Int[Array, " targets"],
        candidate: Int[Array, " candidates"],
    ) -> Float[Array, "targets candidates"]:
        """The similarity of ratings combined with the similarity of texts.

        Args:
            similar: q. -inf marks a pair that is no candidate; it stays -inf.
            target: Rows of the targets, -1 for one without a text.
            candidate: Rows of the candidates.
        """
        target_text = np.where(target[:, None] < 0, np.float32(0), self.direction[target])
        candidate_text = self.direction[candidate]
        is_candidate = similar > -np.inf
        has_text = np.any(target_text, axis=1, keepdims=True) & np.any(candidate_text, axis=1)
        has_text = is_candidate & has_text
        text = cosines(target_text, candidate_text)
        low = text.min(axis=1, where=has_text, initial=1, keepdims=True)
        size = text.max(axis=1, where=has_text, initial=-1, keepdims=True) - low
        norm = np.divide(text - low, size, out=np.ones_like(text), where=size > ROUNDING)
        largest = np.abs(similar).max(axis=1, where=is_candidate, initial=0, keepdims=True)
        scale = np.where(largest > 0, largest, 1) * (1 - self.alpha)
        combined = np.where(has_text, similar, 0) * self.alpha + scale * norm
        return np.where(has_text, combined, similar).astype(np.float32)


def centered_directions(feature: Feature) -> Float[Array, "rows dim"]:
    """Vectors minus their mean, of length 1; zero where there is none, or where it is the mean."""
    return directions_from_mean(feature, mean_vector(feature))


def mean_vector(feature: Feature) -> Float[Array, " dim"]:
    """The mean of the vectors that are present; zero if there is none."""
    if not feature.present.any():
        return np.zeros(feature.vectors.shape[1], np.float32)
    mean = feature.vectors[feature.present].mean(axis=0, dtype=np.float64)
    return np.asarray(mean, np.float32)


def directions_from_mean(feature: Feature, mean: Float[Array, " dim"]) -> Float[Array, "rows dim"]:
    """Vectors minus the given mean, of length 1; zero where there is none, or it is the mean."""
    centered = np.where(feature.present[:, None], feature.vectors - mean, 0)
    return unit_rows(centered, ROUNDING).astype(np.float32)


def cosines(
    one: Float[Array, "rows dim"], other: Float[Array, "others dim"]
) -> Float[Array, "rows others"]:
    """Dot products of unit vectors, float32; equal for equal vectors, at any row and column.

    BLAS sums in an order that depends on the position. In float32, equal texts would therefore
    differ in the last bits, and these bits would break ties instead of the row number.
    """
    return np.asarray(one.astype(np.float64) @ other.T, np.float32)


def user_means(feature: Feature, consumed: Csr) -> Feature:
    """Vectors of users: the mean of the vectors of the items that they consumed.

    Args:
        feature: Vectors of items.
        consumed: Users by items, 1 where the user consumed the item.
    """
    with_vector = consumed[:, feature.present]
    count = np.diff(with_vector.indptr)
    total = with_vector @ feature.vectors[feature.present]
    return Feature(
        vectors=total / np.maximum(count, 1).astype(np.float32)[:, None],
        present=count > 0,
        encoder=f"{feature.encoder}/mean",
        source=f"items of users: {feature.source}",
        of="user",
    )
