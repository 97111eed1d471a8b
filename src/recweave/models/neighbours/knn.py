"""Nearest neighbours from implicit feedback: ItemKNN (item-to-item) and UserKNN."""

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
        "cosine", description="similarity: cosine of events, cosine of TF-IDF weights, or BM25"
    )
    k: Annotated[int, Tune(5, 500, log=True)] = Field(
        100, gt=0, description="number of neighbours of each item or user"
    )
    shrinkage: Annotated[float, Tune(0.0, 100.0)] = Field(
        10.0,
        ge=0,
        description="a similarity from n common users or items is multiplied by n / (n + this)",
    )
    k1: Annotated[float, Tune(0.1, 100.0, log=True)] = Field(
        1.2, gt=0, description="bm25 only: how slowly repeated events saturate"
    )
    b: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.75,
        ge=0,
        le=1,
        description="bm25 only: length normalization, how much many events lower a weight",
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(),
        description="weight of an event by its behaviour; values of ratings are ignored",
    )

    def _event_weights(self, train: Interactions) -> Csr:
        return Histories.of(train).matrix(weights=self.behaviors.by_code())

    def _weighting(self, documents: Csr) -> Weighting:
        return Weighting.of(documents, self.similarity, self.k1, self.b)


class ItemKNN(_KNN):
    """Item-to-item: items that the same users have (Sarwar et al., WWW 2001).

    With cosine and all behaviour weights 1, w_ij = C_ij / √(N_i N_j), where C_ij users have both
    items and N_i users have item i. The score of an item is the sum of the weights from the items
    of the history; each item keeps its `k` largest weights. The row of the user is not used, so
    cold users with a history are served like known users. The neighbours are those of `implicit`'s
    CosineRecommender, TFIDFRecommender and BM25Recommender with K = k + 1 (it counts an item as its
    own neighbour); ties go by item row.

    The cost is the sum over users of the square of their number of items; the memory holds
    items · k weights.
    """

    trainer: ClassVar[str] = f"{__name__}:train_item_knn"
    stochastic: ClassVar[bool] = False

    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0,
        gt=0,
        le=1,
        description="event weight, to the power of the number of later events",
    )


def train_item_knn(recipe: ItemKNN, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`."""
    items = recipe._event_weights(data.train).T.tocsr()
    items = recipe._weighting(items).apply(items)
    neighbors = Neighbourhood(items.T.tocsr(), recipe.k, recipe.shrinkage)
    weights = neighbors.nearest(items, np.arange(data.train.shape[1]), options.pool)
    return ItemWeights(weights, recipe.decay, recipe.behaviors.by_code())


class UserKNN(_KNN):
    """Items of the users most similar to the query user, weighted by similarity.

    The similarity is that of the histories (Herlocker et al., SIGIR 1999, without ratings). The
    current history of the query user is used, so cold users with a history get lists too. A known
    user is not their own neighbour. The cost of a list is the number of events of the items in the
    history.
    """

    trainer: ClassVar[str] = f"{__name__}:train_user_knn"
    stochastic: ClassVar[bool] = False


def train_user_knn(recipe: UserKNN, data: TrainingData, options: Options) -> "UserVotes":
    """See `Recipe.fit`."""
    users = recipe._event_weights(data.train)
    weighting = recipe._weighting(users)
    neighbors = Neighbourhood(weighting.apply(users).T.tocsr(), recipe.k, recipe.shrinkage)
    return UserVotes(users, neighbors, weighting, recipe.behaviors.by_code())


@dataclass(frozen=True, eq=False)
class UserVotes(Model):
    """Scores an item by the weights of the most similar users who have it.

    Attributes:
        strength: Users by items: weights of the training events.
        around: Finds the nearest of these users.
        weighting: Applies the weights of training to the history of a query.
        behaviors: Weight of an event by its behaviour.
    """

    strength: Csr
    around: Neighbourhood
    weighting: Weighting
    behaviors: Float[Array, " behaviors"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        history = query.history.matrix(weights=self.behaviors)
        similar_users = self.around.nearest(self.weighting.apply(history), query.user)
        return np.asarray((similar_users @ self.strength).toarray(), dtype=np.float32)
