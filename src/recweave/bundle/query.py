"""Users of a bundle, or a history that is given by itself, as a query to a model."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from recweave.bundle.base import BundleBase
from recweave.bundle.ids import text_ids
from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, UnknownId
from recweave.data.interactions import Histories, Interactions
from recweave.models.query import Query

LONGEST_HISTORY = 10_000
"""Items of a history that is given by itself."""


def query_of_users(bundle: BundleBase, rows: Int[Array, " users"]) -> Query:
    """Users with their histories, at one tick after their last event; -1 for an unknown user."""
    history = bundle.histories_of(rows)
    last = np.full(len(rows), bundle.last_time)
    active = history.lengths > 0
    last[active] = history.time[history.start[1:][active] - 1]
    user = np.where(rows < bundle.known_users, rows, -1).astype(np.int32)
    return Query(user, history, last + 1)


def query_of_history(bundle: BundleBase, history: Sequence[str]) -> Query:
    """Somebody new who had these items, oldest first, after the log of the bundle ends.

    Raises:
        UnknownId: for an item that is not in the catalogue, or if there are no items.
        BadSetting: if there are more than 10,000 items, or an id is not text.
    """
    items = text_ids("item", history)
    if not len(items):
        raise UnknownId("the history is empty; give ids of items, oldest first")
    if len(items) > LONGEST_HISTORY:
        raise BadSetting(
            f"the history has {len(items):,} items and may have {LONGEST_HISTORY:,}; give the "
            "newest of them"
        )
    rows = bundle.dataset.item_ids.rows(items)
    if (rows < 0).any():
        unknown = items[int(np.argmax(rows < 0))]
        bundle.dataset.item_ids.row(unknown)  # raises, with the nearest id
    now = bundle.last_time + 1
    log = Interactions.of(
        np.zeros(len(rows), np.int32),
        rows,
        bundle.default_value,
        np.arange(len(rows)) + now,
        behavior=bundle.default_behavior,
        shape=(1, len(bundle.dataset.item_ids)),
        clock=bundle.log.clock,
    )
    return Query(np.array([-1], np.int32), Histories.of(log), np.array([now + len(rows)]))
