"""Slices of impressions: metrics by groups of what was clicked, and by what is known of the reader.

A slice labels every clicked item of the held-out impressions; popularity and age are counted in
train, and in what had been shown by then.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.registry import Registry
from recweave.data.impressions import Impressions
from recweave.data.interactions import Interactions
from recweave.evaluate.fresh import FirstShown
from recweave.evaluate.slices import Slice, by_item_age, by_popularity

HISTORY = (0, 1, 10, 30)
"""The first length of each group of lengths of histories."""
AGES = (0.0, 2.0, 12.0, 48.0)
"""The first hour of each group of ages."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What slices of impressions are made from; one entry for each clicked item.

    Attributes:
        train: The training events.
        clicks: The clicked items, as events.
        read: Number of items in the history that each one's impression is ranked by.
        hours: From the item's first impression to this one; NaN without times.
    """

    train: Interactions
    clicks: Interactions
    read: Int[Array, " clicks"]
    hours: Float[Array, " clicks"]

    @classmethod
    def of(
        cls,
        impressions: Impressions,
        read: Int[Array, " impressions"],
        first_shown: FirstShown,
        train: Interactions,
    ) -> "Shown":
        """Of held-out impressions, with the number of items in the history of each."""
        row, clicked = impressions.row_numbers(), impressions.clicked
        clicks = Interactions.of(
            impressions.user[row[clicked]],
            impressions.item[clicked],
            behavior="click",
            shape=impressions.shape,
        )
        return cls(train, clicks, read[row[clicked]], first_shown.hours(impressions)[clicked])


def _by_popularity(shown: Shown) -> Slice:
    """Whether the clicked item is in the head of train (80 % of its clicks), or in the tail."""
    return by_popularity(shown.train, shown.clicks)


def _by_item(shown: Shown) -> Slice:
    """Whether anybody had clicked the item in train (warm) or not (cold)."""
    return by_item_age(shown.train, shown.clicks)


def _by_history(shown: Shown) -> Slice:
    """The number of items in the history, in groups that begin at `HISTORY`."""
    return _grouped("history", shown.read, HISTORY)


def _by_age(shown: Shown) -> Slice:
    """Hours since the item was first shown, in groups that begin at `AGES`."""
    grouped = _grouped("age", np.nan_to_num(shown.hours), AGES)
    unknown = np.isnan(shown.hours)
    if not unknown.any():
        return grouped
    code = np.where(unknown, len(grouped.labels), grouped.code)
    return Slice("age", (*grouped.labels, "unknown"), code)


def _grouped(name: str, value: Array, starts: tuple[float, ...]) -> Slice:
    ends = starts[1:]
    labels = [f"{low:g} to {high:g}" for low, high in zip(starts, ends, strict=False)]
    if name == "history":
        labels = [
            f"{low:g}" if low == high - 1 else f"{low:g}-{high - 1:g}"
            for low, high in zip(starts, ends, strict=False)
        ]
    code = np.searchsorted(np.asarray(starts), value, side="right") - 1
    return Slice(name, (*labels, f"{starts[-1]:g}+"), code)


IMPRESSION_SLICES: Registry[Callable[[Shown], Slice]] = Registry(
    "slice of impressions",
    {
        "popularity": _by_popularity,
        "item": _by_item,
        "history": _by_history,
        "age": _by_age,
    },
    group="recweave.impression_slices",
    instance_of="collections.abc:Callable",
)
"""The slices of impressions by name."""
