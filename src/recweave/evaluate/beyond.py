"""Beyond-accuracy metrics of lists: diversity, novelty, coverage, popularity.

Some give one value per user (the mean is over users whose list has a value), some one number for
all lists together. Padding is ignored. None of them uses the held-out events, so they do not
measure whether a list is accurate.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories
from recweave.evaluate.catalogue import Catalogue

Lists = Int[Array, "users k"]
PerUser = Float[Array, " users"]
T = TypeVar("T")

ROWS = 65_536
"""Users whose sums of vectors are in memory at a time."""


def popularity(lists: Lists, catalogue: Catalogue) -> PerUser:
    """Mean number of train events of the listed items; its mean over users is ARP.

    From 0 up; NaN for an empty list. (Yin et al., VLDB 2012)
    """
    return _mean(lists, catalogue.events)


def novelty(lists: Lists, catalogue: Catalogue) -> PerUser:
    """Mean self-information of the listed items, in bits: −log2(share of users who have it).

    The share is of the users with any training event; an item without users counts as one with one
    user, so that values stay in [0, log2 users]. NaN for an empty list. (Zhou et al., PNAS 2010)
    """
    share = np.maximum(catalogue.owners, 1) / max(catalogue.users, 1)
    return _mean(lists, -np.log2(share))


def tail_share(lists: Lists, catalogue: Catalogue) -> PerUser:
    """Share of the listed items that are not among the popular ones (`Catalogue.head`), in [0, 1].

    NaN for an empty list.
    """
    return _mean(lists, ~catalogue.head)


def intra_list_diversity(lists: Lists, catalogue: Catalogue) -> PerUser:
    """Mean of 1 − cosine over the pairs of a list's items, in [0, 2] (ILD@k).

    Items without a vector are left out; NaN for a list with fewer than two that have one.
    (Smyth & McClave, ICCBR 2001)
    """
    vectors = _required(catalogue.vectors, "ild", "vectors")
    listed = _incidence(lists, len(vectors))
    squares = [
        np.square(listed[first : first + ROWS] @ vectors).sum(axis=1, dtype=np.float64)
        for first in range(0, len(lists), ROWS)
    ]
    size = listed @ np.asarray(vectors.any(axis=1), np.float64)
    # ‖Σ v‖² is the sum of the cosines of all ordered pairs, each item with itself included.
    pairs = np.where(size > 1, size * (size - 1), np.nan)
    return np.asarray(1 - (np.concatenate([*squares, np.empty(0)]) - size) / pairs)


def category_entropy(lists: Lists, catalogue: Catalogue) -> PerUser:
    """Shannon entropy of the categories of a list, divided by its maximum (uniform categories).

    In [0, 1]; the base of the logarithm cancels. An item of several categories counts in equal
    parts for each. NaN for a list without categories, or where the catalogue has fewer than two.
    """
    has = _required(catalogue.categories, "category_entropy", "categories")
    weights: Csr = sparse.csr_array(_incidence(lists, has.shape[0]) @ _category_parts(has))
    row = np.repeat(np.arange(len(lists)), np.diff(weights.indptr))
    total = np.bincount(row, weights=weights.data, minlength=len(lists))
    share = weights.data / total[row]
    entropy = np.bincount(row, weights=-share * np.log(share), minlength=len(lists))
    most = np.log(has.shape[1]) if has.shape[1] > 1 else np.nan
    return np.where(total > 0, entropy / most, np.nan)


def personalization(lists: Lists, history: Histories, catalogue: Catalogue) -> PerUser:
    """How alike the categories of a list and of its user's history are, in [0, 1].

    The generalized Jaccard similarity Σ_c min(p_c, q_c) / Σ_c max(p_c, q_c) of their shares of each
    category c. An item of several categories counts in equal parts for each, one read twice counts
    twice. NaN where the list or the history has no categories.
    """
    parts = _category_parts(_required(catalogue.categories, "personalization", "categories"))
    read = sparse.csr_array(
        (np.ones(len(history.item)), history.item, history.start),
        shape=(len(history), history.items),
    )
    ours, theirs = (_shares(listed @ parts) for listed in (_incidence(lists, history.items), read))
    # |p - q| sums to 2 - 2 Σ min, and Σ min + Σ max is 2.
    shared = 1 - np.asarray(abs(ours - theirs).sum(axis=1)).ravel() / 2
    both = (np.diff(ours.indptr) > 0) & (np.diff(theirs.indptr) > 0)
    return np.where(both, shared / (2 - shared), np.nan)


def coverage(lists: Lists, catalogue: Catalogue) -> float:
    """Share of the catalogue's items that are in at least one list, in [0, 1]."""
    return float((_exposure(lists, catalogue) > 0).mean())


def category_coverage(lists: Lists, catalogue: Catalogue) -> float:
    """Share of the catalogue's categories with an item in at least one list."""
    has = _required(catalogue.categories, "category_coverage", "categories")
    if not has.shape[1]:
        return float("nan")
    shown = _exposure(lists, catalogue) > 0
    return float((shown.astype(np.float64) @ has > 0).mean())


def gini(lists: Lists, catalogue: Catalogue) -> float:
    """Gini coefficient of how often each item of the catalogue is listed; lower is more even.

    0 if all items are listed equally often, 1 − 1/items if only one item is listed; NaN if nothing
    is listed. Items that are never listed count.
    """
    shown = np.sort(_exposure(lists, catalogue))
    n = len(shown)
    weight = 2 * np.arange(1, n + 1) - n - 1
    return float((weight @ shown) / (n * shown.sum())) if shown.any() else float("nan")


PER_LIST: Mapping[str, Callable[[Lists, Catalogue], PerUser]] = {
    "popularity": popularity,
    "novelty": novelty,
    "tail_share": tail_share,
    "ild": intra_list_diversity,
    "category_entropy": category_entropy,
}

PER_HISTORY: Mapping[str, Callable[[Lists, Histories, Catalogue], PerUser]] = {
    "personalization": personalization,
}

ALL_LISTS: Mapping[str, Callable[[Lists, Catalogue], float]] = {
    "coverage": coverage,
    "category_coverage": category_coverage,
    "gini": gini,
}


def _mean(lists: Lists, value: Array) -> PerUser:
    filled = lists >= 0
    size = filled.sum(axis=1)
    total = np.where(filled, value[lists], 0).sum(axis=1, dtype=np.float64)
    return np.asarray(total / np.where(size > 0, size, np.nan))


def _category_parts(has: Csr) -> Csr:
    """The part of each item that each of its categories gets."""
    size = np.diff(has.indptr)
    return sparse.csr_array(
        (np.repeat(1 / np.maximum(1, size), size), has.indices, has.indptr), shape=has.shape
    )


def _shares(weights: Csr) -> Csr:
    """Rows divided by their sum; rows without entries stay."""
    table: Csr = weights.astype(np.float64)
    row = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    total = np.bincount(row, weights=table.data, minlength=table.shape[0])
    return sparse.csr_array((table.data / total[row], table.indices, table.indptr), table.shape)


def _incidence(lists: Lists, items: int) -> Csr:
    filled = lists >= 0
    start = np.concatenate([[0], np.cumsum(filled.sum(axis=1))])
    ones = np.ones(start[-1], np.float32)
    return sparse.csr_array((ones, lists[filled], start), shape=(len(lists), items))


def _exposure(lists: Lists, catalogue: Catalogue) -> Int[Array, " items"]:
    return np.bincount(lists[lists >= 0], minlength=len(catalogue.events))


def _required(value: T | None, metric: str, what: str) -> T:
    if value is None:
        raise BadSetting(
            f"{metric} needs the items' {what}; give them to Catalogue.of(train, {what}=...)"
        )
    return value
