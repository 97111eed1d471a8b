"""Evidence for and against items: what a user bought, liked, viewed and disliked, and its links."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.data.dataset import Dataset
from recweave.data.interactions import Histories, behavior_code
from recweave.rank.ranking import Ranking

BUYS, VIEWS = ("favorite", "cart", "purchase"), ("view", "click")
"""Behaviours that are evidence of a buy, and of a view; ratings are by their value."""

ALSO_BUY = ("also_buy", "also_bought", "bought_together")
ALSO_VIEW = ("also_view", "also_viewed", "buy_after_viewing")
"""Relations in the table of links, under their names of 2018 and of 2014."""

USERS_AT_ONCE = 512
"""A taste is a number for each user and class, or dimension."""

DISLIKED = "disliked"
FOR = ("liked", "bought", "viewed")
"""What a user can have done with an item that speaks for what its pictures show, strongest first;
`DISLIKED` speaks against it."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What counts for and against the pictures of an item, and how much.

    For each relation, the items that a user has it to are averaged, so that many views do not
    outweigh a purchase.

    Attributes:
        also_buy, also_view: Links of items (rows) to others, 1 each.
        bought: Weight of items bought, or rated above `bought_above`.
        liked: Further weight of those rated `liked_from` or more.
        also_bought: Of items that are linked as bought together with those bought.
        viewed: Of items viewed, or linked as viewed together with those bought.
        disliked: Of items rated `disliked_to` or less; below 0.
        bought_above, liked_from, disliked_to: On the scale of the ratings.
    """

    also_buy: Csr
    also_view: Csr
    bought: float = 1.0
    liked: float = 0.5
    also_bought: float = 0.5
    viewed: float = 0.25
    disliked: float = -1.0
    bought_above: float = 3.0
    liked_from: float = 4.0
    disliked_to: float = 2.0

    def weights(self, history: Histories) -> tuple[Csr, Csr]:
        """How much each item counts for each user, above 0; and how much it counts against, below.

        The weight of a relation is divided by the number of items that the user has it to.
        """
        parts = []
        for weight, items in self.relations(history):
            share = weight / np.maximum(np.diff(items.indptr), 1)
            parts.append(sparse.csr_array(items.multiply(share[:, None])))
        return sum(parts[1:-1], parts[0]), parts[-1]

    def relations(self, history: Histories) -> Sequence[tuple[float, Csr]]:
        """For each relation: its weight, and users by the items that they have it to, 1 each."""
        did = self.did(history)
        own, disliked = _ones(did["liked"] + did["bought"]), did[DISLIKED]
        rated = history.behavior == behavior_code("rating")
        return [
            (self.bought, own),
            (self.liked, _items(history, rated & (history.value >= self.liked_from))),
            (self.also_bought, _without(own @ self.also_buy, disliked)),
            (self.viewed, _without(own @ self.also_view + did["viewed"], disliked)),
            (self.disliked, disliked),
        ]

    def did(self, history: Histories) -> Mapping[str, Csr]:
        """Users by the items of their own histories, 1 each: "liked" (rated above `bought_above`),
        "bought", "viewed" and "disliked"."""
        rated = history.behavior == behavior_code("rating")
        bought, viewed = (
            np.isin(history.behavior, [behavior_code(name) for name in names])
            for names in (BUYS, VIEWS)
        )
        return {
            "liked": _items(history, rated & (history.value > self.bought_above)),
            "bought": _items(history, bought),
            "viewed": _items(history, viewed),
            DISLIKED: _items(history, rated & (history.value <= self.disliked_to)),
        }


Values = Callable[
    [Histories, Int[Array, "users k"]], tuple[Float[Array, "users k"], Float[Array, "users dim"]]
]
"""Of histories and listed items: each item's value, and the taste that it was computed from."""


def values_of(ranking: Ranking, values: Values) -> tuple[Float[Array, "users k"], int]:
    """The value of each position of the lists, and how many users are without evidence.

    Args:
        ranking: The lists.
        values: What computes some of them.
    """
    parts, unknown = [np.empty((0, ranking.k))], 0
    for first in range(0, len(ranking), USERS_AT_ONCE):
        history = ranking.query.history.between(first, first + USERS_AT_ONCE)
        item = np.maximum(ranking.item[first : first + USERS_AT_ONCE], 0)
        value, taste = values(history, item)
        parts.append(value)
        unknown += int((~taste.any(axis=1)).sum())
    return np.concatenate(parts), unknown


def links(dataset: Dataset, names: Sequence[str]) -> Csr:
    """Items by the items that the table of links says are related by one of the names, 1 each."""
    size = len(dataset.item_ids)
    found = dataset.links.filter(pl.col("relation").is_in(names))
    rows = [dataset.item_ids.rows(found[column]) for column in ("item_id", "other_id")]
    known = (rows[0] >= 0) & (rows[1] >= 0)
    pairs = rows[0][known], rows[1][known]
    return _ones(sparse.csr_array((np.ones(int(known.sum())), pairs), shape=(size, size)))


def _items(history: Histories, chosen: Array) -> Csr:
    """Users and the distinct items of some of their events, 1 each."""
    pairs = history.row_numbers()[chosen], history.item[chosen]
    shape = len(history), history.items
    return _ones(sparse.csr_array((np.ones(int(chosen.sum())), pairs), shape=shape))


def _without(items: Csr, left_out: Csr) -> Csr:
    kept = _ones(sparse.csr_array(items))
    kept = sparse.csr_array(kept - kept.multiply(left_out))
    kept.eliminate_zeros()
    return kept


def _ones(matrix: Csr) -> Csr:
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.data[:] = 1
    return matrix
