import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.k_fold import KFold
from recweave.data.split import TEST, TRAIN, VALID, LeaveLastOut


@pytest.fixture
def log():
    rng = np.random.default_rng(0)
    return Interactions.of(rng.integers(0, 20, 100), rng.integers(0, 9, 100), shape=(20, 9))


def parts(how, log, seed=0):
    return np.stack([how.fold(f).cut(log, seed=seed).part for f in range(how.folds)])


@pytest.mark.parametrize("by", ["event", "user"])
def test_every_event_is_test_in_exactly_one_fold(log, by):
    folds = parts(KFold(n=3, by=by), log)
    assert ((folds == TEST).sum(axis=0) == 1).all()
    assert set(np.unique(folds)) == {TRAIN, VALID, TEST}


def test_by_user_all_events_of_a_user_fall_together(log):
    for part in parts(KFold(n=3, by="user"), log):
        for user in range(20):
            assert len(np.unique(part[log.user == user])) <= 1


def test_folds_are_as_large_as_can_be_and_validation_is_a_share_of_the_rest(log):
    folds = parts(KFold(n=3, valid=0.2), log)
    assert sorted((folds == TEST).sum(axis=1)) == [33, 33, 34]
    assert sorted((folds == VALID).sum(axis=1)) == [13, 13, 13]


def test_the_seed_alone_decides(log):
    np.testing.assert_array_equal(parts(KFold(n=3), log, 1), parts(KFold(n=3), log, 1))
    assert (parts(KFold(n=3), log, 1) != parts(KFold(n=3), log, 2)).any()


def test_other_splitters_have_one_fold():
    assert LeaveLastOut().folds == 1
    assert LeaveLastOut().fold(0) == LeaveLastOut()


def test_a_fold_that_is_not_there_is_refused():
    with pytest.raises(BadSetting, match="none is 3"):
        KFold.parse({"n": 3, "test_fold": 3}, "here")
