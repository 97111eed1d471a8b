import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.models import Query
from recweave.models.behaviors import BehaviorWeights
from recweave.models.popularity import DAY, Popularity, Random
from recweave.models.training import Options
from recweave.rank import recommend


def order(model, log):
    """All items for one cold user, best first."""
    query = Query(np.array([-1]), Histories.of(log, np.array([-1])), np.array([0]))
    return recommend(model, query, log.shape[1]).item[0].tolist()


def counted(counts, **more):
    """A log in which item i occurs counts[i] times."""
    item = np.repeat(np.arange(len(counts)), counts)
    return Interactions.of(np.arange(len(item)), item, shape=(len(item), len(counts)), **more)


def test_items_go_by_events_then_by_row():
    log = counted([2, 0, 5, 2, 0])
    assert order(Popularity().fit(log), log) == [2, 0, 3, 1, 4]


def test_a_window_counts_recent_events_and_all_time_breaks_ties():
    # (item, day): item 0 was popular once, 1 and 2 are popular now, 2 has more events in all
    events = [(0, 0)] * 9 + [(1, 99)] * 3 + [(2, 98)] * 3 + [(2, 0)] + [(3, 50)] * 4 + [(4, 90)] * 5
    item, day = np.array(events).T
    log = Interactions.of(np.arange(len(item)), item, 1.0, day * DAY, shape=(len(item), 6))
    assert order(Popularity(days=7).fit(log), log) == [2, 1, 0, 4, 3, 5]
    assert order(Popularity().fit(log), log) == [0, 4, 2, 3, 1, 5]


def test_the_window_ends_with_the_log_and_leaves_its_own_length_out():
    times = [3 * DAY, 3 * DAY + 1, 10 * DAY]
    log = Interactions.of([0, 1, 2], [0, 1, 2], 1.0, times, shape=(3, 3))
    score = Popularity(days=7).fit(log).value
    assert score[0] < score[1] == score[2]


def test_a_difference_of_one_event_counts_however_many_there_are():
    recent = counted([400_000, 400_000])
    early = Interactions.of([0, 1, 1], [0, 1, 1], shape=recent.shape)
    time = np.concatenate([np.full(800_000, 100 * DAY), np.zeros(3)])
    item = np.concatenate([recent.item, early.item])
    log = Interactions.of(np.zeros(len(item)), item, 1.0, time, shape=(1, 2))
    assert order(Popularity(days=7).fit(log), log) == [1, 0]


def test_behaviours_count_by_their_weight():
    log = Interactions.of([0, 1, 2], [0, 0, 1], behavior=["view", "view", "purchase"], shape=(3, 2))
    assert order(Popularity().fit(log), log) == [0, 1]
    weighted = Popularity(behaviors=BehaviorWeights(view=0.25))
    assert weighted.fit(log).value.tolist() == [0.5, 1.0]


def test_days_of_a_log_without_times_are_refused():
    with pytest.raises(BadSetting, match="days is 7, but this log has an order and no times"):
        Popularity(days=7).fit(counted([1, 2]))


def test_random_gives_every_user_a_different_order_and_every_item_equal_chances():
    log = Interactions.of([0], [0], shape=(5_000, 20))
    first = recommend(Random().fit(log), Query.of(log), 1, hide_history=False).item[:, 0]
    shown = np.bincount(first, minlength=20)
    # 250 expected; binomial, so five standard deviations are 77.
    assert np.abs(shown - 250).max() < 77


def test_random_scores_of_different_users_items_and_seeds_are_independent():
    log = Interactions.of([0], [0], shape=(300, 300))
    one, other = (Random().fit(log, Options(seed=seed)).scores(Query.of(log)) for seed in (0, 1))
    assert 0 <= one.min() < 0.001
    assert 0.999 < one.max() < 1
    for a, b in [(one[:-1], one[1:]), (one[:, :-1], one[:, 1:]), (one, other)]:
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02
