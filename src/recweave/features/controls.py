"""Controls for ablation: features without text. A gain with a control is not a gain by text."""

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from recweave.core.arrays import unit_rows
from recweave.encode.features import Feature, TextFeature, find_entity_feature, find_feature
from recweave.encode.items import FIELDS, item_texts
from recweave.encode.numeric import LogBucket, encode_numbers
from recweave.features.spec import FeatureContext, FeatureSpec


class TextLength(FeatureSpec):
    """A control: the length of each item's text, and nothing else."""

    kind: Literal["length"] = "length"
    fields: tuple[str, ...] = Field(FIELDS, min_length=1, description="columns, in order")

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        lengths = np.array([float(len(text)) for text in item_texts(context.dataset, self.fields)])
        return encode_numbers(
            lengths, LogBucket(per_doubling=4), source=f"length of items.{'+'.join(self.fields)}"
        )


class Permuted(FeatureSpec):
    """A control: the vectors of another feature, randomly permuted among those that have one.

    Texts (kind = "documents") are permuted among the items in the same way.
    """

    kind: Literal["shuffled"] = "shuffled"
    feature: str = Field(description="a feature above this one")
    seed: int = Field(0, description="of the permutation")

    def build(self, context: FeatureContext) -> Feature | TextFeature:
        """See `FeatureSpec.build`."""
        feature = find_feature(context.features, self.feature)
        other = (
            feature
            if isinstance(feature, TextFeature)
            else find_entity_feature(context.features, self.feature)
        )
        rows = np.flatnonzero(other.present)
        permuted = np.random.default_rng(self.seed).permutation(rows)
        source = np.arange(len(other.present))
        source[rows] = permuted
        if isinstance(other, TextFeature):
            return replace(
                other,
                item=np.argsort(source)[other.item].astype(np.int32),
                source=f"{other.source}, permuted",
                used={table: used[source] for table, used in other.used.items()},
            )
        return replace(
            other,
            vectors=other.vectors[source],
            source=f"{other.source}, permuted",
            used={table: used[source] for table, used in other.used.items()},
        )

    def made_from(self) -> tuple[str, ...]:
        """See `FeatureSpec.made_from`."""
        return (self.feature,)


class RandomVectors(FeatureSpec):
    """A control: random vectors of length 1, as many numbers as another feature has."""

    kind: Literal["random"] = "random"
    feature: str = Field(description="a feature above this one")
    seed: int = Field(0, description="of the random vectors")

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        other = find_entity_feature(context.features, self.feature)
        rng = np.random.default_rng(self.seed)
        vectors = unit_rows(rng.standard_normal(other.vectors.shape, dtype=np.float32))
        vectors[~other.present] = 0
        return Feature(vectors, other.present, "random/1", "random vectors", of=other.of)

    def made_from(self) -> tuple[str, ...]:
        """See `FeatureSpec.made_from`."""
        return (self.feature,)
