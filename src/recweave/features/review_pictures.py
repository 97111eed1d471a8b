"""The pictures in reviews as features: of items or users, without an event's own pictures."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadSetting
from recweave.core.settings import Settings
from recweave.data.reviews import train_reviews
from recweave.encode.features import AnyFeature as AnyVectors
from recweave.encode.images import image_encoder
from recweave.encode.images.items import encode_pictures
from recweave.encode.images.reading import report
from recweave.encode.means import Contributions
from recweave.encode.text import text_encoder
from recweave.enrich.captions import captioner
from recweave.enrich.captions.pictures import caption_pictures
from recweave.features.captions import Captioning
from recweave.features.images import find_pictures
from recweave.features.spec import FeatureContext, FeatureSpec, require_separate_vectors

Encoded = tuple[Float[Array, "pictures dim"], Bool[Array, " pictures"], str, str]
"""Vectors of pictures, which of them have one, and the encoder and source of the feature."""


class ReviewPictures(FeatureSpec):
    """The mean of the pictures in train's reviews of an item, or of a user (MMREC)."""

    of: Literal["item", "user"] = Field("item", description="whose pictures are averaged")
    folder: str = Field(
        "",
        description="the folder that paths in reviews.images start from: relative to the recipe "
        "file, or the name of known data",
    )
    for_events: bool = Field(
        False,
        description="vectors of events: each training event gets the mean without the pictures of "
        "its own review",
    )
    folds: int = Field(
        0, ge=0, description="with for_events, 0: leave one out; else K-fold, two or more"
    )
    seed: int = Field(0, description="of the folds")

    @abstractmethod
    def encode(self, pictures: Sequence[str], folder: Path, context: FeatureContext) -> Encoded:
        """A vector for each picture that has one."""

    def build(self, context: FeatureContext) -> AnyVectors:
        """See `FeatureSpec.build`.

        Raises:
            BadSetting: if no training review has a picture, or none can be used.
        """
        dataset = context.dataset
        rows = train_reviews(dataset, context.split)
        images = dataset.reviews["images"].gather(rows).list.drop_nulls()
        rows = np.repeat(rows, images.list.len().fill_null(0))
        pictures = images.explode().drop_nulls().to_list()
        if not pictures:
            raise BadSetting(
                f"no training review of {dataset.name} has a picture in its column 'images'; for "
                "pictures of items use kind = 'images' or 'captions'"
            )
        _, folder = find_pictures(dataset, self.folder, base_dir=context.base_dir)
        vectors, present, encoder, source = self.encode(pictures, folder, context)
        chosen = dataset.reviews[rows]
        user = dataset.user_ids.rows(chosen["user_id"])
        item = dataset.item_ids.rows(chosen["item_id"])
        counts = present & ((item if self.of == "item" else user) >= 0)
        means = Contributions(
            of=self.of,
            user=user[counts],
            item=item[counts],
            shape=(len(dataset.user_ids), len(dataset.item_ids)),
            vectors=vectors,
            vector=np.flatnonzero(counts),
            rows=rows[counts],
            table="reviews",
            size=len(dataset.reviews),
            encoder=f"{encoder}/mean",
            source=f"{counts.sum():,} pictures in reviews by {self.of}, {source}",
        )
        if not self.for_events:
            return means.mean()
        log = dataset.interactions()
        return means.leave_out(log, context.split, folds=self.folds, seed=self.seed)


class ReviewImages(ReviewPictures):
    """The mean of the vectors of the pictures in reviews.

    Pictures that cannot be used are named in the log.
    """

    kind: Literal["review_images"] = "review_images"
    encoder: str = Field(
        "efficientnet", description="efficientnet, colour, or several joined: efficientnet+colour"
    )

    def encode(self, pictures: Sequence[str], folder: Path, context: FeatureContext) -> Encoded:
        """See `ReviewPictures.encode`."""
        settings = Settings()
        encoder = image_encoder(self.encoder, settings)
        found = encode_pictures(pictures, folder, encoder, settings=settings)
        report(found.findings, pictures, context.dataset.name, folder)
        return unit_rows(found.vectors), found.present, encoder.name, found.source


class ReviewCaptions(Captioning, ReviewPictures):
    """The mean of the embeddings of the captions of pictures in reviews.

    Pictures that cannot be used are named in the log.
    """

    kind: Literal["review_captions"] = "review_captions"

    def encode(self, pictures: Sequence[str], folder: Path, context: FeatureContext) -> Encoded:
        """See `ReviewPictures.encode`."""
        if self.for_events:
            require_separate_vectors(self.encoder)
        encoder = text_encoder(self.encoder)
        by = captioner(self.options(context))
        found = caption_pictures(pictures, folder, by, settings=Settings())
        report(found.findings, pictures, context.dataset.name, folder)
        return encoder.encode(list(found.captions)), found.present, encoder.name, found.source
