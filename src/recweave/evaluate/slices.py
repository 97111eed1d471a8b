"""Slices: metrics by groups of held-out events (popularity, cold start, length of the history).

A slice labels every held-out event from train alone. A metric of a label uses the same lists, but
only the events with that label are relevant; hits on others are misses, and users without such an
event are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.registry import Registry
from recweave.data.interactions import Interactions
from recweave.evaluate.catalogue import head_items

HISTORY = (0, 1, 5, 10, 20, 50)
"""The first length of each group of history lengths."""


@dataclass(frozen=True, eq=False)
class Slice:
    """A label for each held-out event.

    Attributes:
        name: Name of the slice.
        labels: Labels in the order of reports.
        code: Index in `labels` of each event; the same for all events of a (user, item).
    """

    name: str
    labels: tuple[str, ...]
    code: Int[Array, " n"]


def by_popularity(
    train: Interactions,
    held_out: Interactions,
    *,
    share: float = 0.8,
    of: Literal["events", "items"] = "events",
) -> Slice:
    """Whether the item is in the head: the items with 80 % of the train events (`head_items`)."""
    head = head_items(train.item_counts(), share=share, of=of)
    return Slice("popularity", ("head", "tail"), np.where(head[held_out.item], 0, 1))


def by_tail(train: Interactions, held_out: Interactions) -> Slice:
    """Whether the item is in the fifth of the catalogue with the most train events, or below it."""
    head = head_items(train.item_counts(), share=0.2, of="items")
    return Slice("tail", ("top fifth", "the rest"), np.where(head[held_out.item], 0, 1))


def by_decile(train: Interactions, held_out: Interactions) -> Slice:
    """The popularity decile of the item, by training events; 1 is the least popular.

    Deciles of all items, ties by item row; the groups of held-out events differ much in size.
    """
    items = train.shape[1]
    rank = np.empty(items, np.int64)
    rank[np.argsort(train.item_counts(), kind="stable")] = np.arange(items)
    labels = tuple(str(decile) for decile in range(1, 11))
    return Slice("popularity decile", labels, (rank * 10 // items)[held_out.item])


def by_item_age(train: Interactions, held_out: Interactions) -> Slice:
    """Whether the item is warm (with an event in train) or cold."""
    cold = train.item_counts()[held_out.item] == 0
    return Slice("item", ("warm", "cold"), cold.astype(np.int64))


def by_user_age(train: Interactions, held_out: Interactions) -> Slice:
    """Whether the user is warm (with an event in train) or cold."""
    cold = train.user_counts()[held_out.user] == 0
    return Slice("user", ("warm", "cold"), cold.astype(np.int64))


def by_history(
    train: Interactions, held_out: Interactions, *, starts: Sequence[int] = HISTORY
) -> Slice:
    """The number of training events of the user, in groups that begin at `starts` (first 0)."""
    length = train.user_counts()[held_out.user]
    ends = [start - 1 for start in starts[1:]]
    labels = [
        str(start) if start == end else f"{start}-{end}"
        for start, end in zip(starts, ends, strict=False)
    ]
    code = np.searchsorted(np.asarray(starts), length, side="right") - 1
    return Slice("history", (*labels, f"{starts[-1]}+"), code)


SLICES: Registry[Callable[[Interactions, Interactions], Slice]] = Registry(
    "slice",
    {
        "popularity": by_popularity,
        "tail": by_tail,
        "decile": by_decile,
        "item": by_item_age,
        "user": by_user_age,
        "history": by_history,
    },
    group="recweave.slices",
    instance_of="collections.abc:Callable",
)
"""The slices by name, with their usual settings: functions of train and held-out events."""
