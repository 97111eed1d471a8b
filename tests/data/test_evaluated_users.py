"""The test events of some users, drawn by seed."""

from dataclasses import replace

import numpy as np

from recweave.data.evaluated_users import for_users
from recweave.data.interactions import Interactions
from recweave.data.split import BETWEEN, TEST, TRAIN, VALID, LeaveLastOut


def test_the_test_events_of_some_users_alone_are_kept_and_nothing_else_changes():
    rng = np.random.default_rng(0)
    log = Interactions.of(rng.integers(0, 20, 200), rng.integers(0, 30, 200), time=range(200))
    whole = LeaveLastOut().cut(log)
    some, same, other = (for_users(whole, 7, seed) for seed in (1, 1, 2))
    drawn = set(some.test.user.tolist())
    assert len(drawn) == 7 and drawn == set(same.test.user.tolist())
    assert drawn != set(other.test.user.tolist())
    expected = [row for row in np.flatnonzero(whole.part == TEST) if log.user[row] in drawn]
    assert some.test.digest() == log[np.array(expected)].digest()
    assert np.flatnonzero(some.part == TEST).tolist() == expected
    for code in (TRAIN, VALID, BETWEEN):
        np.testing.assert_array_equal(some.part == code, whole.part == code)
    assert some.known.digest() == whole.known.digest()
    assert some.dropped == whole.dropped + len(whole.test) - len(some.test)
    assert "7 of 20 users, drawn by seed 1" in some.remark
    assert for_users(whole, 20, 1) is whole


def test_users_are_drawn_whatever_their_test_events_are():
    rng = np.random.default_rng(0)
    log = Interactions.of(rng.integers(0, 20, 200), rng.integers(0, 30, 200), time=range(200))
    whole = LeaveLastOut().cut(log)
    other = (whole.test.item + 1) % 30
    one, same = (
        for_users(replace(whole, test=test), 7, 1)
        for test in (whole.test, replace(whole.test, item=other.astype(whole.test.item.dtype)))
    )
    assert one.test.item.tolist() != same.test.item.tolist()
    assert one.test.user.tolist() == same.test.user.tolist()
