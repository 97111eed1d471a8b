"""Orders in which candidates are written, so that their position in a prompt tells nothing."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array


def shuffles(
    candidates: int, orders: int, seed: int, shown: Sequence[int]
) -> Iterator[Int[Array, " candidates"]]:
    """Random orders of the candidates of one prompt.

    They depend on the seed and the items of the history, not on who else is asked for or in which
    batch: a list is the same each time.
    """
    digest = hashlib.sha256(repr(list(shown)).encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
    for _ in range(orders):
        yield rng.permutation(candidates)


def position_correlation(order: Int[Array, " n"], score: Float[Array, " n"]) -> float:
    """Spearman's correlation of the position in the prompt and the rank by score.

    Args:
        order: Candidates in the order of the prompt.
        score: Of the candidates, higher is better.

    Returns:
        In [-1, 1]: 1 where the first candidates of the prompt are ranked first; 0 where all scores
        are equal, or there are fewer than two.
    """
    if len(order) < 2 or (score == score[0]).all():
        return 0.0
    position = np.empty(len(order))
    position[order] = np.arange(len(order))
    _, inverse, count = np.unique(-score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count + 1) / 2)[inverse]  # ties share their mean rank
    return float(np.corrcoef(position, rank)[0, 1])
