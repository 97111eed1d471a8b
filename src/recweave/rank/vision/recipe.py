"""The stage `vision` of a recipe file: its settings, and how its strength is chosen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field, model_validator
from scipy import sparse

from recweave.core.arrays import Array, Csr, unit_rows
from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions, behavior_code
from recweave.encode.categories import encode_categories
from recweave.encode.features import Feature, find_item_feature
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.stages import StageContext, StageRecipe
from recweave.rank.strength import best_strength
from recweave.rank.vision.evidence import ALSO_BUY, ALSO_VIEW, Evidence, links
from recweave.rank.vision.looks import Looks
from recweave.rank.vision.objects import Vision


class VisionRecipe(StageRecipe):
    """Move items by what their pictures show, liked and disliked (vision re-ranker).

    Evidence is a user's history: items bought, liked, viewed and disliked, and those linked to the
    ones bought. `filter` puts what shows disliked objects last, `tier` puts liked objects first,
    `blend` adds a soft score, of a strength that is chosen on validation. The vectors of a feature
    without classes, such as `kind = "images"`, are compared by cosine; `blend` alone takes them.
    """

    kind: Literal["vision"] = "vision"
    feature: str = Field(
        "objects",
        description="an item feature with a number for each class (objects), or dense vectors "
        "(images); or categories",
    )
    operator: Literal["filter", "tier", "blend"] = Field("blend", description="what is done")
    strength: float | None = Field(
        None, ge=0, description="of the blend; chosen among `strengths` on validation if not given"
    )
    strengths: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 0.05, 0.1, 0.2, 0.5, 1.0), min_length=1, description="tried on validation, by NDCG@10"
    )
    disliked: float = Field(-1.0, le=0, description="weight of items rated `disliked_to` or less")
    viewed: float = Field(0.25, ge=0, description="weight of items viewed")
    bought_above: float = Field(3.0, description="ratings above it speak for an item")
    liked_from: float = Field(4.0, description="the least rating that is a like and counts more")
    disliked_to: float = Field(2.0, description="the largest rating that is a dislike")
    depth: int = Field(100, ge=1, description="items of a list that the choice re-ranks")

    @model_validator(mode="after")
    def _no_rating_is_both(self) -> "VisionRecipe":
        if self.disliked_to > self.bought_above:
            raise ValueError(
                f"ratings up to {self.disliked_to:g} ('disliked_to') are dislikes, and those above "
                f"{self.bought_above:g} ('bought_above') are none; set 'disliked_to' no higher"
            )
        return self

    def features_used(self) -> tuple[str, ...]:
        """See `StageRecipe.features_used`; categories are read from the catalogue."""
        return () if self.feature == "categories" else (self.feature,)

    @property
    def learns(self) -> bool:
        """See `StageRecipe.learns`: the strength of a blend, if it is not given."""
        return self.operator == "blend" and self.strength is None

    def settled(self, stage: Stage) -> StageRecipe:
        """See `StageRecipe.settled`: with the strength that was chosen."""
        assert isinstance(stage, Vision | Looks)
        return self.model_copy(update={"strength": stage.strength}) if self.learns else self

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`.

        Raises:
            BadSetting: also if a strength is to be chosen, and there is no validation part.
        """
        evidence = Evidence(
            links(context.dataset, ALSO_BUY),
            links(context.dataset, ALSO_VIEW),
            viewed=self.viewed,
            disliked=self.disliked,
            bought_above=self.bought_above,
            liked_from=self.liked_from,
            disliked_to=self.disliked_to,
        )
        stage = self._stage(self._feature(context), evidence, context.train)
        strength = self._choose(stage, context) if self.learns else self.strength or 0.0
        how = f"{strength:g}" if self.operator == "blend" else self.operator
        return replace(stage, strength=strength, label=f"vision {how}")

    def _feature(self, context: StageContext) -> Feature:
        if self.feature == "categories" and self.feature not in context.features:
            feature = encode_categories(context.dataset)
        else:
            feature = find_item_feature(context.features, self.feature)
        if not feature.vectors.any():
            raise BadSetting(
                f"stage 'vision': nothing was found in the pictures ('{self.feature}'); lower the "
                "threshold, or use another detector"
            )
        return feature

    def _stage(self, feature: Feature, evidence: Evidence, train: Interactions) -> Vision | Looks:
        if feature.columns:
            if (feature.vectors < 0).any():
                raise BadSetting(
                    f"stage 'vision': the feature '{self.feature}' has numbers below 0, and the "
                    "stage needs how sure it is of each class; name a feature of "
                    'kind = "objects"'
                )
            weighted = _weighted(feature.vectors, train)
            return Vision(weighted, tuple(feature.columns), evidence, self.operator, 0.0)
        if self.operator != "blend":
            raise BadSetting(
                f"stage 'vision': operator = '{self.operator}' needs classes of objects, and the "
                f"feature '{self.feature}' ({feature.encoder}) has none; name a feature of "
                "kind = \"objects\", or set operator = 'blend', which compares its vectors"
            )
        return Looks(_centred(feature, train), evidence, 0.0)

    def _choose(self, stage: Vision | Looks, context: StageContext) -> float:
        def with_strength(base: Ranking) -> Callable[[float], Ranking]:
            level, (added, _) = base.standardized(), stage.values(base)
            return lambda strength: base.ordered_by(level + strength * added)

        def liked(events: Interactions) -> Bool[Array, " n"]:
            rating = events.behavior == behavior_code("rating")
            return np.asarray(~rating | (events.value > self.bought_above))

        return best_strength(
            context, self.strengths, with_strength, stage=self.kind, depth=self.depth, liked=liked
        )


def _weighted(confidence: Float[Array, "items classes"], train: Interactions) -> Csr:
    """Confidences by how rare each class is among the items of train."""
    known = train.item_counts() > 0
    count = (confidence[known] > 0).sum(axis=0)
    rare = np.log((known.sum() + 1) / (count + 1))
    return sparse.csr_array(confidence * rare)


def _centred(feature: Feature, train: Interactions) -> Float[Array, "items dim"]:
    """Vectors less their mean over the items of train, in length 1.

    The vectors of an encoder point much the same way, so without this all pictures look alike.
    """
    known = feature.present & (train.item_counts() > 0)
    centre = feature.vectors[known].mean(axis=0) if known.any() else np.float32(0)
    return unit_rows(np.where(feature.present[:, None], feature.vectors - centre, np.float32(0)))
