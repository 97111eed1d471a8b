"""The one currency between retrieval, stages, metrics and routes: a list for each asker."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.models.query import Query

PAD = -1
"""The item that fills a list which is shorter than k; its score is -inf."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Lists of items, best first.

    Attributes:
        query: Who asked; row r of the lists is theirs.
        item: Rows of items, filled with -1 at the end.
        score: What ordered them, never rising along a list; -inf where there is no item. Not
            comparable between models.
    """

    query: Query
    item: Int[Array, "users k"]
    score: Float[Array, "users k"]

    def __len__(self) -> int:
        return len(self.item)

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.item.shape[1])

    @property
    def filled(self) -> Bool[Array, "users k"]:
        """Where there is an item."""
        return np.asarray(self.item != PAD)

    def top(self, k: int) -> "Ranking":
        """The first k of each list."""
        return replace(self, item=self.item[:, :k], score=self.score[:, :k])

    def only(self, kept: Bool[Array, "users k"]) -> "Ranking":
        """Some of the places; what is left moves up and the ends are filled."""
        order = np.argsort(~kept, axis=1, kind="stable")
        item = np.where(kept, self.item, PAD)
        score = np.where(kept, self.score, -np.inf)
        return replace(
            self,
            item=np.take_along_axis(item, order, axis=1),
            score=np.take_along_axis(score, order, axis=1),
        )

    def ordered_by(self, score: Float[Array, "users k"]) -> "Ranking":
        """The same items by other scores, largest first; equal ones keep the order they had."""
        score = np.where(self.filled, score, -np.inf)
        order = np.argsort(-score, axis=1, kind="stable")
        return replace(
            self,
            item=np.take_along_axis(self.item, order, axis=1),
            score=np.take_along_axis(score, order, axis=1).astype(np.float32),
        )

    def scaled(self) -> Float[Array, "users k"]:
        """Scores on one scale: 1 for the first of a list, 0 for its last, in between in proportion.

        All are 1 where they are equal. What is not there has 0.
        """
        # An infinite score is above all others, but a proportion needs numbers.
        score = np.minimum(self.score.astype(np.float64), np.finfo(np.float32).max)
        low = np.where(self.filled, score, np.inf).min(axis=1, keepdims=True, initial=np.inf)
        height = np.where(self.filled, score - low, 0.0)
        highest = height.max(axis=1, keepdims=True, initial=0.0)
        level = np.where(self.filled, 1.0, 0.0)
        return np.asarray(np.divide(height, highest, out=level, where=highest > 0))


Stage = Callable[[Ranking], Ranking]
"""A step after retrieval: re-rank, filter or diversify. It may drop items but not add any."""
