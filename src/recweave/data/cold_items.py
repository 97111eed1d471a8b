"""Items held out with all their events: cold items, as those that a shop has just put on sale."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import TEST, TRAIN, VALID, Parts, Splitter


class ColdItems(Splitter):
    """A random share of the items with all their events for test, another for validation.

    No event of these items is in train, so nothing but their features can place them. Items without
    events are not drawn. For the test, validation events are history like any other. Models that
    know only items with events find nothing: rank cold items alone with the stage `cold`.
    """

    kind: Literal["cold_items"] = "cold_items"
    valid: float = Field(0.1, ge=0, lt=1, description="share of the items held out for validation")
    test: float = Field(0.2, gt=0, lt=1, description="share of the items held out for test")

    @model_validator(mode="after")
    def _leaves_some(self) -> "ColdItems":
        if self.valid + self.test >= 1:
            raise BadSetting(
                f"the shares {self.valid:g} and {self.test:g} hold out all items; give less"
            )
        return self

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`."""
        known = np.flatnonzero(log.item_counts())
        drawn = np.random.default_rng(seed).permutation(known)
        tests, both = (round(share * len(known)) for share in (self.test, self.test + self.valid))
        part = np.full(log.shape[1], TRAIN, np.int8)
        part[drawn[:tests]] = TEST
        part[drawn[tests:both]] = VALID
        return np.asarray(part[log.item])
