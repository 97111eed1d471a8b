"""Item data that beyond-accuracy metrics need; events are counted in train alone."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr, unit_rows
from recweave.data.interactions import Interactions
from recweave.encode import Feature


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Data of the items, row i for item i.

    Attributes:
        events: Train events of each item.
        owners: Users with a train event of each item.
        users: Users with any train event.
        head: The popular items; the others are the tail.
        categories: 1 where an item is of a category; a column is a category that some item has.
        vectors: Unit length; zero for an item without one.
    """

    events: Int[Array, " items"]
    owners: Int[Array, " items"]
    users: int
    head: Bool[Array, " items"]
    categories: Csr | None = None
    vectors: Float[Array, "items dim"] | None = None

    @classmethod
    def of(
        cls,
        train: Interactions,
        *,
        categories: Feature | None = None,
        vectors: Feature | None = None,
        head: Bool[Array, " items"] | None = None,
    ) -> "Catalogue":
        """From the training part.

        Args:
            train: The events that popularity is counted from.
            categories: A column for each category, not 0 where the item has it
                (`encode_categories`).
            vectors: Vectors that the similarity of items is computed from; any length.
            head: The popular items (`head_items` with its defaults).
        """
        events = train.item_counts()
        pairs = train.matrix(values=False)
        return cls(
            events=events,
            owners=np.bincount(pairs.indices, minlength=train.shape[1]),
            users=int((np.diff(pairs.indptr) > 0).sum()),
            head=head_items(events) if head is None else head,
            categories=None if categories is None else _used_columns(categories),
            vectors=None if vectors is None else _unit(vectors),
        )


def head_items(
    events: Int[Array, " items"], *, share: float = 0.8, of: Literal["events", "items"] = "events"
) -> Bool[Array, " items"]:
    """The most popular items that make up a share of all events, or of all items.

    `share=0.8, of="events"` is the smallest set with 80 % of the events; `share=0.2, of="items"`
    the most popular fifth of the catalogue (rounded), so that the tail is its last 80 %. Equally
    popular items are taken in row order.
    """
    order = np.argsort(-events, kind="stable")
    if of == "items":
        size = round(share * len(events))
    else:
        total = np.cumsum(events[order])
        enough = share * total[-1] * (1 - 1e-12)  # .8 of 35 is a little above 28 in floats
        size = int(np.searchsorted(total, enough)) + 1 if total[-1] else 0
    head = np.zeros(len(events), bool)
    head[order[:size]] = True
    return head


def _used_columns(feature: Feature) -> Csr:
    table: Csr = sparse.csr_array(feature.vectors != 0, dtype=np.float64)
    return table[:, np.bincount(table.indices, minlength=table.shape[1]) > 0]


def _unit(feature: Feature) -> Float[Array, "items dim"]:
    known = np.where(feature.present[:, None], feature.vectors, 0)
    return unit_rows(known).astype(np.float32)
