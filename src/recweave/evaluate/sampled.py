"""Lists over a few drawn items: for comparing with papers that did so, and for nothing else.

A metric on a sample is not the metric on the catalogue made cheaper: it rewards other models.
Krichene & Rendle (KDD 2020) show that sampling can turn the order of two systems round for every
metric but AUC, and that small samples make all metrics the same. Hence the name `sampled_…@k`,
which no default ever asks for.
"""

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions


def draw_candidates(
    known: Interactions,
    held: Interactions,
    user: Int[Array, " users"],
    *,
    negatives: int,
    seed: int,
) -> Int[Array, "users some"]:
    """Each user's held-out items with `negatives` others, filled up with -1.

    The others are drawn alike from all items that the user has neither in `known` nor in `held`,
    without repeats. Order says nothing about which is which: lists break ties by item row.

    Raises:
        BadSetting: if some user has fewer such items than asked for.
    """
    items = known.shape[1]
    taken = known.matrix(values=False) + held.matrix(values=False)
    most = int(np.diff(taken.indptr)[user].max(initial=0))
    if not 1 <= negatives <= items - most:
        raise BadSetting(
            f"{negatives} negatives cannot be drawn: some user has events with {most:,} of the "
            f"{items:,} items; draw 1 to {items - most:,}, or rank the whole catalogue"
        )
    start = np.concatenate([[0], np.cumsum(np.diff(taken.indptr)[user])])
    row = np.repeat(np.arange(len(user)), np.diff(start))
    place = taken.indptr[user][row] + np.arange(len(row)) - start[row]
    keys = np.sort(row * items + taken.indices[place])
    rng = np.random.default_rng(seed)
    drawn = rng.integers(items, size=(len(user), negatives))
    while (bad := _known(drawn, keys, items) | _repeated(drawn)).any():
        drawn[bad] = rng.integers(items, size=int(bad.sum()))
    return np.hstack([_padded(Histories.of(held, user)), drawn]).astype(np.int32)


def _known(
    drawn: Int[Array, "users some"], keys: Int[Array, " pairs"], items: int
) -> Bool[Array, "users some"]:
    asked = np.arange(len(drawn))[:, None] * items + drawn
    return np.isin(asked, keys)


def _repeated(drawn: Int[Array, "users some"]) -> Bool[Array, "users some"]:
    """All but the first of equal numbers in a row."""
    order = np.argsort(drawn, axis=1, kind="stable")
    ordered = np.take_along_axis(drawn, order, axis=1)
    repeated = np.zeros(drawn.shape, bool)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return repeated


def _padded(histories: Histories) -> Int[Array, "users some"]:
    lengths = histories.lengths
    padded = np.full((len(histories), int(lengths.max(initial=0))), -1)
    row = histories.row_numbers()
    padded[row, np.arange(len(row)) - histories.start[row]] = histories.item
    return padded
