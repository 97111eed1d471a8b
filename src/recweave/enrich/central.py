"""Central sentences that do not repeat each other."""

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array

TRADE = 0.7
SAME = 0.9
MOST = 200


def centre(
    vectors: Float[Array, "sentences dim"], text: Int[Array, " sentences"]
) -> Float[Array, " dim"]:
    """The mean over texts of the mean over their sentences, so that a long text counts as one."""
    weight = 1 / np.bincount(text)[text]
    mean = weight.astype(np.float32) @ vectors
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))


def central(
    vectors: Float[Array, "sentences dim"],
    to: Float[Array, " dim"],
    sizes: Int[Array, " sentences"],
    room: int,
    most: int = MOST,
) -> list[int]:
    """Positions of sentences near a centre and different from each other, in order of choice.

    Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): the next sentence has the
    largest `TRADE` · cosine to the centre − (1 − `TRADE`) · largest cosine to one taken. A sentence
    whose cosine to one taken exceeds `SAME` says the same and is never taken; one that has more
    words than are left is skipped. Only the `MOST` sentences nearest to the centre are candidates.
    Ties by position.

    Args:
        vectors: Of unit length.
        to: The centre, of unit length.
        sizes: Of the sentences, in words.
        room: Words of all sentences taken, at most.
        most: Sentences taken, at most.
    """
    near = vectors @ to
    nearest_first = np.argsort(-near, kind="stable")[:MOST]
    relevance, candidates, size = (
        TRADE * near[nearest_first],
        vectors[nearest_first],
        sizes[nearest_first],
    )
    nearest = np.zeros(len(nearest_first), np.float32)
    free = size <= room
    taken: list[int] = []
    while len(taken) < most and free.any():
        best = int(np.where(free, relevance - (1 - TRADE) * nearest, -np.inf).argmax())
        taken.append(int(nearest_first[best]))
        room -= int(size[best])
        cosine = candidates @ candidates[best]
        nearest = np.maximum(nearest, cosine)
        free &= (cosine <= SAME) & (size <= room)
        free[best] = False
    return taken
