"""How a network is judged while it trains: the real ranking of what validation holds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.lists import ndcg_of_pairs, pair_keys, top_k_visible
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
        held, had = (pair_keys(log.user, log.item, log.shape[1]) for log in (valid, train))
        if np.isin(held, had).all():
            raise BadSetting(
                "every validation event is of an item that its user already had to do with, and "
                "lists hide these, so there is nothing to choose by; where views and carts lead to "
                "purchases, cut the log with fresh = true (split leave_last_out)"
            )
        query = Query.before(train, valid)
        return cls(query, Histories.of(valid, query.user), k)

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
        """NDCG@k of each; every user has a held-out item, so none is NaN."""
        history, held = query.history, self.held.between(first, first + len(query))
        seen = (history.row_numbers(), history.item)
        item, _ = top_k_visible(model.scores(query), seen, self.k)
        listed = pair_keys(np.arange(len(query))[:, None], item, held.items)
        relevant = np.unique(pair_keys(held.row_numbers(), held.item, held.items))
        return ndcg_of_pairs(listed, relevant, held.items)


def validation_check(
    validation: Validation | None, trained: Callable[[], Model]
) -> Callable[[], float] | None:
    """What `nn.loop.train` calls between epochs: NDCG@k of the model as it is then.

    None where nothing is held out: then the loop does not stop early.

    Args:
        validation: The held-out events.
        trained: Makes the model of the network's weights at the time of the call.
    """
    return None if validation is None else lambda: validation.ndcg(trained())
