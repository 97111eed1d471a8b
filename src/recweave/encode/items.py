"""The catalogue's text of an item, as one vector (embedding)."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from recweave.core.errors import BadSetting, did_you_mean
from recweave.data.dataset import Dataset
from recweave.data.html import strip_html_column
from recweave.encode.encoder import TextEncoder, fingerprint
from recweave.encode.features import Feature
from recweave.encode.text import text_encoder

FIELDS = ("title", "categories")


def encode_items(
    dataset: Dataset, fields: Sequence[str] = FIELDS, encoder: TextEncoder | None = None
) -> Feature:
    """The vector of each item's text, as `item_texts` puts it together.

    It reads the catalogue alone, no events and no reviews.

    Args:
        dataset: Whose items.
        fields: Columns of the catalogue, in the order they are read.
        encoder: MiniLM if not given.
    """
    encoder = encoder or text_encoder()
    texts = item_texts(dataset, fields)
    vectors = encoder.encode(texts)
    return Feature(
        vectors=vectors,
        present=np.any(vectors, axis=1),
        encoder=encoder.name,
        source=f"items.{'+'.join(fields)}, {fingerprint(texts)}",
    )


def item_texts(dataset: Dataset, fields: Sequence[str] = FIELDS) -> list[str]:
    """The text of each item, in the order of rows: the fields that it has, one per line.

    A list is read as a path, "Beauty > Makeup > Nails"; other values as they are. HTML tags
    are removed, white space is trimmed, and a field that is then empty is left out.

    Raises:
        BadSetting: for a field that the catalogue does not have.
    """
    items = dataset.items
    for name in fields:
        if name not in items.columns:
            hint = did_you_mean(name, items.columns)
            raise BadSetting(f"{dataset.name}: the items have no column '{name}'; {hint}")
    columns = [_in_words(items, name) for name in fields]
    joined = items.select(text=pl.concat_str(columns, separator="\n", ignore_nulls=True))
    texts = [""] * len(dataset.item_ids)
    for row, text in zip(dataset.item_ids.rows(items["item_id"]), joined["text"], strict=True):
        texts[row] = text
    return texts


def _in_words(items: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name)
    if isinstance(items.schema[name], pl.List):
        parts = column.list.eval(pl.element().cast(pl.String).str.strip_chars().replace("", None))
        column = parts.list.drop_nulls().list.join(" > ")
    text = strip_html_column(column.cast(pl.String)).str.strip_chars()
    return pl.when(text != "").then(text)
