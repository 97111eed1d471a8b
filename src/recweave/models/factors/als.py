"""Alternating least squares for implicit feedback."""

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
    """Matrix factorisation of who did what (Hu, Koren & Volinsky, ICDM 2008).

    A pair with an event counts as a 1 seen with confidence 1 + weight, any other pair as a 0 seen
    with confidence 1, and both sides' vectors are penalised by `reg`. Each row is solved exactly
    (see `Ridge`); a user's vector is solved again from their history whenever they ask.

    The time of an epoch is O(Σ n · dim · min(n, dim)) over users and items, n being their events;
    memory holds the vectors.
    """

    trainer: ClassVar[str] = f"{__name__}:train_als"

    dim: Annotated[int, Tune(16, 256, log=True)] = Field(
        64, gt=0, description="length of the vectors"
    )
    weight: Annotated[float, Tune(1, 100, log=True)] = Field(
        10.0, gt=0, description="how much more an event counts than its absence"
    )
    reg: Annotated[float, Tune(0.01, 100, log=True)] = Field(
        1.0, gt=0, description="L2 penalty on each vector"
    )
    epochs: Annotated[int, Tune(5, 30)] = Field(10, gt=0, description="passes over users and items")
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0, gt=0, le=1, description="when asked: weight of an event to the power of those since"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="strength of an event by its behaviour"
    )


def train_als(recipe: ALS, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    codes = recipe.behaviors.by_code()
    by_user = Histories.of(data.train).matrix(weights=codes)
    by_item = by_user.T.tocsr()

    def fold(strength: Csr, vectors: Array) -> Array:
        ridge = Ridge.of(vectors, everywhere=True)
        return ridge.fold(strength, recipe.weight, recipe.reg, options.pool)

    rng = np.random.default_rng(options.seed)
    item = 0.1 * rng.standard_normal((data.train.shape[1], recipe.dim), dtype=np.float32)
    with threadpool_limits(1):
        for _ in track(range(recipe.epochs), "ALS"):
            item = fold(by_item, fold(by_user, item))
        user = fold(by_user, item)
    return Factors(user, item, recipe.weight, recipe.reg, recipe.decay, codes)
