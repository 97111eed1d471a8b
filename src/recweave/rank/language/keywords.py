"""A user's profile: the keywords that set a history apart, and its items that have each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.categories import encode_categories
from recweave.encode.features import Feature, Features, find_item_feature
from recweave.enrich.prompts import defused

LONGEST = 40
"""Characters of a keyword that are shown."""


@dataclass(frozen=True)
class Keyword:
    """One line of a profile.

    Attributes:
        name: The keyword.
        items: Rows of the items of the history that have it, oldest first.
        column: Its column in `ItemKeywords`.
    """

    name: str
    items: tuple[int, ...]
    column: int = -1


@dataclass(frozen=True, eq=False)
class ItemKeywords:
    """The keywords of items.

    Attributes:
        has: Items by keywords; 1 where the item has the keyword.
        names: Of the keywords, safe to show to a language model.
        rare: log((items + 1) / (items with the keyword + 1)), over the items of train: a keyword
            of all items says nothing.
    """

    has: Csr
    names: tuple[str, ...]
    rare: Float[Array, " keywords"]

    @classmethod
    def of(cls, feature: Feature | None, train: Interactions) -> "ItemKeywords":
        """Those of a feature with a name for each number; none without a feature."""
        items = train.shape[1]
        if feature is None or not feature.columns:
            return cls(_matrix(np.zeros((items, 0))), (), np.empty(0))
        has = _matrix(feature.vectors > 0)
        known = train.item_counts() > 0
        count: Array = np.asarray(has[known].sum(axis=0)).ravel()
        rare = np.log((known.sum() + 1) / (count + 1))
        return cls(has, tuple(map(_safe, feature.columns)), rare)

    def profile(self, history: Sequence[int] | Int[Array, " n"], most: int) -> tuple[Keyword, ...]:
        """The strongest keywords of a history, the most important first.

        A keyword's importance is the number of items that have it times how rare it is in the
        catalogue; of equal ones the first by name. A keyword of the same items as a stronger one is
        left out: a path of categories would fill the profile with one interest.

        Args:
            history: Rows of items, oldest first; each counts once.
            most: Keywords at most.
        """
        items = np.array(list(dict.fromkeys(int(item) for item in history)), np.int64)
        if not len(items) or not self.names or not most:
            return ()
        has = self.has[items]
        count = np.asarray(has.sum(axis=0)).ravel()
        present = np.flatnonzero((count > 0) & (self.rare > 0))
        importance = count[present] * self.rare[present]
        found: list[Keyword] = []
        same: set[tuple[int, ...]] = set()
        for column in present[np.lexsort((present, -importance))].tolist():
            support = tuple(int(items[row]) for row in has[:, [column]].nonzero()[0])
            if support not in same:
                same.add(support)
                found.append(Keyword(self.names[column], support, column))
            if len(found) == most:
                break
        return tuple(found)


def _safe(name: str) -> str:
    # A quote in a keyword could close or open that of a title.
    return defused(name, LONGEST).replace('"', "'")


def _matrix(has: Array) -> Csr:
    matrix: Csr = sparse.csr_array(has.astype(np.float32))
    return matrix


def keyword_feature(dataset: Dataset, features: Features, name: str) -> Feature | None:
    """The feature that keywords are read from; the catalogue's categories without a feature of it.

    Raises:
        UnknownName: if there is no such feature.
    """
    if name == "categories" and name not in features:
        return encode_categories(dataset) if len(dataset.items) else None
    return find_item_feature(features, name)
