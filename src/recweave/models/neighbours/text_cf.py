"""T-UserCF and T-ItemCF: neighbours by similar ratings and similar texts."""

from abc import ABC
from typing import Annotated, Literal

from pydantic import Field

from recweave.encode.features import find_entity_feature, find_item_feature
from recweave.models.base import Tune
from recweave.models.neighbours.item_cf import ItemCF
from recweave.models.neighbours.ratings import RatingCF
from recweave.models.neighbours.text_similarity import (
    TextSimilarity,
    centered_directions,
    user_means,
)
from recweave.models.neighbours.user_cf import UserCF
from recweave.models.training import TrainingData


class _TextCF(RatingCF, ABC):
    semantics: Literal["rigorous"] = Field("rigorous", description="the only semantics with text")
    alpha: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.7,
        ge=0,
        le=1,
        description="weight of the ratings in the similarity: 1 is plain CF, 0 only text",
    )
    feature: str = Field("text", description="vectors that the text similarity is computed from")

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return (self.feature,)


class TUserCF(_TextCF, UserCF):
    """`UserCF` whose similarity also counts what users write, or the texts of their items.

    The feature may be of users, such as the mean of their reviews, or of items: then a user's
    vector is the mean over the items of their training events. `TextSimilarity` has the formula;
    with `alpha` = 1 this is `UserCF`. For a user without ratings only the text counts, and the mean
    of all ratings takes the place of the user's mean. For a cold user without a text only the
    ratings count. For predictions the candidates are the users who rated the item, for lists all
    users.

    Costs in addition to `UserCF`: for each prediction, the number of users who rated the item times
    the length of a vector; for each list, all users times that length. Memory for users times that
    length.
    """

    def _text_similarity(self, data: TrainingData) -> TextSimilarity:
        feature = find_entity_feature(data.features, self.feature)
        if feature.of == "item":
            feature = user_means(feature, data.train.matrix(values=False))
        return TextSimilarity(centered_directions(feature), self.alpha)


class TItemCF(_TextCF, ItemCF):
    """`ItemCF` whose similarity also counts the texts of items.

    `TextSimilarity` has the formula; with `alpha` = 1 this is `ItemCF`. For a cold item without
    ratings only the text counts. For predictions the candidates are the items that the user has
    rated, for lists all items. In lists, the largest weight of an item that shares no user with any
    other is the average largest weight of the others.

    Costs in addition to `ItemCF`: items² times the length of a vector for the lists, and for each
    prediction the number of the user's items times that length.
    """

    def _text_similarity(self, data: TrainingData) -> TextSimilarity:
        return TextSimilarity(
            centered_directions(find_item_feature(data.features, self.feature)), self.alpha
        )
