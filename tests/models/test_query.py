import numpy as np
import pytest

from recweave.data.interactions import Histories, Interactions
from recweave.models import Query


@pytest.fixture
def log():
    """User 0 did 1, 2, 1 in this order; user 1 nothing; user 2 did 3."""
    return Interactions.of([0, 2, 0, 0], [1, 3, 1, 2], 1.0, [10, 40, 30, 20], shape=(3, 5))


def told(query):
    """What each asker did, in order."""
    return [query.history.rows(np.array([row])).item.tolist() for row in range(len(query))]


def test_asks_for_everybody_with_all_they_did_oldest_first(log):
    query = Query.of(log)
    assert query.user.tolist() == [0, 1, 2]
    assert told(query) == [[1, 2, 1], [], [3]]


def test_users_are_asked_for_in_any_order_and_more_than_once(log):
    query = Query.of(log, np.array([2, 0, 2]))
    assert query.user.tolist() == [2, 0, 2]
    assert told(query) == [[3], [1, 2, 1], [3]]


def test_a_user_of_minus_one_has_done_nothing(log):
    query = Query.of(log, np.array([-1, 2]))
    assert query.user.tolist() == [-1, 2]
    assert told(query) == [[], [3]]


def test_somebody_asks_one_tick_after_their_last_event_or_after_the_log(log):
    assert Query.of(log).now.tolist() == [31, 41, 41]


def test_the_moment_can_be_given(log):
    assert Query.of(log, np.array([0]), np.array([25])).now.tolist() == [25]


def test_an_empty_log_is_asked_without_histories():
    query = Query.of(Interactions.of([], [], shape=(2, 5)))
    assert (len(query), told(query)) == (2, [[], []])


def test_rows_keep_user_history_and_moment_together(log):
    query = Query.of(log).rows(np.array([2, 0]))
    assert (query.user.tolist(), query.now.tolist()) == ([2, 0], [41, 31])
    assert told(query) == [[3], [1, 2, 1]]


def test_batches_cover_everybody_once_and_in_order(log):
    batches = list(Query.of(log).batches(2))
    assert [batch.user.tolist() for batch in batches] == [[0, 1], [2]]
    assert [told(batch) for batch in batches] == [[[1, 2, 1], []], [[3]]]


def test_histories_and_events_are_of_one_catalogue(log):
    assert Query.of(log).history.items == Histories.of(log).items == 5


def test_before_asks_for_each_user_once_at_their_first_held_out_event(log):
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
    assert told(query) == [
        [1, 2, 1],
        [3],
    ]  # those after `now` too: what is known is the split's say


def test_before_asks_for_a_user_without_known_events_with_an_empty_history(log):
    held_out = Interactions.of([1], [0], 1.0, [9], shape=(3, 5))
    query = Query.before(log, held_out)
    assert (query.user.tolist(), told(query), query.now.tolist()) == ([1], [[]], [9])


def test_before_nothing_is_held_out_nobody_asks(log):
    assert len(Query.before(log, log[:0])) == 0
