"""The one currency between retrieval, stages, metrics and routes: a list for each asker."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxtyping import Float, Int

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
        score: What ordered them; -inf where there is no item. Not comparable between models.
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

    def top(self, k: int) -> "Ranking":
        """The first k of each list."""
        return replace(self, item=self.item[:, :k], score=self.score[:, :k])


Stage = Callable[[Ranking], Ranking]
"""A step after retrieval: re-rank, filter or diversify. It may drop items but not add any."""
