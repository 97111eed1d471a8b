"""Text of the catalogue and of reviews as features."""

from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.reviews import train_reviews
from recweave.encode.features import Feature
from recweave.encode.items import FIELDS, encode_items
from recweave.encode.reviews import encode_reviews
from recweave.encode.text import text_encoder
from recweave.features.spec import FeatureContext, FeatureSpec


class ItemText(FeatureSpec):
    """The text of the catalogue."""

    kind: Literal["items"] = "items"
    fields: tuple[str, ...] = Field(FIELDS, min_length=1, description="columns, in order")
    encoder: str = Field("minilm", description="minilm, tfidf, a path, owner/model or openai:…")

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        return encode_items(context.dataset, self.fields, text_encoder(self.encoder))

    def of_new_items(self, items: pl.DataFrame) -> Feature | None:
        """See `FeatureSpec.of_new_items`."""
        if self.encoder == "tfidf":  # its vectors depend on the other texts
            return None
        return encode_items(
            Dataset("new items", items=items, numbering="table"),
            self.fields,
            text_encoder(self.encoder),
        )


class ReviewText(FeatureSpec):
    """The mean of the review vectors of an item, or of a user; reviews of train alone."""

    kind: Literal["reviews"] = "reviews"
    of: Literal["item", "user"] = Field("item", description="whose reviews are averaged")
    encoder: str = Field("minilm", description="minilm, tfidf, a path, owner/model or openai:…")
    leak: bool = Field(False, description="also read held-out reviews: wrong, to test the audit")

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        if not len(context.dataset.reviews):
            raise BadSetting(f"{context.dataset.name} has no reviews; use kind = 'items'")
        rows = (
            np.arange(len(context.dataset.reviews))
            if self.leak
            else train_reviews(context.dataset, context.split)
        )
        return encode_reviews(context.dataset, rows, self.of, text_encoder(self.encoder))
