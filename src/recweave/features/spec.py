"""The settings of features in a recipe file: one table `[features.NAME]` for each."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import polars as pl
from pydantic import BeforeValidator, SerializeAsAny

from recweave.core.choice import Choice, OneOf
from recweave.core.errors import BadSetting
from recweave.core.registry import Registry
from recweave.data.dataset import Dataset
from recweave.data.split import Split
from recweave.encode.features import AnyFeature as AnyVectors
from recweave.encode.features import Feature, Features, TextFeature

FEATURES: "Registry[type[FeatureSpec]]" = Registry(
    "feature",
    {
        "items": "recweave.features.text:ItemText",
        "images": "recweave.features.images:ItemImages",
        "objects": "recweave.features.objects:ItemObjects",
        "captions": "recweave.features.captions:ItemCaptions",
        "reviews": "recweave.features.text:ReviewText",
        "review_images": "recweave.features.review_pictures:ReviewImages",
        "review_captions": "recweave.features.review_pictures:ReviewCaptions",
        "profiles": "recweave.features.profiles:ProfileText",
        "category": "recweave.features.categories:Category",
        "number": "recweave.features.numbers:Number",
        "documents": "recweave.features.documents:Documents",
        "history": "recweave.features.history:History",
        "numbers": "recweave.features.numbers:Numbers",
        "statistics": "recweave.features.statistics:Statistics",
        "interest": "recweave.features.numbers:InterestHorizon",
        "length": "recweave.features.controls:TextLength",
        "shuffled": "recweave.features.controls:Permuted",
        "random": "recweave.features.controls:RandomVectors",
    },
    group="recweave.features",
    subclass_of="recweave.features.spec:FeatureSpec",
)
"""The kinds of feature by name."""


@dataclass(frozen=True, eq=False)
class FeatureContext:
    """The data that a feature may be computed from.

    Attributes:
        dataset: With items, users and events.
        split: Distinguishes train's rows from those held out.
        features: Those above this one in the file.
        base_dir: The folder that relative paths start from.
    """

    dataset: Dataset
    split: Split
    features: Features = field(default_factory=dict)
    base_dir: Path = Path()


class FeatureSpec(Choice, ABC):
    """How a feature is computed: from the catalogue, or from train's reviews and events."""

    registry: ClassVar[Registry[Any]] = FEATURES

    @abstractmethod
    def build(self, context: FeatureContext) -> AnyVectors:
        """The vectors."""

    def made_from(self) -> tuple[str, ...]:
        """Names of the features above this one that it reads."""
        return ()

    def of_new_items(self, items: pl.DataFrame) -> Feature | TextFeature | None:
        """Vectors, or texts, of items that came after training, from their catalogue rows alone.

        None if they cannot be computed from the catalogue: such items have no vector.
        """
        return None


AnyFeature = Annotated[SerializeAsAny[FeatureSpec], BeforeValidator(OneOf(FEATURES))]
"""Any of the features in a recipe file, plug-ins included."""


def require_separate_vectors(encoder: str) -> None:
    """Refuse an encoder that cannot make variants of vectors, each without an event's own text.

    Raises:
        BadSetting: for TF-IDF.
    """
    if encoder == "tfidf":
        raise BadSetting(
            "tfidf vectors depend on all texts, so a variant would depend on the text that it "
            "leaves out; for_events needs another encoder, such as minilm"
        )


def in_order(features: Mapping[str, FeatureSpec]) -> None:
    """Refuse a feature that is above one it is made from.

    Raises:
        ValueError: naming the first such feature.
    """
    above: list[str] = []
    for name, spec in features.items():
        for needed in spec.made_from():
            if needed not in above:
                raise ValueError(
                    f"the feature '{name}' is made from '{needed}', which must be above it"
                )
        above.append(name)
