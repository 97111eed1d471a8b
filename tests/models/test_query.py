import numpy as np
import pytest
from made_impressions import shown

from recweave.data.interactions import Histories, Interactions
from recweave.models import Query


@pytest.fixture
def log():
    """User 0 has items 1, 2, 1 in this order, user 1 none, user 2 item 3."""
    return Interactions.of([0, 2, 0, 0], [1, 3, 1, 2], 1.0, [10, 40, 30, 20], shape=(3, 5))


def histories(query):
    """The items of each query user, in order."""
    return [query.history.rows(np.array([row])).item.tolist() for row in range(len(query))]


def test_by_default_all_users_with_their_whole_history_oldest_first(log):
    query = Query.of(log)
    assert query.user.tolist() == [0, 1, 2]
    assert histories(query) == [[1, 2, 1], [], [3]]


def test_users_can_come_in_any_order_and_more_than_once(log):
    query = Query.of(log, np.array([2, 0, 2]))
    assert query.user.tolist() == [2, 0, 2]
    assert histories(query) == [[3], [1, 2, 1], [3]]


def test_a_user_of_minus_one_has_no_history(log):
    query = Query.of(log, np.array([-1, 2]))
    assert query.user.tolist() == [-1, 2]
    assert histories(query) == [[], [3]]


def test_now_is_one_tick_after_the_last_event_of_the_user_or_the_log(log):
    assert Query.of(log).now.tolist() == [31, 41, 41]


def test_now_can_be_given(log):
    assert Query.of(log, np.array([0]), np.array([25])).now.tolist() == [25]


def test_an_empty_log_gives_empty_histories():
    query = Query.of(Interactions.of([], [], shape=(2, 5)))
    assert (len(query), histories(query)) == (2, [[], []])


def test_rows_keep_user_history_and_now_together(log):
    query = Query.of(log).rows(np.array([2, 0]))
    assert (query.user.tolist(), query.now.tolist()) == ([2, 0], [41, 31])
    assert histories(query) == [[3], [1, 2, 1]]


def test_batches_cover_all_users_once_and_in_order(log):
    batches = list(Query.of(log).batches(2))
    assert [batch.user.tolist() for batch in batches] == [[0, 1], [2]]
    assert [histories(batch) for batch in batches] == [[[1, 2, 1], []], [[3]]]


def test_histories_and_events_are_of_one_catalogue(log):
    assert Query.of(log).history.items == Histories.of(log).items == 5


def test_before_has_each_user_once_at_their_first_held_out_event(log):
    held_out = Interactions.of(
        [2, 0, 2, 0, 0], [0, 4, 1, 3, 0], 1.0, [60, 55, 70, 50, 58], shape=(3, 5)
    )
    query = Query.before(log, held_out)
    assert query.user.tolist() == [0, 2]
    assert query.now.tolist() == [50, 60]


def test_before_gives_all_known_events_as_history_and_no_held_out_one(log):
    held_out = Interactions.of([2, 0, 0], [0, 4, 3], 1.0, [35, 25, 15], shape=(3, 5))
    query = Query.before(log, held_out)
    assert query.now.tolist() == [15, 35]
    assert histories(query) == [
        [1, 2, 1],
        [3],
    ]  # events after `now` too: the split decides what is known


def test_before_gives_a_user_without_known_events_an_empty_history(log):
    held_out = Interactions.of([1], [0], 1.0, [9], shape=(3, 5))
    query = Query.before(log, held_out)
    assert (query.user.tolist(), histories(query), query.now.tolist()) == ([1], [[]], [9])


def test_before_without_held_out_events_is_empty(log):
    assert len(Query.before(log, log[:0])) == 0


def test_an_impression_has_its_own_history_or_the_events_before_it():
    known = Interactions.of([0, 0, 0, 1], [1, 2, 3, 4], time=[10, 20, 30, 10], shape=(3, 9))
    rows = [(0, 20, [5, 6], [5]), (0, 21, [5, 6], [5]), (1, 99, [5, 6], [5]), (2, 99, [5, 6], [5])]
    query = Query.of_impressions(shown(rows, histories=[[], [], [7, 8], []]), known)
    # What happens at the very moment, as the click itself, is not known.
    assert histories(query) == [[1], [1, 2], [7, 8], []]
    assert (query.user.tolist(), query.now.tolist()) == ([0, 0, 1, 2], [20, 21, 99, 99])


def test_without_times_what_an_impression_shows_is_no_history_of_it():
    """Its own click is among the events, and nothing says which came first."""
    known = Interactions.of([0, 0, 0], [1, 2, 5], shape=(1, 9), clock="order")
    rows = [(0, 0, [5, 6], [5]), (0, 1, [2, 8], [8])]
    query = Query.of_impressions(shown(rows, clock="order"), known)
    assert histories(query) == [[1, 2], [1, 5]]
