"""Columns of categories as integer codes or as multi-hot vectors, with one vocabulary of train."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.encode.features import OTHER, CategoricalFeature, Entity, Feature

VERSION = "levels/1"


def encode_levels(
    columns: Sequence[pl.Series],
    known: Bool[Array, " rows"],
    *,
    min_count: int = 1,
    of: Entity = "item",
) -> CategoricalFeature:
    """Columns of single categories as codes; see `vocabulary` for the levels of each.

    Args:
        columns: Values by row, null where missing; named.
        known: Rows that the levels come from: those of items or users with training events.
        min_count: The least number of known rows of a level of its own.
        of: Whose rows they are.
    """
    coded = [_coded(column, vocabulary(column.filter(known), min_count)) for column in columns]
    return CategoricalFeature(
        codes=np.stack([codes for codes, _ in coded], axis=1),
        fields=tuple(column.name for column in columns),
        levels=tuple(levels for _, levels in coded),
        encoder=VERSION,
        source=f"{of}s.{'+'.join(column.name for column in columns)}",
        of=of,
    )


def encode_lists(
    column: pl.Series, known: Bool[Array, " rows"], *, min_count: int = 1, of: Entity = "item"
) -> Feature:
    """A column of lists of categories as multi-hot vectors: 1 for each level that a row has.

    Args:
        column: Lists by row, null or empty where missing; named.
        known, min_count, of: See `encode_levels`.
    """
    table = pl.DataFrame({"row": np.arange(len(column)), "value": column, "known": known})
    listed = table.explode("value").drop_nulls("value").unique(maintain_order=True)
    levels = vocabulary(listed.filter("known")["value"], min_count)
    codes, names = _coded(listed["value"], levels)
    vectors = np.zeros((len(column), len(names)), np.float32)
    found = codes >= 0
    vectors[listed["row"].to_numpy()[found], codes[found]] = 1
    return Feature(
        vectors=vectors,
        present=np.asarray(vectors.any(axis=1)),
        encoder=VERSION,
        source=f"{of}s.{column.name}",
        of=of,
        columns=names,
    )


def vocabulary(values: pl.Series, min_count: int) -> tuple[str, ...]:
    """The levels of the known values, by name.

    Values of fewer than `min_count` rows are one level, `OTHER`, which is the last; it exists only
    if there are such values.
    """
    counts = values.drop_nulls().rename("value").value_counts()
    often = counts.filter(pl.col("count") >= min_count)["value"].sort().to_list()
    return (*often, OTHER) if len(often) < len(counts) else tuple(often)


def _coded(
    values: pl.Series, levels: tuple[str, ...]
) -> tuple[Int[Array, " rows"], tuple[str, ...]]:
    """The code of each value: that of `OTHER` for one that is no level, if there is this level."""
    numbers = {level: number for number, level in enumerate(levels)}
    unknown = numbers.pop(OTHER, -1)
    codes = values.replace_strict(numbers, default=unknown, return_dtype=pl.Int32)
    missing = values.is_null().to_numpy()
    return np.where(missing, -1, codes.fill_null(-1).to_numpy()).astype(np.int32), levels
