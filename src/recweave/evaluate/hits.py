"""Which places of a list hold what its user did later: the one table that accuracy is read from."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.lists import pair_keys
from recweave.data.interactions import Interactions
from recweave.rank import Ranking

Hits = Bool[Array, "users k"]
"""Whether the item at each place was held out; False where a list has ended."""


@dataclass(frozen=True, eq=False)
class Relevant:
    """The held-out items of each user, every pair once however often it occurs.

    Attributes:
        pair: `user * items + item`, ascending.
        event: The first held-out event of each pair, a row of the log.
        count: Relevant items of each user.
        items: Size of the catalogue.
    """

    pair: Int[Array, " pairs"]
    event: Int[Array, " pairs"]
    count: Int[Array, " all_users"]
    items: int

    @classmethod
    def of(cls, held: Interactions, at_least: float | None = None) -> "Relevant":
        """From held-out events, or only from those of a value of `at_least`.

        A pair that occurs more than once is relevant if any of its events reaches the value.
        """
        users, items = held.shape
        rows = np.arange(len(held)) if at_least is None else np.flatnonzero(held.value >= at_least)
        keys = pair_keys(held.user[rows], held.item[rows], items)
        pair, first = np.unique(keys, return_index=True)
        count = np.bincount(pair // items, minlength=users)
        return cls(pair=pair, event=rows[first], count=count, items=items)

    def counts(self, user: Int[Array, " users"]) -> Int[Array, " users"]:
        """Relevant items of these users; 0 for somebody who is not in the log (-1)."""
        return np.where(user >= 0, self.count[user], 0)

    def places(self, ranking: Ranking) -> Int[Array, "users k"]:
        """Where in `event` the pair at each place of the lists is found, -1 where it is not.

        Raises:
            ValueError: if a list holds an item twice (a broken stage: hits would count double).
        """
        if _repeats(ranking.item):
            raise ValueError("a list of the ranking holds an item twice")
        keys = pair_keys(ranking.query.user[:, None], ranking.item, self.items)
        if not len(self.pair):
            return np.full(keys.shape, -1)
        place = np.minimum(np.searchsorted(self.pair, keys), len(self.pair) - 1)
        # The key of padding, or of user -1, may be another pair's key.
        real = (ranking.item >= 0) & (ranking.query.user >= 0)[:, None]
        return np.where(real & (self.pair[place] == keys), place, -1)


def _repeats(item: Int[Array, "users k"]) -> bool:
    ordered = np.sort(item, axis=1)
    return bool(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any())
