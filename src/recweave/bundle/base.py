"""What a bundle holds: model, stages, ids, catalogue and histories, without raw data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

import numpy as np
import polars as pl
from jaxtyping import Bool, Int

from recweave.bundle.ids import text_ids
from recweave.core.arrays import Array
from recweave.core.errors import UnknownId
from recweave.data.dataset import Dataset
from recweave.data.interactions import Histories, Interactions, behavior_code
from recweave.data.schema import BEHAVIORS
from recweave.encode.features import Feature
from recweave.models.base import Model
from recweave.rank.ranking import Stage
from recweave.rank.rules import Rule, allowed

B = TypeVar("B", bound="BundleBase")

FEW = 100
"""Users whose histories are taken out of the log without sorting all of it."""

SCANS = 100
"""Calls for a few users that read through the whole log, before it is sorted for the next ones.
Measured: sorting costs as much as 70 such calls for 200,000 events and 150 for 2 million."""

REMOVED_COLUMNS = {"user_id": pl.String(), "filter": pl.String()}
"""Columns of `BundleBase.removed`."""


@dataclass(frozen=True, eq=False)
class BundleBase:
    """The fields of a `Bundle`, and what follows from each of them.

    Row i of the catalogue, of the model's items and of item features is the same item.

    Attributes:
        name: The row of the recipe that it was fitted as; the source of its lists.
        model: What scores.
        stages: Applied to the lists, in order.
        dataset: Catalogue (`items`, a line for each item row) and `users`; its events are empty.
        log: What users did, by row: their histories.
        fallback: What answers users without a usable history.
        known_users: How many users the model was trained with; later ones are known by history.
        removed: Users that a filter of the recipe took out of the log, with the filter.
        features: Item vectors of the recipe, by name.
        depth: Length of the lists that stages are handed.
        about: Its recipe, data and versions. Plain JSON.
    """

    name: str
    model: Model
    dataset: Dataset
    log: Interactions
    fallback: Model
    known_users: int
    removed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REMOVED_COLUMNS))
    stages: tuple[Stage, ...] = ()
    features: Mapping[str, Feature] = field(default_factory=dict)
    depth: int = 100
    about: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        users, items = len(self.dataset.user_ids), len(self.dataset.item_ids)
        return (
            f"<Bundle {self.name} on {self.dataset.name}: {users:,} users, {items:,} items, "
            f"{len(self.log):,} events>"
        )

    def counts(self) -> dict[str, int]:
        """How many users, items and events it knows."""
        users, items = self.log.shape
        return {"users": users, "items": items, "events": len(self.log)}

    def events_of(self, user: str) -> int:
        """How many events the history of a user holds."""
        return int(self.histories_of(np.array([self.user_row(user)])).lengths[0])

    def user_row(self, user: str) -> int:
        """The row of a user.

        Raises:
            UnknownId: if the bundle does not know the user: with the filter that removed them, or
                the nearest id.
            BadSetting: if the id is not text.
        """
        row = int(self.dataset.user_ids.rows(text_ids("user", user))[0])
        if row >= 0:
            return row
        try:
            return self.dataset.user_ids.row(user)
        except UnknownId as error:
            new = "for somebody new, give items that they liked (history=, or --history A,B)"
            by = self.removed.filter(pl.col("user_id") == user)["filter"]
            if not len(by):
                raise UnknownId(f"{error}; {new}") from None
            raise UnknownId(
                f"user '{user}' was removed by the filter {by[0]} of the recipe, so the model "
                f"knows nothing of them; change the filter and train again, or {new}"
            ) from None

    @cached_property
    def last_time(self) -> int:
        """The time of the last event of the log."""
        return int(self.log.time.max(initial=0))

    @cached_property
    def histories(self) -> Histories:
        """Every user's events, oldest first."""
        return Histories.of(self.log)

    def histories_of(self, rows: Int[Array, " users"]) -> Histories:
        """The events of some users, oldest first; an empty history for row -1.

        The whole log is sorted once: for many users, or after `SCANS` calls for a few.
        """
        if len(rows) > FEW or "histories" in self.__dict__ or next(self._scans) >= SCANS:
            return self.histories.rows(rows)
        return Histories.of(self.log[np.isin(self.log.user, rows)], rows)

    @cached_property
    def _scans(self) -> Iterator[int]:
        """How many times the log was read through for a few users."""
        return count()

    def title(self, item_id: str) -> str:
        """The title of an item; "" where the catalogue has none."""
        return self.titles.get(item_id, "")

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """Titles by item id."""
        return dict(self.dataset.items.select("item_id", "title").drop_nulls().iter_rows())

    def allowed(self, where: Sequence[Rule | str]) -> Bool[Array, " items"] | None:
        """The items that fulfil the conditions; None without any."""
        return allowed(self.dataset, where) if where else None

    @cached_property
    def default_behavior(self) -> str:
        """What an item of a bare history counts as: the strongest behaviour that is common.

        Common is what makes up a tenth of the log; a model may not know the others.
        """
        counts = np.bincount(self.log.behavior, minlength=len(BEHAVIORS))
        return BEHAVIORS[int(np.flatnonzero(counts * 10 >= max(counts.sum(), 1)).max(initial=0))]

    @cached_property
    def default_value(self) -> float:
        """The value of an event in a bare history: the upper quartile of that behaviour's."""
        values = self.log.value[self.log.behavior == behavior_code(self.default_behavior)]
        return float(np.quantile(values, 0.75, method="nearest")) if len(values) else 1.0

    def replace(self: B, **changes: Any) -> B:
        """The same with some fields changed."""
        return replace(self, **changes)
