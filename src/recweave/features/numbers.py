"""Numbers of the catalogue, and numbers fitted from events, as features."""

from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Csr
from recweave.core.errors import BadSetting, UnknownName
from recweave.data.split import TRAIN, Split
from recweave.encode.features import Feature
from recweave.encode.numeric import Code, Fourier, LogBucket, encode_numbers
from recweave.enrich.interest import Interest
from recweave.features.spec import FeatureContext, FeatureSpec


class Number(FeatureSpec):
    """A number of the catalogue, such as the price."""

    kind: Literal["number"] = "number"
    field: str = Field(description="a column of the items")
    code: Code = Field(LogBucket(), description="digits, log_bucket or fourier")

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        if self.field not in context.dataset.items.columns:
            raise UnknownName("column of the items", self.field, context.dataset.items.columns)
        values = np.full(len(context.dataset.item_ids), np.nan)
        row = context.dataset.item_ids.rows(context.dataset.items["item_id"])
        values[row] = (
            context.dataset.items[self.field].cast(pl.Float64).fill_null(np.nan).to_numpy()
        )
        return encode_numbers(values, self.code, source=f"items.{self.field}")

    def of_new_items(self, items: pl.DataFrame) -> Feature | None:
        """See `FeatureSpec.of_new_items`."""
        if self.field not in items.columns:
            return None
        values = items[self.field].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return encode_numbers(values, self.code, source=f"items.{self.field}")


class Numbers(FeatureSpec):
    """Numbers of items or users as they are, one column each, as click models read them.

    Of a column that lacks some, the missing numbers are 0, and a further column is 1 for them.
    """

    kind: Literal["numbers"] = "numbers"
    fields: tuple[str, ...] = Field(min_length=1, description="columns of numbers")
    of: Literal["item", "user"] = Field("item", description="columns of the items or the users")
    log: bool = Field(
        False, description="whether x becomes sign(x) · ln(1 + |x|), as for counts and prices"
    )

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        dataset, key = context.dataset, f"{self.of}_id"
        table = dataset.items if self.of == "item" else dataset.users
        ids = dataset.item_ids if self.of == "item" else dataset.user_ids
        for name in self.fields:
            if name not in table.columns:
                raise UnknownName(f"column of the {self.of}s", name, table.columns)
            if not (table.schema[name].is_numeric() or table.schema[name] == pl.Boolean):
                raise BadSetting(
                    f"the column '{name}' of the {self.of}s holds no numbers; use kind = 'category'"
                )
        rows = pl.DataFrame({key: ids.ids}).join(table, on=key, how="left", maintain_order="left")
        numbers = rows.select(pl.col(self.fields).cast(pl.Float64)).fill_null(np.nan).to_numpy()
        missing = ~np.isfinite(numbers)
        values = np.where(missing, 0, numbers)
        values = np.sign(values) * np.log1p(np.abs(values)) if self.log else values
        incomplete = np.flatnonzero(missing.any(axis=0))
        return Feature(
            vectors=np.hstack([values, missing[:, incomplete]]).astype(np.float32),
            present=np.asarray(~missing.all(axis=1)),
            encoder=f"plain numbers/1{' log' if self.log else ''}",
            source=f"{self.of}s.{'+'.join(self.fields)}",
            of=self.of,
            columns=(*self.fields, *(f"no {self.fields[at]}" for at in incomplete)),
        )


class InterestHorizon(FeatureSpec):
    """How long interest in an item lasts: its half-life in days, fitted from train's events."""

    kind: Literal["interest"] = "interest"
    code: Code = Field(Fourier(), description="how the number becomes a vector")

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        half_life = Interest.fit(context.split.train).half_life.astype(np.float64)
        feature = encode_numbers(half_life, self.code, source="half-life of interest, in days")
        return replace(feature, used={"events": _events_behind(context.split)})


def _events_behind(split: Split) -> Csr:
    """The rows of the log that are train's events of each item."""
    if split.part is None:
        raise BadSetting(
            "a feature of events needs a split that was cut from one log (Dataset.split)"
        )
    rows = np.flatnonzero(split.part == TRAIN)
    shape = (split.train.shape[1], len(split.part))
    ones = np.ones(len(rows), np.float32)
    return sparse.csr_array((ones, (split.train.item, rows)), shape=shape)
