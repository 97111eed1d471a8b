"""Alternating least squares for implicit feedback."""

from typing import Annotated

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from recweave.core.arrays import Array, Csr
from recweave.core.progress import track
from recweave.data.interactions import Histories, Interactions
from recweave.encode.features import Features
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import Factors
from recweave.models.ridge import Ridge
from recweave.parallel import Pool, Serial, Threads


class ALS(Recipe):
    """Matrix factorisation of who did what (Hu, Koren & Volinsky, ICDM 2008).

    A pair with an event counts as a 1 seen with confidence 1 + weight, any other pair as a 0 seen
    with confidence 1, and both sides' vectors are penalised by `reg`. Each row is solved exactly
    (see `Ridge`); a user's vector is solved again from their history whenever they ask.

    The time of an epoch is O(Σ n · dim · min(n, dim)) over users and items, n being their events;
    memory holds the vectors.
    """

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

    def fit(
        self,
        train: Interactions,
        *,
        features: Features | None = None,
        valid: Interactions | None = None,
        seed: int = 0,
        pool: Pool = Serial(),  # noqa: B008
    ) -> Factors:
        """See `Recipe.fit`."""
        codes = self.behaviors.by_code()
        by_user = Histories.of(train).matrix(weights=codes)
        by_item = by_user.T.tocsr()

        def fold(strength: Csr, vectors: Array) -> Array:
            ridge = Ridge.of(vectors, everywhere=True)
            return ridge.fold(strength, self.weight, self.reg, Threads())

        rng = np.random.default_rng(seed)
        item = 0.1 * rng.standard_normal((train.shape[1], self.dim), dtype=np.float32)
        with threadpool_limits(1):
            for _ in track(range(self.epochs), "ALS"):
                item = fold(by_item, fold(by_user, item))
            user = fold(by_user, item)
        return Factors(user, item, self.weight, self.reg, self.decay, codes)
