from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recweave.data.interactions import Interactions
from recweave.models.behaviors import BehaviorWeights
from recweave.models.present import DAY
from recweave.models.sequence.recency import Recency


def order(recipe, log):
    """Items from the best to the worst."""
    return np.argsort(-recipe.fit(log).value, kind="stable").tolist()


def test_an_event_loses_half_its_weight_per_half_life():
    # Item 0: two events eight days old; item 1: one new event; item 2: three, two days old.
    days = np.array([8, 8, 0, 2, 2, 2])
    log = Interactions.of(range(6), [0, 0, 1, 2, 2, 2], time=(20 - days) * DAY)
    assert order(Recency(half_life=1), log) == [1, 2, 0]  # .008, 1, .75
    assert order(Recency(half_life=2), log) == [2, 1, 0]  # .125, 1, 1.5
    assert order(Recency(half_life=100), log) == [2, 0, 1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**9)), min_size=1, max_size=30))
def test_a_very_long_half_life_is_plain_popularity(events):
    item, time = zip(*events, strict=True)
    log = Interactions.of(range(len(item)), item, time=time, shape=(len(item), 6))
    counts = log.item_counts()[order(Recency(half_life=1e12), log)]
    assert (np.diff(counts) <= 0).all()


def test_events_of_weight_zero_count_by_their_number():
    log = Interactions.of(range(4), [0, 1, 1, 2], time=[0, 0, 0, 10_000 * DAY], shape=(4, 4))
    assert order(Recency(half_life=1), log) == [2, 1, 0, 3]


def test_without_times_the_half_life_is_in_events():
    log = Interactions.of(range(5), [0, 0, 0, 1, 1])
    assert log.clock == "order"
    assert order(Recency(half_life=1), log) == [1, 0]
    assert order(Recency(half_life=50), log) == [0, 1]
    stretched = replace(log, time=log.time * 1_000)  # only the order of times counts
    assert order(Recency(half_life=1), stretched) == [1, 0]
    assert order(Recency(half_life=50), stretched) == [0, 1]


def test_events_are_weighted_by_behaviour():
    log = Interactions.of(range(3), [0, 0, 1], behavior=["view", "view", "cart"])
    assert order(Recency(half_life=50), log) == [0, 1]
    assert order(Recency(half_life=50, behaviors=BehaviorWeights(view=0.1)), log) == [1, 0]
