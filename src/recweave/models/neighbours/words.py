"""Likeness in words beside likeness in ratings."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr, unit_rows
from recweave.encode.features import Feature

SAME = 1e-6
"""Lengths and differences of cosines below this are rounding."""


@dataclass(frozen=True, eq=False)
class Words:
    """Fuses the likeness q of ratings with the likeness t of texts.

    w = α q + (1 − α) · s · norm(t), over the candidates of one target. norm is min-max over those
    with a text, 1 where all are alike; it makes t = cos as good as (1 + cos) / 2. s is the largest
    |q| among the candidates, so that both have one scale. (It could be norm(q) for q, and 1 for s.
    Take q's natural minimum, 0 for nothing in common, as the minimum, and norm(q) is q / s; then
    both differ by the factor s, which a weighted mean does not feel.) Where one of a pair has no
    text, w = q. Where no candidate has anything in common with the target, s is 1 and texts alone
    decide.

    So α = 1 gives the weights of ratings alone, to the bit, and α near 1 nearly those. Two things
    jump there, as any weight above 0 is heard: a target with nothing in common with any candidate
    has neighbours below 1 and falls back to means at 1; and users who are unlike (q < 0), heard
    for want of `k` others, give way to any likeness in words.

    Attributes:
        direction: Texts' vectors less their mean, of length 1; zero for those without a text.
        alpha: The share of the ratings.
    """

    direction: Float[Array, "rows dim"]
    alpha: float

    def fuse(
        self,
        similar: Float[Array, "targets candidates"],
        target: Int[Array, " targets"],
        candidate: Int[Array, " candidates"],
    ) -> Float[Array, "targets candidates"]:
        """The likeness of ratings with that of words counted in.

        Args:
            similar: q; -inf, which stays, for who is no candidate.
            target: Rows of the targets, -1 for somebody without a text.
            candidate: Rows of the candidates.
        """
        ours = np.where(target[:, None] < 0, np.float32(0), self.direction[target])
        theirs = self.direction[candidate]
        there = similar > -np.inf
        told = there & np.any(ours, axis=1, keepdims=True) & np.any(theirs, axis=1)
        text = cosines(ours, theirs)
        low = text.min(axis=1, where=told, initial=1, keepdims=True)
        spread = text.max(axis=1, where=told, initial=-1, keepdims=True) - low
        norm = np.divide(text - low, spread, out=np.ones_like(text), where=spread > SAME)
        reach = np.abs(similar).max(axis=1, where=there, initial=0, keepdims=True)
        scale = np.where(reach > 0, reach, 1) * (1 - self.alpha)
        heard = np.where(told, similar, 0) * self.alpha + scale * norm
        return np.where(told, heard, similar).astype(np.float32)


def directions(feature: Feature) -> Float[Array, "rows dim"]:
    """A feature's vectors less their mean, of length 1; zero for none, and for one at the mean."""
    return directions_about(feature, mean_vector(feature))


def mean_vector(feature: Feature) -> Float[Array, " dim"]:
    """The mean of the vectors that are present; zero for none."""
    if not feature.present.any():
        return np.zeros(feature.vectors.shape[1], np.float32)
    mean = feature.vectors[feature.present].mean(axis=0, dtype=np.float64)
    return np.asarray(mean, np.float32)


def directions_about(feature: Feature, mean: Float[Array, " dim"]) -> Float[Array, "rows dim"]:
    """A feature's vectors less a mean, of length 1; zero for none, and for one at the mean."""
    centred = np.where(feature.present[:, None], feature.vectors - mean, 0)
    return unit_rows(centred, SAME).astype(np.float32)


def cosines(
    ours: Float[Array, "rows dim"], theirs: Float[Array, "others dim"]
) -> Float[Array, "rows others"]:
    """Products of unit vectors, float32; equal for equal vectors, wherever they stand.

    BLAS adds up by place, so in float32 equal texts would differ in the last bits, and ties go by
    these instead of by row.
    """
    return np.asarray(ours.astype(np.float64) @ theirs.T, np.float32)


def averaged(feature: Feature, had: Csr) -> Feature:
    """Vectors of users: the mean of those of the items they had.

    Args:
        feature: Of items.
        had: Users by items, 1 for what they had.
    """
    told = had[:, feature.present]
    count = np.diff(told.indptr)
    total = told @ feature.vectors[feature.present]
    return Feature(
        vectors=total / np.maximum(count, 1).astype(np.float32)[:, None],
        present=count > 0,
        encoder=f"{feature.encoder}/mean",
        source=f"items of users: {feature.source}",
        of="user",
    )
