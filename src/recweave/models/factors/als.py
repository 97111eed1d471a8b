"""Alternating least squares (ALS) for implicit feedback."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from recweave.core.arrays import Array, Csr
from recweave.core.progress import track
from recweave.data.interactions import Histories
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import Factors
from recweave.models.ridge import Ridge
from recweave.models.training import Options, TrainingData


class ALS(Recipe):
    """Matrix factorization of implicit feedback (Hu, Koren & Volinsky, ICDM 2008).

    A pair with an event is a 1 with confidence 1 + weight, any other pair a 0 with confidence 1.
    `reg` is the L2 regularization of the vectors of both sides. Each row is solved exactly (see
    `Ridge`). For each query the user vector is computed again from the history (fold-in).

    The time of an epoch is O(Σ n · dim · min(n, dim)) over users and items, where n is their number
    of events; the memory holds the vectors.
    """

    trainer: ClassVar[str] = f"{__name__}:train_als"

    dim: Annotated[int, Tune(16, 256, log=True)] = Field(
        64, gt=0, description="length of the vectors"
    )
    weight: Annotated[float, Tune(1, 100, log=True)] = Field(
        10.0, gt=0, description="extra confidence of a pair with an event (alpha in the paper)"
    )
    reg: Annotated[float, Tune(0.01, 100, log=True)] = Field(
        1.0, gt=0, description="L2 penalty on each vector"
    )
    epochs: Annotated[int, Tune(5, 30)] = Field(10, gt=0, description="passes over users and items")
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0,
        gt=0,
        le=1,
        description="in queries: event weight, to the power of the number of later events",
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event by its behaviour"
    )


def train_als(recipe: ALS, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    codes = recipe.behaviors.by_code()
    by_user = Histories.of(data.train).matrix(weights=codes)
    by_item = by_user.T.tocsr()

    def fold_in(events: Csr, vectors: Array) -> Array:
        ridge = Ridge.of(vectors, implicit=True)
        return ridge.fold_in(events, recipe.weight, recipe.reg, options.pool)

    rng = np.random.default_rng(options.seed)
    item = 0.1 * rng.standard_normal((data.train.shape[1], recipe.dim), dtype=np.float32)
    with threadpool_limits(1):
        for _ in track(range(recipe.epochs), "ALS"):
            item = fold_in(by_item, fold_in(by_user, item))
        user = fold_in(by_user, item)
    return Factors(user, item, recipe.weight, recipe.reg, recipe.decay, codes)
