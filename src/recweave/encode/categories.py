"""Categories as vectors: similarity of items without a trained encoder."""

import numpy as np
import polars as pl

from recweave.core.arrays import unit_rows
from recweave.data.dataset import Dataset
from recweave.encode.features import Feature


def encode_categories(dataset: Dataset) -> Feature:
    """A unit vector over the categories of the catalogue, equal in each that the item has.

    The cosine of two items is then the share of categories they have in common. It reads the
    catalogue alone, no events.
    """
    listed = dataset.items.select("item_id", "categories").explode("categories").drop_nulls()
    listed = listed.filter(pl.col("categories").str.len_chars() > 0).unique(maintain_order=True)
    row = dataset.item_ids.rows(listed["item_id"])
    names = listed["categories"].unique().sort()
    column = np.searchsorted(names.to_numpy(), listed["categories"].to_numpy())
    vectors = np.zeros((len(dataset.item_ids), len(names)), np.float32)
    vectors[row, column] = 1
    return Feature(
        vectors=unit_rows(vectors),
        present=np.asarray(vectors.any(axis=1)),
        encoder="categories/1",
        source="items.categories",
        columns=tuple(names),
    )
