"""What everybody should beat: popularity, of all time or of late, and chance."""

from typing import Annotated

import numpy as np
from pydantic import Field

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.models.base import Recipe, Tune
from recweave.models.kinds import ItemScores
from recweave.parallel import Pool, Serial

DAY = 86_400


class Popularity(Recipe):
    """The most consumed items, of all time or of the last `days` before the log ends.

    Items without an event in the window come last, in the order of all time. On logs with strong
    trends the window matters: over a week it beat a plain SASRec on MovieLens-20M (peers.md, P2).
    """

    days: Annotated[float | None, Tune(choices=(None, 7.0, 30.0, 90.0))] = Field(
        None, gt=0, description="count only the log's last days; all of it without"
    )

    def fit(
        self,
        train: Interactions,
        *,
        features: Features | None = None,
        valid: Interactions | None = None,
        seed: int = 0,
        pool: Pool = Serial(),  # noqa: B008
    ) -> ItemScores:
        """See `Recipe.fit`."""
        ever = train.item_counts()
        if self.days is None:
            return ItemScores(ever.astype(np.float32))
        if train.clock != "seconds":
            raise BadSetting("popularity over days needs times; this log has only an order")
        late = train[train.time > train.time.max() - self.days * DAY].item_counts()
        # Less than one recent event, so that all time only breaks the ties of the window.
        return ItemScores((late + ever / (ever.max() + 1)).astype(np.float32))


class Random(Recipe):
    """One random order of the items for everybody, drawn from the seed: the floor of any metric."""

    def fit(
        self,
        train: Interactions,
        *,
        features: Features | None = None,
        valid: Interactions | None = None,
        seed: int = 0,
        pool: Pool = Serial(),  # noqa: B008
    ) -> ItemScores:
        """See `Recipe.fit`."""
        rng = np.random.default_rng(seed)
        return ItemScores(rng.random(train.shape[1], dtype=np.float32))
