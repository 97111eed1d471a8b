"""A split by users: strangers are held out whole."""

from typing import Literal

import numpy as np
from pydantic import Field

from recweave.data.interactions import Interactions
from recweave.data.split import TEST, TRAIN, VALID, Parts, Splitter


class WholeUsers(Splitter):
    """All events of some users, drawn at random: how well are strangers served?

    Nothing is known of the held-out users but what an impression says of its reader, so this is for
    impressions with histories and for click models; lists of users without a history are all alike.
    """

    kind: Literal["users"] = "users"
    valid: float = Field(0.1, ge=0, lt=1, description="share of the users for validation")
    test: float = Field(0.1, gt=0, lt=1, description="share of the users for test")

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`; users without events do not count."""
        drawn = np.random.default_rng(seed).permutation(np.unique(log.user))
        tests, valids = (
            int(np.floor(share * len(drawn) + 1e-9)) for share in (self.test, self.valid)
        )
        of_user = np.full(log.shape[0], TRAIN, np.int8)
        of_user[drawn[:tests]] = TEST
        of_user[drawn[tests : tests + valids]] = VALID
        return np.asarray(of_user[log.user])
