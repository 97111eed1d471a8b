"""What a user's history looks like: the mean of the vectors of their items."""

from typing import Literal

import numpy as np
from pydantic import Field

from recweave.core.errors import BadSetting
from recweave.data.split import TRAIN
from recweave.encode.features import AnyFeature as AnyVectors
from recweave.encode.features import find_item_feature
from recweave.encode.means import Contributions
from recweave.features.spec import FeatureContext, FeatureSpec


class History(FeatureSpec):
    """The mean of the vectors of the items in a user's training events.

    For data without reviews: it says what the user has chosen in words or pictures of the
    catalogue. With `value_from` and `value_below`, only events with such values count: one feature
    of what a user liked, another one of what they did not. Use folds with these: in a leave-one-out
    mean, an event that does not count has its user's whole mean, which a model can recognize.
    """

    kind: Literal["history"] = "history"
    feature: str = Field(description="a feature of items above this one, of the catalogue alone")
    value_from: float | None = Field(None, description="the least value of an event that counts")
    value_below: float | None = Field(None, description="events that count have lower values")
    for_events: bool = Field(
        False,
        description="vectors of events: each training event gets the mean without its own item",
    )
    folds: int = Field(
        0, ge=0, description="with for_events, 0: leave one out; else K-fold, two or more"
    )
    seed: int = Field(0, description="of the folds")

    def build(self, context: FeatureContext) -> AnyVectors:
        """See `FeatureSpec.build`.

        Raises:
            BadSetting: if no event counts, or the items' vectors were made from reviews or events.
        """
        items = find_item_feature(context.features, self.feature)
        if items.used:
            raise BadSetting(
                f"the feature '{self.feature}' is made from {' and '.join(items.used)}; a history "
                "needs one that is made from the catalogue alone"
            )
        if context.split.part is None:
            raise BadSetting("a history needs a split that was cut from the log (Dataset.split)")
        log = context.dataset.interactions()
        counts = (context.split.part == TRAIN) & items.present[log.item]
        if self.value_from is not None:
            counts &= log.value >= self.value_from
        if self.value_below is not None:
            counts &= log.value < self.value_below
        rows = np.flatnonzero(counts)
        if not len(rows):
            raise BadSetting(
                f"no training event counts for a history of '{self.feature}'; set value_from and "
                "value_below within the values of the log"
            )
        history = Contributions(
            of="user",
            user=log.user[rows],
            item=log.item[rows],
            shape=log.shape,
            vectors=items.vectors,
            vector=log.item[rows],
            rows=rows,
            table="events",
            size=len(log),
            encoder=f"{items.encoder}/history",
            source=f"{len(rows):,} events of items with {items.source}",
        )
        if not self.for_events:
            return history.mean()
        return history.leave_out(log, context.split, folds=self.folds, seed=self.seed)

    def made_from(self) -> tuple[str, ...]:
        """See `FeatureSpec.made_from`."""
        return (self.feature,)
