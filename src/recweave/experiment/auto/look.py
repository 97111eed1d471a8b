"""What a dataset has that decides how models are compared on it: times, behaviours, texts, size."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.interactions import behavior_code
from recweave.data.order import has_order
from recweave.data.schema import BEHAVIORS

TEXTS = ("title", "brand", "categories", "description")
"""Columns of the catalogue that may hold words."""
SHARE = 0.01
"""Of the events; a behaviour that is rarer is no target, unless it is asked for."""
ENOUGH = 100
"""Users who must have a held-out event, for a split to be trusted."""


@dataclass(frozen=True)
class Look:
    """What was seen in a dataset.

    Attributes:
        users, items, events: How many.
        clock: What times count: seconds, or an order alone.
        ordered: Whether the order of a user's events means anything.
        published: Whether the publisher has cut it into train and test.
        behaviors: Number of events of each behaviour that occurs, the most frequent first.
        target: The behaviours whose next event is asked for; empty for all.
        texts: Columns of the catalogue that hold words for half of the items or more, in order.
        long_users: Users with three or more events of the target.
    """

    users: int
    items: int
    events: int
    clock: str
    ordered: bool
    published: bool
    behaviors: Mapping[str, int]
    target: tuple[str, ...]
    texts: tuple[str, ...]
    long_users: int

    @classmethod
    def at(cls, dataset: Dataset, target: str = "") -> "Look":
        """A look at a dataset.

        Args:
            dataset: With events.
            target: The behaviour that is asked for; without it, purchases where there are other
                behaviours too, else the most frequent behaviour.

        Raises:
            BadSetting: if no event is of the target.
            UnknownName: if it is no behaviour.
        """
        log = dataset.interactions()
        counts = np.bincount(log.behavior, minlength=len(BEHAVIORS))
        found = {BEHAVIORS[code]: int(counts[code]) for code in np.argsort(-counts, kind="stable")}
        behaviors = {name: count for name, count in found.items() if count}
        aimed = _target(target, behaviors)
        own = log[np.isin(log.behavior, [behavior_code(name) for name in aimed])] if aimed else log
        published = "part" in dataset.events.columns and dataset.events["part"].null_count() < len(
            dataset.events
        )
        return cls(
            users=log.shape[0],
            items=log.shape[1],
            events=len(log),
            clock=log.clock,
            ordered=has_order(log, dataset.item_ids.ids, declared=dataset.declares_order),
            published=published,
            behaviors=behaviors,
            target=aimed,
            texts=tuple(name for name in TEXTS if _has_words(dataset, name)),
            long_users=int((own.user_counts() >= 3).sum()),
        )

    @property
    def timed(self) -> bool:
        """Whether events have times."""
        return self.clock == "seconds"

    def __str__(self) -> str:
        parts = [f"{self.events:,} events of {self.users:,} users and {self.items:,} items"]
        if len(self.behaviors) > 1:
            parts.append(
                "behaviours: " + ", ".join(f"{k} {v:,}" for k, v in self.behaviors.items())
            )
        if self.target:
            parts.append(f"the next {' or '.join(self.target)} is asked for")
        order = "an order" if self.ordered else "no order that means anything"
        parts.append(f"{'times' if self.timed else 'no times'}, and {order}")
        parts.append(f"texts: {', '.join(self.texts)}" if self.texts else "no texts of items")
        return "; ".join(parts)


def _target(asked: str, behaviors: Mapping[str, int]) -> tuple[str, ...]:
    if asked:
        behavior_code(asked)
        if asked not in behaviors:
            raise BadSetting(
                f"no event is a {asked}; there are {', '.join(behaviors)}; name one of them as the "
                "target"
            )
        return (asked,) if len(behaviors) > 1 else ()
    events = sum(behaviors.values())
    usual = [name for name, count in behaviors.items() if count >= SHARE * events]
    if len(usual) < 2:
        return ()
    return ("purchase",) if "purchase" in usual else (usual[0],)


def _has_words(dataset: Dataset, column: str) -> bool:
    if column not in dataset.items.columns or not len(dataset.items):
        return False
    values = dataset.items[column]
    filled = values.list.len() > 0 if column == "categories" else values.str.len_chars() > 0
    return int(filled.fill_null(False).sum()) >= len(values) / 2
