"""Sampled metrics: lists over a few sampled items, only for comparison with papers that use them.

A sampled metric is not a cheap estimate of the metric on the whole catalogue. Krichene & Rendle
(KDD 2020) show that sampling can reverse the order of two systems for every metric except AUC, and
that with small samples all metrics become the same. So these metrics have the name `sampled_…@k`,
and no default uses them.
"""

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions


def sample_candidates(
    known: Interactions,
    held_out: Interactions,
    user: Int[Array, " users"],
    *,
    negatives: int,
    seed: int,
) -> Int[Array, "users n"]:
    """Each user's held-out items and `negatives` other items, padded with -1.

    The negatives are sampled uniformly, without replacement, from all items that the user has
    neither in `known` nor in `held_out`. Their order does not matter: lists break ties by item row.

    Raises:
        BadSetting: if some user has fewer such items.
    """
    items = known.shape[1]
    positives = known.matrix(values=False) + held_out.matrix(values=False)
    most = int(np.diff(positives.indptr)[user].max(initial=0))
    if not 1 <= negatives <= items - most:
        raise BadSetting(
            f"{negatives} negatives cannot be sampled: some user has events with {most:,} of the "
            f"{items:,} items; use 1 to {items - most:,}, or rank the whole catalogue"
        )
    start = np.concatenate([[0], np.cumsum(np.diff(positives.indptr)[user])])
    row = np.repeat(np.arange(len(user)), np.diff(start))
    entry = positives.indptr[user][row] + np.arange(len(row)) - start[row]
    keys = np.sort(row * items + positives.indices[entry])
    rng = np.random.default_rng(seed)
    sampled = rng.integers(items, size=(len(user), negatives))
    while (invalid := _known(sampled, keys, items) | _repeated(sampled)).any():
        sampled[invalid] = rng.integers(items, size=int(invalid.sum()))
    return np.hstack([_padded(Histories.of(held_out, user)), sampled]).astype(np.int32)


def _known(
    sampled: Int[Array, "users n"], keys: Int[Array, " pairs"], items: int
) -> Bool[Array, "users n"]:
    pairs = np.arange(len(sampled))[:, None] * items + sampled
    return np.isin(pairs, keys)


def _repeated(sampled: Int[Array, "users n"]) -> Bool[Array, "users n"]:
    """All but the first of equal numbers in a row."""
    order = np.argsort(sampled, axis=1, kind="stable")
    ordered = np.take_along_axis(sampled, order, axis=1)
    repeated = np.zeros(sampled.shape, bool)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return repeated


def _padded(histories: Histories) -> Int[Array, "users n"]:
    lengths = histories.lengths
    padded = np.full((len(histories), int(lengths.max(initial=0))), -1)
    row = histories.row_numbers()
    padded[row, np.arange(len(row)) - histories.start[row]] = histories.item
    return padded
