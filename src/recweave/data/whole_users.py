"""A split by users: cold users are held out whole."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import TEST, TRAIN, VALID, Parts, Splitter


class WholeUsers(Splitter):
    """All events of some users, drawn at random: how well are cold users served?

    Nothing is known of the held-out users but what an impression says of its reader, so this is for
    impressions with histories and for click models; lists of users without a history are all alike.
    """

    kind: Literal["users"] = "users"
    valid: float = Field(0.1, ge=0, lt=1, description="share of the users for validation")
    test: float = Field(0.1, gt=0, lt=1, description="share of the users for test")

    @model_validator(mode="after")
    def _leaves_some(self) -> "WholeUsers":
        if self.valid + self.test >= 1:
            raise BadSetting(
                f"the shares {self.valid:g} and {self.test:g} hold out all users; give less"
            )
        return self

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`; users without events do not count."""
        drawn = np.random.default_rng(seed).permutation(np.unique(log.user))
        tests, both = (round(share * len(drawn)) for share in (self.test, self.test + self.valid))
        of_user = np.full(log.shape[0], TRAIN, np.int8)
        of_user[drawn[:tests]] = TEST
        of_user[drawn[tests:both]] = VALID
        return np.asarray(of_user[log.user])
