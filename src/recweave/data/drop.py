"""Filters that take out events which tell nothing: returned goods, ids that stand for nobody."""

from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Bool
from pydantic import Field, model_validator

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, did_you_mean
from recweave.data.dataset import Dataset
from recweave.data.filters import Filter
from recweave.data.interactions import behavior_code


class DropValueBelow(Filter):
    """Takes out events whose value is below `value`, of any behaviour or of some.

    Returned goods, which shops log as purchases of a negative quantity, are the case in point. What
    was bought and returned stays a purchase.
    """

    kind: Literal["drop_value_below"] = "drop_value_below"
    value: float = Field(description="the lowest value that stays")
    behaviors: tuple[str, ...] = Field((), description="behaviours it is about; all if empty")

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`."""
        for name in self.behaviors:
            behavior_code(name)
        keep = dataset.events["value"] >= self.value
        if self.behaviors:
            keep |= ~dataset.events["behavior"].cast(pl.String).is_in(self.behaviors)
        return np.asarray(keep.to_numpy())


class DropIds(Filter):
    """Takes out users or items by their ids, from every table.

    For ids that stand for nobody, such as `0` or `unknown`: a model would take them for one very
    busy user. `recweave data check` points them out.
    """

    kind: Literal["drop_ids"] = "drop_ids"
    users: tuple[str, ...] = Field((), description="ids of users that go")
    items: tuple[str, ...] = Field((), description="ids of items that go")

    @model_validator(mode="after")
    def _says_which(self) -> "DropIds":
        if not (self.users or self.items):
            raise ValueError("no ids are named; give users or items")
        return self

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`.

        Raises:
            BadSetting: for an id that the dataset does not have.
        """
        known = {"user": dataset.user_ids.ids, "item": dataset.item_ids.ids}
        for kind, ids in (("user", self.users), ("item", self.items)):
            for id in ids:
                if not (known[kind] == id).any():
                    hint = did_you_mean(id, known[kind].head(50_000))
                    raise BadSetting(f"drop_ids: {dataset.name} has no {kind} {id!r}; {hint}")
        return np.asarray(self._others(dataset.events).to_numpy())

    def _without(self, dataset: Dataset, keep: Bool[Array, " events"]) -> Dataset:
        return dataset.replace(
            **{name: table.filter(self._others(table)) for name, table in dataset.tables()}
        )

    def _others(self, table: pl.DataFrame) -> pl.Series:
        """The rows of a table that are about none of them."""
        gone = {"user_id": self.users, "item_id": self.items, "other_id": self.items}
        keep = pl.repeat(True, len(table), eager=True)
        for column, ids in gone.items():
            if column in table.columns:
                keep &= ~table[column].is_in(ids)
        return keep
