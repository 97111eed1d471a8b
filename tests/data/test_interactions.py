import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.errors import UnknownName
from recweave.data.interactions import Histories, Interactions, behavior_code, join


def log_of(rows, users=4, items=5):
    """A log from (user, item, time) triples."""
    user, item, time = np.array(rows, np.int64).reshape(-1, 3).T
    return Interactions.of(user, item, time=time, shape=(users, items))


# Made into a log inside each test: the run-time checker draws random numbers, strategies may not.
triples = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)), max_size=40)


@given(triples)
def test_by_user_is_a_stable_sort_by_user_then_time(events):
    log = log_of(events)
    expected = sorted(range(len(log)), key=lambda row: (log.user[row], log.time[row]))
    assert log.by_user().tolist() == expected


def test_without_times_the_order_given_is_the_order_of_events():
    log = Interactions.of([0, 0, 1], [2, 0, 1])
    assert log.clock == "order"
    assert log.time.tolist() == [0, 1, 2]


def test_the_shape_is_what_occurs_unless_it_is_given():
    assert Interactions.of([0, 3], [1, 1]).shape == (4, 2)
    assert Interactions.of([0], [0], shape=(9, 9)).shape == (9, 9)
    assert Interactions.of([], []).shape == (0, 0)


def test_one_behavior_stands_for_all_events_and_many_for_one_each():
    assert Interactions.of([0, 0], [0, 1], behavior="view").behavior.tolist() == [1, 1]
    mixed = Interactions.of([0, 0], [0, 1], behavior=["view", "purchase"])
    assert mixed.behavior.tolist() == [1, 5]
    assert mixed.only(["purchase"]).item.tolist() == [1]


def test_a_misspelt_behavior_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownName, match="did you mean 'purchase'"):
        behavior_code("purchas")


def test_repeated_pairs_are_summed_or_counted_once():
    log = Interactions.of([1, 0, 1], [2, 0, 2], value=[2.0, 5.0, 3.0])
    np.testing.assert_array_equal(log.matrix().toarray(), [[5, 0, 0], [0, 0, 5]])
    np.testing.assert_array_equal(log.matrix(values=False).toarray(), [[1, 0, 0], [0, 0, 1]])
    assert log.matrix().dtype == np.float32
    assert log.matrix().has_sorted_indices


def test_counts_cover_the_whole_shape():
    log = Interactions.of([2, 2], [0, 1], shape=(4, 3))
    assert log.user_counts().tolist() == [0, 0, 2, 0]
    assert log.item_counts().tolist() == [1, 1, 0]


def test_rows_and_masks_select_events_and_keep_the_shape():
    log = Interactions.of([0, 1, 2], [0, 1, 2], time=[5, 6, 7])
    assert log[np.array([2, 0])].time.tolist() == [7, 5]
    assert log[log.time > 5].time.tolist() == [6, 7]
    assert log[:1].shape == log.shape


def test_join_keeps_the_order_of_the_arguments_among_equal_times():
    first, second = log_of([(0, 1, 7)]), log_of([(0, 2, 7), (0, 3, 1)])
    joined = join(first, second)
    assert joined.item[joined.by_user()].tolist() == [3, 1, 2]


def test_logs_of_different_shape_or_clock_are_not_joined():
    with pytest.raises(ValueError, match="shape and clock"):
        join(log_of([(0, 1, 7)]), log_of([(0, 1, 7)], users=9))
    with pytest.raises(ValueError, match="shape and clock"):
        join(log_of([(0, 1, 7)]), Interactions.of([0], [1], shape=(4, 5)))


@given(triples)
def test_histories_hold_each_users_events_oldest_first(events):
    log = log_of(events)
    histories = Histories.of(log)
    for user in range(4):
        own = [row for row in range(len(log)) if log.user[row] == user]
        own.sort(key=lambda row: log.time[row])
        begin, end = histories.start[user : user + 2]
        assert histories.item[begin:end].tolist() == log.item[own].tolist()
        assert histories.time[begin:end].tolist() == log.time[own].tolist()


@given(triples, st.lists(st.integers(-1, 3), max_size=6))
def test_rows_come_in_the_order_of_the_request_and_minus_one_is_empty(events, rows):
    log = log_of(events)
    histories = Histories.of(log, np.array(rows, np.int32))
    whole = Histories.of(log)
    assert len(histories) == len(rows)
    for place, user in enumerate(rows):
        part = histories.item[histories.start[place] : histories.start[place + 1]]
        own = whole.item[whole.start[user] : whole.start[user + 1]] if user >= 0 else []
        assert part.tolist() == list(own)
    assert (
        histories.row_numbers().tolist()
        == np.repeat(np.arange(len(rows)), histories.lengths).tolist()
    )


@given(triples, st.sampled_from([1.0, 0.5]))
def test_a_history_weighs_each_item_by_its_newest_event(events, decay):
    log = log_of(events)
    histories = Histories.of(log)
    expected = np.zeros((4, 5), np.float32)
    for user in range(4):
        items = histories.item[histories.start[user] : histories.start[user + 1]]
        for since, item in reversed(list(enumerate(reversed(items)))):
            expected[user, item] = decay**since  # the newest is written last
    matrix = histories.matrix(decay)
    np.testing.assert_array_equal(matrix.toarray(), expected)
    assert matrix.has_sorted_indices and matrix.has_canonical_format


def test_an_empty_log_has_empty_histories():
    histories = Histories.of(log_of([]))
    assert histories.lengths.tolist() == [0, 0, 0, 0]
    assert histories.matrix().shape == (4, 5)
