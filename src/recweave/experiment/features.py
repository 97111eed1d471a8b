"""What a recipe file may ask to be made of words and numbers: `[features.NAME]`, one for each."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.data.reviews import train_reviews
from recweave.data.split import Split
from recweave.encode import Feature, Features
from recweave.encode.items import FIELDS, encode_items, item_texts
from recweave.encode.numeric import Code, LogBucket, encode_numbers
from recweave.encode.reviews import encode_reviews
from recweave.encode.text import text_encoder


class FeatureSpec(Value, ABC):
    """How a feature is made: from the catalogue, or from train's part of the reviews."""

    @abstractmethod
    def build(self, dataset: Dataset, split: Split, made: Features) -> Feature:
        """The vectors.

        Args:
            dataset: Whose items and users.
            split: Tells train's reviews from those held out.
            made: The features above this one in the file.
        """


class ItemText(FeatureSpec):
    """The words of the catalogue."""

    kind: Literal["items"] = "items"
    fields: tuple[str, ...] = Field(FIELDS, min_length=1, description="columns, in order")
    encoder: str = Field("minilm", description="minilm, tfidf, a path, owner/model or openai:…")

    def build(self, dataset: Dataset, split: Split, made: Features) -> Feature:
        """See `FeatureSpec.build`."""
        return encode_items(dataset, self.fields, text_encoder(self.encoder))


class ReviewText(FeatureSpec):
    """The mean of the reviews of an item, or of a user; those of train alone."""

    kind: Literal["reviews"] = "reviews"
    of: Literal["item", "user"] = Field("item", description="whose reviews are averaged")
    encoder: str = Field("minilm", description="minilm, tfidf, a path, owner/model or openai:…")
    leak: bool = Field(False, description="read held-out reviews too: wrong, to test the audit by")

    def build(self, dataset: Dataset, split: Split, made: Features) -> Feature:
        """See `FeatureSpec.build`."""
        if not len(dataset.reviews):
            raise BadSetting(f"{dataset.name} has no reviews; use kind = 'items'")
        rows = np.arange(len(dataset.reviews)) if self.leak else train_reviews(dataset, split)
        return encode_reviews(dataset, rows, self.of, text_encoder(self.encoder))


class Number(FeatureSpec):
    """A number of the catalogue, such as the price."""

    kind: Literal["number"] = "number"
    field: str = Field(description="a column of the items")
    code: Code = Field(LogBucket(), description="digits, log_bucket or fourier")

    def build(self, dataset: Dataset, split: Split, made: Features) -> Feature:
        """See `FeatureSpec.build`."""
        if self.field not in dataset.items.columns:
            raise UnknownName("column of the items", self.field, dataset.items.columns)
        values = np.full(len(dataset.item_ids), np.nan)
        row = dataset.item_ids.rows(dataset.items["item_id"])
        values[row] = dataset.items[self.field].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return encode_numbers(values, self.code, source=f"items.{self.field}")


class TextLength(FeatureSpec):
    """A control: nothing but how long the text of each item is."""

    kind: Literal["length"] = "length"
    fields: tuple[str, ...] = Field(FIELDS, min_length=1, description="columns, in order")

    def build(self, dataset: Dataset, split: Split, made: Features) -> Feature:
        """See `FeatureSpec.build`."""
        lengths = np.array([float(len(text)) for text in item_texts(dataset, self.fields)])
        return encode_numbers(
            lengths, LogBucket(per_doubling=4), source=f"length of items.{'+'.join(self.fields)}"
        )


class Shuffled(FeatureSpec):
    """A control: the vectors of another feature, dealt out among the items that have one."""

    kind: Literal["shuffled"] = "shuffled"
    feature: str = Field(description="a feature above this one")
    seed: int = Field(0, description="of the draw")

    def build(self, dataset: Dataset, split: Split, made: Features) -> Feature:
        """See `FeatureSpec.build`."""
        other = made[self.feature]
        rows = np.flatnonzero(other.present)
        drawn = np.random.default_rng(self.seed).permutation(rows)
        source = np.arange(len(other.present))
        source[rows] = drawn
        return replace(
            other,
            vectors=other.vectors[source],
            source=f"{other.source}, shuffled",
            used={table: used[source] for table, used in other.used.items()},
        )


class RandomVectors(FeatureSpec):
    """A control: random vectors of length 1, as many numbers as another feature has."""

    kind: Literal["random"] = "random"
    feature: str = Field(description="a feature above this one")
    seed: int = Field(0, description="of the draw")

    def build(self, dataset: Dataset, split: Split, made: Features) -> Feature:
        """See `FeatureSpec.build`."""
        other = made[self.feature]
        rng = np.random.default_rng(self.seed)
        vectors = rng.standard_normal(other.vectors.shape, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[~other.present] = 0
        return Feature(vectors, other.present, "random/1", "drawn at random", of=other.of)


AnyFeature = Annotated[
    ItemText | ReviewText | Number | TextLength | Shuffled | RandomVectors,
    Field(discriminator="kind"),
]


def in_order(features: Mapping[str, FeatureSpec]) -> None:
    """Make sure that features stand below those they are made from.

    Raises:
        ValueError: naming the first that does not.
    """
    above: list[str] = []
    for name, spec in features.items():
        needed = getattr(spec, "feature", None)
        if needed is not None and needed not in above:
            raise ValueError(
                f"the feature '{name}' is made from '{needed}', which must be above it"
            )
        above.append(name)
