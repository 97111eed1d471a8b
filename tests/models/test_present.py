"""What is popular and new at the time of a query: against sums written out, and no look-ahead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.models import Query, load_model, save_model
from recweave.models.behaviors import BehaviorWeights
from recweave.models.present import DAY
from recweave.models.sequence.recency import Recency
from recweave.models.shown_items import Newest

ITEMS = 4
EVENTS = st.lists(st.tuples(st.integers(0, ITEMS - 1), st.integers(0, 40)), min_size=1, max_size=40)


def log_of(events):
    item, time = zip(*events, strict=True)
    return Interactions.of(range(len(item)), item, time=time, shape=(len(item), ITEMS))


def asked(log, now):
    users = np.zeros(len(now), np.int32)
    return Query.of(log, users, np.asarray(now))


def popular(log, days, **settings):
    return Recency(half_life=days / DAY, at="query", **settings).fit(log)


@given(EVENTS, st.lists(st.integers(-5, 60), min_size=1, max_size=9), st.floats(0.5, 50))
def test_scores_are_the_decayed_events_before_the_query(events, now, half_life):
    log = log_of(events)
    found = popular(log, half_life).scores(asked(log, now))
    for row, moment in enumerate(now):
        until = min(moment, log.time.max() + 1)
        expected = [
            sum(2 ** (-(until - t) / half_life) for i, t in events if i == item and t < until)
            for item in range(ITEMS)
        ]
        np.testing.assert_allclose(found[row], np.log1p(expected), rtol=1e-5, atol=1e-6)


@given(EVENTS, EVENTS, st.integers(0, 40))
def test_events_at_or_after_the_query_change_nothing(events, others, now):
    start, end = (1, -1), (0, 60)  # of both logs
    before = [start, *(event for event in events if event[1] < now)]
    one = log_of([*before, *((i, t) for i, t in others if t >= now), end])
    other = log_of([*before, end])
    for recipe in (Recency(half_life=3 / DAY, at="query"), Newest(at="query")):
        expected = recipe.fit(other).scores(asked(other, [now]))
        np.testing.assert_array_equal(recipe.fit(one).scores(asked(one, [now])), expected)


def test_a_list_made_on_an_early_day_has_what_was_popular_then():
    log = Interactions.of(range(6), [0, 0, 1, 2, 2, 2], time=np.array([1, 1, 1, 9, 9, 9]) * DAY)
    model = Recency(half_life=1, at="query").fit(log)
    early, late = model.scores(asked(log, [2 * DAY, 10 * DAY]))
    assert early.argmax() == 0
    assert early[2] == 0
    assert late.argmax() == 2


def test_after_the_end_of_the_log_the_numbers_are_those_of_its_end():
    log = log_of([(0, 3), (1, 5), (1, 9)])
    for recipe in (Recency(half_life=1 / DAY, at="query"), Newest(at="query")):
        scores = recipe.fit(log).scores(asked(log, [10, 10**9]))
        np.testing.assert_array_equal(scores[0], scores[1])


def test_behaviours_have_their_weight_and_none_is_left_out():
    log = Interactions.of(
        range(3), [0, 0, 1], time=[1, 2, 3], behavior=["view", "view", "cart"], shape=(3, ITEMS)
    )
    scores = popular(log, 1e9, behaviors=BehaviorWeights(view=0.25, cart=0)).scores(asked(log, [9]))
    np.testing.assert_allclose(scores[0], np.log1p([0.5, 0, 0, 0]), rtol=1e-6)
    nothing = popular(log, 1, behaviors=BehaviorWeights(view=0, cart=0)).scores(asked(log, [9]))
    assert not nothing.any()


def test_the_newest_item_at_the_query_is_first_and_the_unknown_last():
    log = log_of([(0, DAY), (1, 2 * DAY), (0, 3 * DAY), (2, 4 * DAY)])
    early, late = Newest(at="query").fit(log).scores(asked(log, [3 * DAY, 5 * DAY]))
    np.testing.assert_allclose(early, -np.log2([3, 2, 3, 3]), rtol=1e-6)
    assert np.argsort(-late, kind="stable").tolist()[:3] == [2, 1, 0]
    assert late[3] == late.min()


def test_new_items_are_new_and_not_popular():
    log = log_of([(0, 0), (1, 5 * DAY), (1, 9 * DAY)])
    wider = Interactions.of([0], [0], time=[0], shape=(1, ITEMS + 2))
    later = [10 * DAY]
    popular = Recency(half_life=1, at="query").fit(log).with_items({}, 2)
    assert popular.scores(asked(wider, later))[0, ITEMS:].tolist() == [0, 0]
    scores = Newest(at="query").fit(log).with_items({}, 2).scores(asked(wider, later))[0]
    assert (scores[ITEMS:] > scores[1]).all()
    assert scores[1] > scores[0]


def test_a_log_without_times_is_refused():
    log = Interactions.of([0, 1], [0, 1])
    for recipe in (Recency(at="query"), Newest(at="query")):
        with pytest.raises(BadSetting, match='at is "query", but this log has an order and no'):
            recipe.fit(log)


@pytest.mark.parametrize("recipe", [Recency(half_life=1e-5, at="query"), Newest(at="query")])
def test_saved_models_score_alike(recipe, tmp_path):
    log = log_of([(0, 3), (1, 5), (1, 9), (3, 9)])
    model = recipe.fit(log)
    save_model(model, tmp_path / "model")
    query = asked(log, [1, 4, 9, 10])
    expected = model.scores(query)
    np.testing.assert_array_equal(load_model(tmp_path / "model")[0].scores(query), expected)
    item = np.array([[0, 1, -1]] * 4)
    some = model.score(query, item)
    np.testing.assert_array_equal(some[:, :2], expected[:, :2])
    assert np.isneginf(some[:, 2]).all()
