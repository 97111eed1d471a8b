"""Hits: which items of a list are held-out items of its user. All accuracy metrics use them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.lists import pair_keys
from recweave.data.interactions import Interactions
from recweave.rank import Ranking

Hits = Bool[Array, "users k"]
"""Whether the item at each rank is held out; False after the end of a list."""


@dataclass(frozen=True, eq=False)
class Relevant:
    """The held-out items of each user, every pair once, even if it occurs more often.

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
    def of(cls, held_out: Interactions, at_least: float | None = None) -> "Relevant":
        """From held-out events, or only from those of a value of `at_least`.

        A pair that occurs more than once is relevant if any of its events reaches the value.
        """
        users, items = held_out.shape
        rows = (
            np.arange(len(held_out))
            if at_least is None
            else np.flatnonzero(held_out.value >= at_least)
        )
        keys = pair_keys(held_out.user[rows], held_out.item[rows], items)
        pair, first = np.unique(keys, return_index=True)
        count = np.bincount(pair // items, minlength=users)
        return cls(pair=pair, event=rows[first], count=count, items=items)

    def counts(self, user: Int[Array, " users"]) -> Int[Array, " users"]:
        """Relevant items of these users; 0 for a user who is not in the log (-1)."""
        return np.where(user >= 0, self.count[user], 0)

    def find(self, ranking: Ranking) -> Int[Array, "users k"]:
        """The position in `event` of the pair at each rank of the lists; -1 if it is not held out.

        Raises:
            ValueError: if a list has an item twice (an error of a stage: hits would count double).
        """
        if _repeats(ranking.item):
            raise ValueError("a list of the ranking has an item twice")
        keys = pair_keys(ranking.query.user[:, None], ranking.item, self.items)
        if not len(self.pair):
            return np.full(keys.shape, -1)
        position = np.minimum(np.searchsorted(self.pair, keys), len(self.pair) - 1)
        # The key of padding, or of user -1, may be another pair's key.
        is_item = (ranking.item >= 0) & (ranking.query.user >= 0)[:, None]
        return np.where(is_item & (self.pair[position] == keys), position, -1)


def _repeats(item: Int[Array, "users k"]) -> bool:
    ordered = np.sort(item, axis=1)
    return bool(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any())
