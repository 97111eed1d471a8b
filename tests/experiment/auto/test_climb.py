"""A search that climbs finds the top of a hill, wherever it stands, and tries nothing twice."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.experiment.auto.climb import Climb, Ladder, Steps

DECAYS = (0.2, 0.4, 0.6, 0.8, 1.0)


def climb(knobs, value, sign=1):
    search, asked = Climb(knobs, sign), []
    while (settings := search.ask()) is not None:
        asked.append(settings)
        search.tell(settings, value(settings))
    return search, asked


@given(st.integers(-6, 6), st.sampled_from(DECAYS), st.sampled_from([1, -1]))
def test_the_top_of_a_hill_is_found_however_far_it_is(power, decay, sign):
    knobs = {"reg": Steps(100.0, 3.0), "decay": Ladder(DECAYS, 0.6)}
    top = 100.0
    for _ in range(abs(power)):
        top = knobs["reg"].step(top, power > 0)

    def value(settings):
        far = abs(settings["reg"] - top) / max(settings["reg"], top)
        return -sign * (far + abs(settings["decay"] - decay))

    search, asked = climb(knobs, value, sign)
    assert search.best == {"reg": top, "decay": decay}
    assert search.value == 0
    assert len({tuple(one.values()) for one in asked}) == len(asked)


def test_the_way_that_led_to_a_gain_is_gone_on():
    _, asked = climb({"reg": Steps(1.0, 2.0)}, lambda s: min(s["reg"], 16))
    assert [one["reg"] for one in asked] == [1, 2, 4, 8, 16, 32]


def test_limits_end_the_steps():
    steps = Steps(8, 2, low=4, high=16)
    assert [steps.step(8, True), steps.step(16, True)] == [16, None]
    assert [steps.step(8, False), steps.step(4, False)] == [4, None]
    assert Steps(1, 1.2).step(1, True) is None  # rounds to itself


def test_whole_numbers_stay_whole():
    assert Steps(64, 2).step(64, False) == 32
    assert isinstance(Steps(64, 2).step(64, False), int)


def test_settings_without_a_value_are_never_the_best_of_others():
    search = Climb({"k": Ladder((1, 2, 3), 2)})
    assert not search.tell(search.ask(), nan)
    assert search.tell({"k": 3}, 0.1)
    assert not search.tell({"k": 1}, nan)
    assert search.best == {"k": 3}


def test_a_search_without_settings_tries_one():
    search, asked = climb({}, lambda settings: 0.5)
    assert asked == [{}]
    assert search.value == pytest.approx(0.5)
