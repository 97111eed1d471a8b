"""Neighbours for lists, from what people did rather than how they rated it: ItemKNN and UserKNN."""

from abc import ABC
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from recweave.core.arrays import Array, Csr
from recweave.data.interactions import Histories, Interactions
from recweave.models.base import Model, Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import ItemWeights
from recweave.models.neighbours.pairs import Neighbourhood
from recweave.models.neighbours.weighting import Scheme, Weighting
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData


class _KNN(Recipe, ABC):
    similarity: Annotated[Scheme, Tune(choices=("cosine", "tfidf", "bm25"))] = Field(
        "cosine", description="how alike two are: cosine of presence, of TF-IDF, or BM25"
    )
    k: Annotated[int, Tune(5, 500, log=True)] = Field(
        100, gt=0, description="neighbours of each, itself not counted"
    )
    shrinkage: Annotated[float, Tune(0.0, 100.0)] = Field(
        10.0, ge=0, description="a likeness that rests on n in common is multiplied by n / (n + it)"
    )
    k1: Annotated[float, Tune(0.1, 100.0, log=True)] = Field(
        1.2, gt=0, description="bm25 only: how late strength saturates"
    )
    b: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.75, ge=0, le=1, description="bm25 only: how much those with many events lose"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(),
        description="strength of an event by its behaviour; ratings' values are not read",
    )

    def _strength(self, train: Interactions) -> Csr:
        return Histories.of(train).matrix(weights=self.behaviors.by_code())

    def _weighting(self, documents: Csr) -> Weighting:
        return Weighting.of(documents, self.similarity, self.k1, self.b)


class ItemKNN(_KNN):
    """Items like those in the history, by who else has them (Sarwar et al., WWW 2001).

    With cosine and behaviours that all count 1, w_ij = C_ij / √(N_i N_j), the count form of ItemCF:
    C_ij users have both, N_i have i. A list is the sum of the weights that the items
    of the history give, each having its `k` strongest; it takes no user's row, so new users are
    served like known ones. The neighbours are those of `implicit`'s CosineRecommender,
    TFIDFRecommender and BM25Recommender with K = k + 1 (it counts an item as its own neighbour);
    ties go by item row.

    The cost is the sum over users of the square of their items; memory holds items · k weights.
    """

    trainer: ClassVar[str] = f"{__name__}:train_item_knn"
    stochastic: ClassVar[bool] = False

    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0, gt=0, le=1, description="weight of an event is this to the power of the events since"
    )


def train_item_knn(recipe: ItemKNN, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`."""
    items = recipe._strength(data.train).T.tocsr()
    items = recipe._weighting(items).apply(items)
    around = Neighbourhood(items.T.tocsr(), recipe.k, recipe.shrinkage)
    weights = around.nearest(items, np.arange(data.train.shape[1]), options.pool)
    return ItemWeights(weights, recipe.decay, recipe.behaviors.by_code())


class UserKNN(_KNN):
    """What the users most like the asker have, each with their likeness as weight.

    Likeness is that of the histories (Herlocker et al., SIGIR 1999, without ratings); the asker's
    is taken as it stands when asked, so new users are served too. A known user is not their own
    neighbour. The cost of a list is the sum over the items of the history of those who have them.
    """

    trainer: ClassVar[str] = f"{__name__}:train_user_knn"
    stochastic: ClassVar[bool] = False


def train_user_knn(recipe: UserKNN, data: TrainingData, options: Options) -> "UserVotes":
    """See `Recipe.fit`."""
    users = recipe._strength(data.train)
    weighting = recipe._weighting(users)
    around = Neighbourhood(weighting.apply(users).T.tocsr(), recipe.k, recipe.shrinkage)
    return UserVotes(users, around, weighting, recipe.behaviors.by_code())


@dataclass(frozen=True, eq=False)
class UserVotes(Model):
    """Scores an item by the votes of the users most like the asker.

    Attributes:
        strength: Users by items, as trained on.
        around: Finds the nearest of these users.
        weighting: Makes a history comparable with them.
        behaviors: Strength of an event by its behaviour.
    """

    strength: Csr
    around: Neighbourhood
    weighting: Weighting
    behaviors: Float[Array, " behaviors"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        history = query.history.matrix(weights=self.behaviors)
        voters = self.around.nearest(self.weighting.apply(history), query.user)
        return np.asarray((voters @ self.strength).toarray(), dtype=np.float32)
