"""Columns of categories of the catalogue or of the table of users, as a feature."""

from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Bool
from pydantic import Field

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, UnknownName
from recweave.encode.features import CategoricalFeature, Feature
from recweave.encode.levels import encode_levels, encode_lists
from recweave.features.spec import FeatureContext, FeatureSpec


class Category(FeatureSpec):
    """Categories of items or users: columns of the catalogue, or of the table of users.

    A column of single values gives each item one level; models that embed levels read their codes,
    others one-hot vectors. A column of lists gives multi-hot vectors. The levels are those of items
    or users with training events. A rare value, and one that none of them has, is the level
    "(other)", or missing if there is no such level.
    """

    kind: Literal["category"] = "category"
    fields: tuple[str, ...] = Field(min_length=1, description="columns; one alone if it has lists")
    of: Literal["item", "user"] = Field("item", description="columns of the items or the users")
    min_count: int = Field(
        2, ge=1, description="items or users with training events that a level of its own needs"
    )

    def build(self, context: FeatureContext) -> Feature | CategoricalFeature:
        """See `FeatureSpec.build`."""
        dataset, train = context.dataset, context.split.train
        items = self.of == "item"
        table, ids = (
            (dataset.items, dataset.item_ids) if items else (dataset.users, dataset.user_ids)
        )
        for name in self.fields:
            if name not in table.columns:
                raise UnknownName(f"column of the {self.of}s", name, table.columns)
        keys = pl.DataFrame({f"{self.of}_id": ids.ids})
        rows = keys.join(table, on=f"{self.of}_id", how="left", maintain_order="left")
        known: Bool[Array, " rows"] = np.zeros(len(ids), bool)
        known[train.item if items else train.user] = True
        columns = [rows[name] for name in self.fields]
        lists = [column for column in columns if isinstance(column.dtype, pl.List)]
        if not lists:
            texts = [column.cast(pl.String).replace("", None) for column in columns]
            return encode_levels(texts, known, min_count=self.min_count, of=self.of)
        if len(columns) > 1:
            raise BadSetting(
                f"'{lists[0].name}' has lists, so it must be a feature of its own, not one with "
                f"other columns; split the fields {', '.join(self.fields)}"
            )
        listed = lists[0].cast(pl.List(pl.String))
        return encode_lists(listed, known, min_count=self.min_count, of=self.of)
