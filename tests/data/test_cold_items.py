"""Items held out whole: by the shares asked for, drawn from the seed alone, never in train."""

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.cold_items import ColdItems
from recweave.data.interactions import Interactions

ITEMS = 120


@pytest.fixture
def log():
    """100 of 120 items with one to nine events each."""
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(100), rng.integers(1, 10, 100))
    return Interactions.of(rng.integers(0, 30, len(item)), rng.permutation(item), shape=(30, ITEMS))


def items(log):
    return set(np.unique(log.item).tolist())


def test_all_events_of_an_item_are_in_one_part(log):
    split = ColdItems(valid=0.1, test=0.2).cut(log)
    train, valid, test = (items(part) for part in (split.train, split.valid, split.test))
    assert (len(train), len(valid), len(test)) == (70, 10, 20)
    assert not train & valid
    assert not train & test
    assert not valid & test
    assert split.dropped == 0
    assert len(split.known) == len(split.train) + len(split.valid)


def test_the_seed_alone_decides_which_and_not_the_order_of_the_log(log):
    split = ColdItems().cut(log, seed=1)
    turned = ColdItems().cut(log[::-1], seed=1)
    assert items(split.test) == items(turned.test)
    assert items(split.test) != items(ColdItems().cut(log, seed=2).test)


def test_test_items_stay_when_more_are_held_out_for_validation(log):
    few, many = (ColdItems(valid=share).cut(log) for share in (0.0, 0.3))
    assert items(few.test) == items(many.test)
    assert not len(few.valid)


def test_popular_items_are_drawn_as_often_as_others(log):
    counts = log.item_counts()
    drawn = [np.unique(ColdItems().cut(log, seed=seed).test.item) for seed in range(60)]
    mean = np.mean([counts[one].mean() for one in drawn])
    assert mean == pytest.approx(counts[counts > 0].mean(), rel=0.05)


@pytest.mark.parametrize(("valid", "test"), [(0.5, 0.5), (0.2, 0.9)])
def test_shares_that_leave_nothing_are_refused(valid, test):
    with pytest.raises(BadSetting, match="hold out all items"):
        ColdItems(valid=valid, test=test)
