"""Text of the catalogue and of reviews as features."""

from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.reviews import train_reviews
from recweave.encode.features import AnyFeature as AnyVectors
from recweave.encode.features import Feature
from recweave.encode.items import FIELDS, encode_items
from recweave.encode.reviews import review_vectors
from recweave.encode.text import text_encoder
from recweave.features.spec import FeatureContext, FeatureSpec, require_separate_vectors


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
    for_events: bool = Field(
        False,
        description="vectors of events: each training event gets the mean without its own review",
    )
    folds: int = Field(
        0, ge=0, description="with for_events, 0: leave one out; else K-fold, two or more"
    )
    seed: int = Field(0, description="of the folds")
    leak: bool = Field(False, description="also read held-out reviews: wrong, to test the audit")

    def build(self, context: FeatureContext) -> AnyVectors:
        """See `FeatureSpec.build`.

        Raises:
            BadSetting: if there are no reviews, or for variants of vectors that depend on all
                texts.
        """
        if not len(context.dataset.reviews):
            raise BadSetting(f"{context.dataset.name} has no reviews; use kind = 'items'")
        if self.for_events:
            require_separate_vectors(self.encoder)
        rows = (
            np.arange(len(context.dataset.reviews))
            if self.leak
            else train_reviews(context.dataset, context.split)
        )
        vectors = review_vectors(context.dataset, rows, self.of, text_encoder(self.encoder))
        if not self.for_events:
            return vectors.mean()
        log = context.dataset.interactions()
        return vectors.leave_out(log, context.split, folds=self.folds, seed=self.seed)
