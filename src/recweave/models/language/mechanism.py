"""Whether a language model knows that numbers are near: measures of `Numbered` models."""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import spearmanr

from recweave.core.arrays import Array
from recweave.data.interactions import Histories
from recweave.models.language.numbered import NumberedItems
from recweave.models.nn.tensors import to_array

PAIRS = 100_000
"""Random pairs of numbers that a correlation is computed over."""
BATCH = 1024
"""Numbers read at a time."""
WITHIN = 5
"""Numbers at most so far apart are neighbours."""


def number_correlation(model: NumberedItems, seed: int = 0) -> float:
    """Spearman's correlation of |a − b| and the distance of the vectors of a and b.

    The vector of a number is the mean of the states of its tokens after the last block, read
    without context: a number is several tokens and has no embedding of its own. Over random pairs
    of items; 1 if the vectors are ordered as the numbers are, near 0 if they know no order.
    """
    net = model.network
    with torch.inference_mode():
        parts = np.array_split(model.number, -(-len(model.number) // BATCH))
        vectors = np.concatenate([to_array(net.number_states(part)) for part in parts])
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, len(model.number), (2, PAIRS))
    return _correlation(model.number, vectors, first, second)


def digit_correlation(model: NumberedItems) -> float:
    """The same over the 45 pairs of digits, by their input embeddings; NaN if digits are joined."""
    digit = model.network.text.tokens.digit
    if not len(digit):
        return float("nan")
    table = to_array(model.network.network.get_input_embeddings().weight)[digit]
    return _correlation(np.arange(10), table, *np.triu_indices(10, 1))


def adjacency(
    number: Int[Array, " items"], history: Histories, item: Int[Array, "users k"]
) -> float:
    """The share of recommended items whose number is at most 5 from that of the newest item.

    Args:
        number: The number of each item.
        history: Of the users; those without one are left out.
        item: Their lists; -1 at the end of short ones.
    """
    known = history.lengths > 0
    newest = history.item[history.start[1:][known] - 1]
    steps = np.abs(number[item[known]] - number[newest][:, None])
    return float((steps <= WITHIN)[item[known] >= 0].mean())


def _correlation(
    number: Int[Array, " n"],
    vectors: Float[Array, "n dim"],
    first: Int[Array, " pairs"],
    second: Int[Array, " pairs"],
) -> float:
    other = first != second
    first, second = first[other], second[other]
    distance = np.linalg.norm(vectors[first] - vectors[second], axis=1)
    return float(spearmanr(np.abs(number[first] - number[second]), distance).statistic)
