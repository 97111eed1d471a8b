import numpy as np
import pytest
from made_impressions import shown

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.models.shown_items import ClickRate, Newest
from recweave.models.training import TrainingData

LOG = [
    (0, 10, [0, 1, 2], [0]),
    (1, 20, [0, 1, 3], [0, 3]),
    (0, 30, [0, 4], [4]),
]


def data(impressions, train=None):
    nothing = Interactions.of([], [], shape=(2, 9), clock="seconds")
    return TrainingData(nothing if train is None else train, impressions=impressions)


def test_a_rate_is_drawn_to_the_mean_of_all():
    found = ClickRate(prior=4.0).fit(data(shown(LOG))).value
    mean = 4 / 8
    expected = [(2 + 4 * mean) / 7, 4 * mean / 6, 4 * mean / 5, (1 + 4 * mean) / 5]
    expected += [(1 + 4 * mean) / 5, mean, mean, mean, mean]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_rates_need_impressions():
    with pytest.raises(BadSetting, match="has no impressions; read them, or choose popularity"):
        ClickRate().fit(data(None))


def test_what_training_has_not_seen_is_newest():
    found = Newest().fit(data(shown(LOG))).value
    assert found[5] == found[8] > found[4] > found[3] > found[0] == found[1] == found[2]


def test_an_event_before_the_first_impression_counts():
    train = Interactions.of([0], [4], time=[5], shape=(2, 9))
    found = Newest().fit(data(shown(LOG), train)).value
    assert found[4] < found[0]
    assert Newest().fit(data(None, train)).value.tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]
