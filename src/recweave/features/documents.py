"""The texts of the catalogue and of train's reviews as they are, for models that read words."""

from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Int
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.html import strip_html_series
from recweave.data.reviews import train_reviews
from recweave.encode.encoder import fingerprint
from recweave.encode.features import TextFeature
from recweave.encode.items import item_texts
from recweave.features.spec import FeatureContext, FeatureSpec

FIELDS = ("title", "brand", "categories", "description")
REVIEW = "review"


class Documents(FeatureSpec):
    """Texts of items: columns of the catalogue, one text each, and the reviews of train alone."""

    kind: Literal["documents"] = "documents"
    fields: tuple[str, ...] | None = Field(
        None,
        description="columns of the catalogue; left out: those it has of title, brand, categories "
        "and description",
    )
    reviews: bool = Field(True, description="whether reviews are read; of train alone")

    def build(self, context: FeatureContext) -> TextFeature:
        """See `FeatureSpec.build`.

        Raises:
            BadSetting: for a column that the catalogue does not have, or if there is no text.
        """
        dataset = context.dataset
        fields = self._fields(dataset)
        parts = [_of_catalogue(dataset, number, name) for number, name in enumerate(fields)]
        rows = np.zeros(0, np.int64)
        if self.reviews and len(dataset.reviews):
            part, rows = _of_reviews(dataset, train_reviews(dataset, context.split), len(fields))
            parts.append(part)
        return self._feature(dataset, fields, parts, rows)

    def of_new_items(self, items: pl.DataFrame) -> TextFeature | None:
        """See `FeatureSpec.of_new_items`; None if no new item has a text."""
        dataset = Dataset("new items", items=items, numbering="table")
        fields = self._fields(dataset)
        parts = [
            _of_catalogue(dataset, number, name)
            for number, name in enumerate(fields)
            if name in items.columns
        ]
        if not sum(map(len, parts)):
            return None
        return self._feature(dataset, fields, parts, np.zeros(0, np.int64))

    def _fields(self, dataset: Dataset) -> tuple[str, ...]:
        columns = dataset.items.columns
        return tuple(n for n in FIELDS if n in columns) if self.fields is None else self.fields

    def _feature(
        self,
        dataset: Dataset,
        fields: tuple[str, ...],
        parts: list[pl.DataFrame],
        rows: Int[Array, " reviews"],
    ) -> TextFeature:
        """The feature of these texts; those of `rows` of the reviews come last."""
        table = pl.concat(parts) if parts else pl.DataFrame({"text": []})
        if not len(table):
            raise BadSetting(
                f"{dataset.name} has no texts that may be read: the columns "
                f"{', '.join(fields) or 'of its catalogue'} are empty, and train has no reviews"
            )
        items = len(dataset.item_ids)
        item = table["item"].to_numpy().astype(np.int32)
        return TextFeature(
            text=table["text"].to_list(),
            item=item,
            user=table["user"].to_numpy().astype(np.int32),
            kind=table["kind"].to_numpy().astype(np.int32),
            kinds=(*fields, REVIEW),
            present=np.bincount(item, minlength=items) > 0,
            encoder="documents/1",
            source=f"{len(table):,} texts of items ({', '.join((*fields, REVIEW))}), "
            f"{fingerprint(table['text'].to_list())}",
            used=_used(item[len(item) - len(rows) :], rows, items, len(dataset.reviews)),
        )


def _of_catalogue(dataset: Dataset, number: int, name: str) -> pl.DataFrame:
    texts = item_texts(dataset, (name,))
    table = pl.DataFrame({"text": texts, "item": np.arange(len(texts), dtype=np.int32)})
    return _with(table, user=-1, number=number).filter(pl.col("text") != "")


def _of_reviews(
    dataset: Dataset, rows: Int[Array, " n"], number: int
) -> tuple[pl.DataFrame, Int[Array, " m"]]:
    """The reviews that have a text, a user and an item, and their rows."""
    chosen = dataset.reviews[rows]
    text = strip_html_series(chosen["text"].fill_null("")).str.strip_chars()
    user = dataset.user_ids.rows(chosen["user_id"])
    item = dataset.item_ids.rows(chosen["item_id"])
    usable = (text != "").to_numpy() & (user >= 0) & (item >= 0)
    table = pl.DataFrame({"text": text, "item": item.astype(np.int32)})
    return _with(table, user=pl.Series(user), number=number).filter(usable), rows[usable]


def _with(table: pl.DataFrame, user: int | pl.Series, number: int) -> pl.DataFrame:
    users = pl.lit(user, pl.Int32) if isinstance(user, int) else user.cast(pl.Int32)
    return table.with_columns(user=users, kind=pl.lit(number, pl.Int32))


def _used(
    item: Int[Array, " n"], rows: Int[Array, " n"], items: int, reviews: int
) -> dict[str, sparse.csr_array]:
    """By table, the rows that the texts of each item are."""
    if not len(rows):
        return {}
    ones = np.ones(len(rows), np.float32)
    return {"reviews": sparse.csr_array((ones, (item, rows)), shape=(items, reviews))}
