import numpy as np

from recweave.data.interactions import Interactions
from recweave.data.whole_users import WholeUsers


def test_whole_users_are_held_out():
    rng = np.random.default_rng(0)
    log = Interactions.of(
        rng.integers(0, 100, 1_000) * 2, rng.integers(0, 9, 1_000), shape=(300, 9)
    )
    split = WholeUsers(valid=0.2, test=0.3).cut(log, seed=1)
    parts = [set(part.user.tolist()) for part in (split.train, split.valid, split.test)]
    assert [len(users) for users in parts] == [50, 20, 30]
    assert not set.intersection(*parts)
    assert sum(map(len, (split.train, split.valid, split.test))) == 1_000
    other = WholeUsers(valid=0.2, test=0.3).cut(log, seed=2)
    assert set(other.test.user.tolist()) != parts[2]
