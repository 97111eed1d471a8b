"""T-UserCF and T-ItemCF: neighbours who rate alike and whose words are alike."""

from abc import ABC
from typing import Annotated, Literal

from pydantic import Field

from recweave.encode.features import find_entity_feature, find_item_feature
from recweave.models.base import Tune
from recweave.models.neighbours.item_cf import ItemCF
from recweave.models.neighbours.ratings import RatingCF
from recweave.models.neighbours.user_cf import UserCF
from recweave.models.neighbours.words import (
    Words,
    averaged,
    directions,
)
from recweave.models.training import TrainingData


class _TextCF(RatingCF, ABC):
    semantics: Literal["rigorous"] = Field("rigorous", description="the only one with words")
    alpha: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.7, ge=0, le=1, description="share of the ratings in likeness; 1 is plain CF, 0 words only"
    )
    feature: str = Field("text", description="whose vectors tell how alike the words are")

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return (self.feature,)


class TUserCF(_TextCF, UserCF):
    """`UserCF` among users who also write alike, or have items described alike.

    The feature may be of users, such as the mean of their reviews; or of items, and then a user's
    vector is the mean over the items they had in training. `Words` has the formula: with
    `alpha` = 1 this is `UserCF`. Somebody without ratings is served by their words, the mean of all
    ratings standing in for theirs in equation 3; newcomers, of whom no text is known, by their
    ratings. For predictions the candidates are the item's raters, for lists all users.

    Costs on top of `UserCF`'s: for each rating that is asked for, the item's raters times the
    length of a vector; for each list, all users times that. Memory for users times that length.
    """

    def _words(self, data: TrainingData) -> Words:
        feature = find_entity_feature(data.features, self.feature)
        if feature.of == "item":
            feature = averaged(feature, data.train.matrix(values=False))
        return Words(directions(feature), self.alpha)


class TItemCF(_TextCF, ItemCF):
    """`ItemCF` among items that are also described alike.

    `Words` has the formula: with `alpha` = 1 this is `ItemCF`. An item without ratings is served by
    its words. For predictions the candidates are the items that the user has rated, for lists all
    items; in lists, the weights of an item without anything in common with another are as large as
    those of others on average.

    Costs on top of `ItemCF`'s: items² times the length of a vector, for the lists, and for each
    rating that is asked for, the user's items times that.
    """

    def _words(self, data: TrainingData) -> Words:
        return Words(directions(find_item_feature(data.features, self.feature)), self.alpha)
