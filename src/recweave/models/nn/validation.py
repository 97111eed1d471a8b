"""Validation during training: NDCG@k of the full ranking on validation events."""

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

BATCH = 512
"""Users ranked at a time."""


@dataclass(frozen=True, eq=False)
class Validation:
    """Users with held-out events, their histories before these, and the held-out items.

    Attributes:
        query: The users, with their histories before their first held-out event.
        held_out: Their held-out events.
        k: Length of the lists.
    """

    query: Query
    held_out: Histories
    k: int = 10

    @classmethod
    def of(
        cls, train: Interactions, valid: Interactions | None, k: int = 10
    ) -> "Validation | None":
        """From training and validation events; None without validation events.

        Raises:
            BadSetting: if the users had all held-out items before, so that no list can contain one.
        """
        if valid is None or not len(valid):
            return None
        held_out, seen = (pair_keys(log.user, log.item, log.shape[1]) for log in (valid, train))
        if np.isin(held_out, seen).all():
            raise BadSetting(
                "every validation event has an item that is already in its user's history; lists "
                "hide such items, so no model can score here; where views and carts lead to "
                "purchases, split the log with fresh = true (split leave_last_out)"
            )
        query = Query.before(train, valid)
        return cls(query, Histories.of(valid, query.user), k)

    def ndcg(self, model: Model) -> float:
        """Mean NDCG@k over users, ranking the whole catalogue without the users' histories.

        The same number as in `evaluate`, ties included; a test checks this.
        """
        values = [
            self._ndcg_of_users(model, first, query)
            for first, query in zip(
                range(0, len(self.query), BATCH), self.query.batches(BATCH), strict=True
            )
        ]
        return float(np.concatenate(values).mean())

    def _ndcg_of_users(self, model: Model, first: int, query: Query) -> Float[Array, " users"]:
        """NDCG@k of each user; every user has a held-out item, so no value is NaN."""
        history, held_out = query.history, self.held_out.between(first, first + len(query))
        seen = (history.row_numbers(), history.item)
        item, _ = top_k_visible(model.scores(query), seen, self.k)
        listed = pair_keys(np.arange(len(query))[:, None], item, held_out.items)
        relevant = np.unique(pair_keys(held_out.row_numbers(), held_out.item, held_out.items))
        return ndcg_of_pairs(listed, relevant, held_out.items)


def validation_check(
    validation: Validation | None, trained: Callable[[], Model]
) -> Callable[[], float] | None:
    """The `validate` of `nn.loop.train`: NDCG@k of the current model.

    None without held-out events; then there is no early stopping.

    Args:
        validation: The held-out events.
        trained: Makes a model of the network's current weights.
    """
    return None if validation is None else lambda: validation.ndcg(trained())
