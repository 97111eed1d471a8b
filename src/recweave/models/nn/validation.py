"""How a network is judged while it trains: the real ranking of what validation holds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.models.base import Model
from recweave.models.query import Query

ASKERS = 512
"""Users ranked at a time."""


@dataclass(frozen=True, eq=False)
class Validation:
    """Users with held-out events, what they did before, and what they did then.

    Attributes:
        query: The users, as they ask before their first held-out event.
        held: Their held-out items.
        k: Length of the lists.
    """

    query: Query
    held: Histories
    k: int = 10

    @classmethod
    def of(
        cls, train: Interactions, valid: Interactions | None, k: int = 10
    ) -> "Validation | None":
        """From the two parts; None where nothing was held out.

        Raises:
            BadSetting: if no list could hold a held-out item, as the users had them all before.
        """
        if valid is None or not len(valid):
            return None
        pairs = [log.user.astype(np.int64) * log.shape[1] + log.item for log in (valid, train)]
        if np.isin(*pairs).all():
            raise BadSetting(
                "every validation event is of an item that its user already had to do with, and "
                "lists hide these, so there is nothing to choose by; where views and carts lead to "
                "purchases, cut the log with fresh = true (split leave_last_out)"
            )
        users = np.unique(valid.user)
        first = np.full(train.shape[0], np.iinfo(np.int64).max)
        np.minimum.at(first, valid.user, valid.time)
        return cls(Query.of(train, users, first[users]), Histories.of(valid, users), k)

    def ndcg(self, model: Model) -> float:
        """Mean NDCG@k over users: the whole catalogue, histories hidden, ties by item row.

        The number that `evaluate` gives; a test keeps the two alike.
        """
        gains = [
            self._gains(model, first, query)
            for first, query in zip(
                range(0, len(self.query), ASKERS), self.query.batches(ASKERS), strict=True
            )
        ]
        return float(np.concatenate(gains).mean())

    def _gains(self, model: Model, first: int, query: Query) -> Float[Array, " users"]:
        held = self.held.between(first, first + len(query)).matrix()
        history = query.history
        scores = np.require(model.scores(query), np.float32, "W")
        scores[history.row_numbers(), history.item] = -np.inf
        row = np.repeat(np.arange(len(query)), np.diff(held.indptr))
        rank = _ranks(scores, row, held.indices)
        gain = np.where(rank < self.k, 1 / np.log2(rank + 2), 0.0)
        ideal = np.cumsum(1 / np.log2(np.arange(self.k) + 2))
        count = np.minimum(np.diff(held.indptr), self.k)
        return np.asarray(np.bincount(row, gain, len(query)) / ideal[count - 1])


def _ranks(
    scores: Float[Array, "users items"], row: Int[Array, " n"], item: Int[Array, " n"]
) -> Int[Array, " n"]:
    """How many items stand before each; what is hidden (-inf) comes after everything."""
    own = scores[row, item]
    some = scores if len(row) == len(scores) else scores[row]  # with one each, no copies of rows
    rank = np.count_nonzero(some > own[:, None], axis=1)
    same = some == own[:, None]
    for tied in np.flatnonzero(np.count_nonzero(same, axis=1) > 1):
        rank[tied] += np.count_nonzero(same[tied, : item[tied]])
    rank[np.isneginf(own)] = scores.shape[1]
    return np.asarray(rank)
