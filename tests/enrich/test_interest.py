import numpy as np
import pytest

from recweave.core.errors import BadInput
from recweave.data.interactions import Interactions
from recweave.enrich.interest import DAY, Interest


def decaying(half_life, events, items, until=720, seed=0):
    """Items of the first 300 days with exponential decay; events after the end are not observed."""
    rng = np.random.default_rng(seed)
    item = np.repeat(np.arange(items), events)
    birth = rng.uniform(0, 300, items)[item]
    time = birth + rng.exponential(np.broadcast_to(half_life, items)[item] / np.log(2))
    observed = time < until
    return Interactions.of(
        np.zeros(observed.sum(), int),
        item[observed],
        time=(time[observed] * DAY).astype(int),
        shape=(1, items),
    )


@pytest.mark.parametrize("half_life", [0.5, 5.0, 60.0])
def test_a_planted_half_life_is_found(half_life):
    found = Interest.fit(decaying(half_life, events=200, items=30))
    np.testing.assert_allclose(found.half_life, half_life, rtol=0.2)
    np.testing.assert_allclose(found.common, half_life, rtol=0.05)


def test_different_half_lives_are_distinguished():
    planted = np.tile([0.5, 8.0, 90.0], 20)
    found = Interest.fit(decaying(planted, events=400, items=60))
    for half_life in (0.5, 8.0, 90.0):
        np.testing.assert_allclose(
            np.median(found.half_life[planted == half_life]), half_life, rtol=0.2
        )


def test_a_constant_rate_of_events_is_evergreen_even_in_a_short_log():
    rng = np.random.default_rng(0)
    even = np.sort(rng.uniform(0, 300, (20, 400)))
    item = np.repeat(np.arange(20), 400)
    log = Interactions.of(np.zeros(8000, int), item, time=(even.ravel() * DAY).astype(int))
    assert Interest.fit(log).half_life.min() > 300


def test_items_with_few_events_stay_near_the_common_half_life():
    log = decaying(10.0, events=200, items=30)
    lone = Interactions.of([0, 0, 0], [30, 30, 31], time=[0, int(0.01 * DAY), 0], shape=(1, 33))
    both = Interactions.of(
        np.zeros(len(log) + 3, int),
        np.concatenate([log.item, lone.item]),
        time=np.concatenate([log.time, lone.time]),
        shape=(1, 33),
    )
    found = Interest.fit(both)
    np.testing.assert_allclose(found.half_life[31:], found.common, rtol=1e-9)
    alone = 0.01 * np.log(2)
    assert abs(np.log(found.half_life[30] / 10)) < abs(np.log(alone / 10)) / 2


def test_relevance_halves_with_each_half_life_and_the_newest_counts():
    interest = Interest(np.array([2.0, 10.0]), 5.0)
    log = Interactions.of([0, 0, 0, 1], [0, 0, 1, 1], time=np.array([0, 8, 0, 11]) * int(DAY))
    weights = interest.relevance(log, now=10 * int(DAY)).toarray()
    np.testing.assert_allclose(weights, [[0.5, 0.5], [0, 0]], rtol=1e-6)


def test_a_log_without_times_is_refused():
    with pytest.raises(BadInput, match="without times"):
        Interest.fit(Interactions.of([0, 0], [0, 1]))


def test_a_log_without_events_has_no_more_than_the_prior():
    assert np.isfinite(Interest.fit(Interactions.of([], [], time=[], shape=(1, 3))).half_life).all()
