"""Why a stage moved an item, as the stage itself says it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.rank.ranking import Ranking


@dataclass(frozen=True)
class StageReason:
    """One thing that made a stage move an item, or keep it.

    Attributes:
        text: What it is, such as "comic book" or "12 days old".
        value: How much it speaks for the item (above 0) or against it (below 0), on a scale of the
            stage's own.
        items: Items that it rests on, as rows, and what the user did with each ("liked"); "" for
            items that are not of the user's history.
        named: Whether these items are named in words, after the text ("looks like X, which you
            liked"); else they are counted ("comic book, as in 3 items you liked").
    """

    text: str
    value: float
    items: tuple[tuple[int, str], ...] = ()
    named: bool = False

    def in_words(self, name: Callable[[int], str]) -> str:
        """The reason as a part of a sentence.

        Args:
            name: What an item (a row) is called.
        """
        by_deed: dict[str, list[int]] = {}
        for item, did in self.items:
            by_deed.setdefault(did, []).append(item)
        if not by_deed:
            return self.text
        if self.named:
            groups = [
                and_([name(item) for item in items]) + (f", which you {did}" if did else "")
                for did, items in by_deed.items()
            ]
            return f"{self.text} {and_(groups)}"
        counts = [
            f"{len(items):,} item{'s' if len(items) > 1 else ''} you {did}"
            for did, items in by_deed.items()
        ]
        return f"{self.text}, as in {and_(counts)}"


Reasons = Sequence[Sequence[Sequence[StageReason]]]
"""For each list and each of its items: a few reasons, strongest first."""


@runtime_checkable
class Reasoned(Protocol):
    """A stage that can say why it moves items."""

    def reasons(self, before: Ranking, item: Int[Array, "users n"]) -> Reasons:
        """What speaks for and against some items of each list, strongest first.

        Args:
            before: The lists that the stage is given.
            item: Items of these lists; -1 where there is none.

        Returns:
            None for an item that nothing speaks for or against.
        """


def one_each(
    text: Callable[[int, int], str], value: Float[Array, "users n"], item: Int[Array, "users n"]
) -> Reasons:
    """One reason for each item, and none where its value is 0.

    Args:
        text: Of the item at a row and position of the lists.
        value: Of the reasons.
        item: The items; -1 where there is none.
    """
    there = (item >= 0) & (value != 0)
    return [
        [[StageReason(text(row, at), float(value[row, at]))] if one else [] for at, one in said]
        for row, said in enumerate(map(enumerate, there))
    ]


def beside_mean(
    value: Float[Array, "users n"], of_list: Float[Array, "users k"], ranking: Ranking
) -> Float[Array, "users n"]:
    """Values less the mean of their lists: what raises an item above the others, or lowers it."""
    count = np.maximum(ranking.filled.sum(axis=1, keepdims=True), 1)
    mean = np.where(ranking.filled, of_list, 0.0).sum(axis=1, keepdims=True) / count
    return np.asarray(value - mean)


def and_(parts: Sequence[str]) -> str:
    """
    >>> and_(["a", "b", "c"])
    'a, b and c'
    """
    *head, last = parts
    return f"{', '.join(head)} and {last}" if head else last
