"""Counts and means of events, without the event that learns from them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.split import TRAIN, RandomWarm
from recweave.features import FeatureContext
from recweave.features.statistics import Statistics

SPLIT = RandomWarm(test=0.3, keep=1)


@pytest.fixture
def shop():
    """200 ratings of 20 users and 12 items; some pairs occur twice."""
    rng = np.random.default_rng(3)
    events = pl.DataFrame(
        {
            "user_id": [f"u{n}" for n in rng.integers(0, 20, 200)],
            "item_id": [f"i{n}" for n in rng.integers(0, 12, 200)],
            "value": rng.integers(1, 6, 200).astype(np.float32),
            "time": np.arange(200),
        }
    )
    return Dataset("shop", events=events)


def build(spec, shop, split=None):
    return spec.build(FeatureContext(shop, split or shop.split(SPLIT)))


def other_values(shop, rows):
    value = shop.events["value"].to_numpy().copy()
    value[rows] = 6 - value[rows] + 0.5
    return shop.replace(events=shop.events.with_columns(value=pl.Series(value)))


def naive(spec, log, part, event):
    """The three columns of one event, by a loop."""
    entity = log.item if spec.of == "item" else log.user
    rest, mine = [], []
    for row in np.flatnonzero(part == TRAIN):
        same = (log.user[row], log.item[row]) == (log.user[event], log.item[event])
        if part[event] == TRAIN and same:
            continue
        rest.append(float(log.value[row]))
        if entity[row] == entity[event]:
            mine.append(float(log.value[row]))
    shrink = len(mine) / (len(mine) + spec.k)
    high = [value >= spec.share_from for value in mine]
    all_high = [value >= spec.share_from for value in rest]
    mean = np.mean(mine) - np.mean(rest) if mine else 0.0
    share = np.mean(high) - np.mean(all_high) if mine else 0.0
    return [np.log1p(len(mine)), mean * shrink, share * shrink]


@pytest.mark.parametrize("of", ["item", "user"])
def test_every_event_gets_the_result_of_a_loop_over_the_others(shop, of):
    spec, split = Statistics(of=of, share_from=4), shop.split(SPLIT)
    vectors, present = build(spec, shop, split).at(np.arange(200))
    expected = [naive(spec, shop.interactions(), split.part, event) for event in range(200)]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    np.testing.assert_array_equal(present, np.array(expected)[:, 0] > 0)


@pytest.mark.parametrize("folds", [0, 3])
def test_the_value_of_an_event_never_changes_its_own_vector(shop, folds):
    spec, split = Statistics(share_from=4, folds=folds), shop.split(SPLIT)
    before = build(spec, shop, split).at(np.arange(200))[0]
    for row in np.flatnonzero(split.part == TRAIN)[:20]:
        after = build(spec, other_values(shop, [row]), split)
        np.testing.assert_allclose(after.at(np.array([row]))[0], before[[row]], atol=1e-6)
        assert not np.allclose(after.whole.vectors, build(spec, shop, split).whole.vectors)


def test_held_out_events_change_nothing(shop):
    spec, split = Statistics(share_from=4), shop.split(SPLIT)
    held_out = np.flatnonzero(split.part != TRAIN)
    one, other = (build(spec, data, split) for data in (shop, other_values(shop, held_out)))
    np.testing.assert_array_equal(one.whole.vectors, other.whole.vectors)
    np.testing.assert_array_equal(one.at(np.arange(200))[0], other.at(np.arange(200))[0])


def test_held_out_events_get_the_statistics_of_all_of_train(shop):
    split = shop.split(SPLIT)
    feature = build(Statistics(of="user"), shop, split)
    held_out = np.flatnonzero(split.part != TRAIN)
    user = shop.interactions().user[held_out]
    np.testing.assert_array_equal(feature.at(held_out)[0], feature.whole.vectors[user])


def test_with_folds_a_whole_fold_is_left_out_together(shop):
    feature = build(Statistics(folds=2), shop)
    left_out = feature.left_out["events"].sum(axis=1)
    assert len(left_out) <= 2 * 12
    used = feature.whole.used["events"].sum(axis=1)
    assert left_out.sum() == used.sum()


def test_one_fold_and_a_split_of_bare_parts_are_refused(shop):
    with pytest.raises(BadSetting, match="folds = 1"):
        build(Statistics(folds=1), shop)
    with pytest.raises(BadSetting, match="cut from the log"):
        build(Statistics(), shop, replace(shop.split(SPLIT), part=None))
