"""Windows contain every event once as a target; batches have the stated size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.models.nn.sequences import Windows, new_to_user, newest


def histories(lengths, items=50):
    rng = np.random.default_rng(len(lengths))
    user = np.repeat(np.arange(len(lengths)), lengths)
    item = rng.integers(0, items, len(user))
    return Histories.of(Interactions.of(user, item, shape=(len(lengths), items)))


@given(
    lengths=st.lists(st.integers(0, 23), min_size=1, max_size=12),
    length=st.integers(1, 9),
    events=st.integers(1, 60),
)
def test_every_event_but_the_first_is_a_target_once(lengths, length, events):
    history = histories(lengths)
    weight = np.ones(len(history.item), np.float32)
    if max(lengths) < 2:
        with pytest.raises(BadSetting, match="nothing to learn from"):
            Windows.of(history, length, weight)
        return
    windows = Windows.of(history, length, weight)
    pairs = []
    for batch in windows.batches(np.random.default_rng(0), events):
        sequences = batch.read()
        assert sequences.item.shape[1] <= length
        assert sequences.item.size <= max(events, sequences.item.shape[1])
        has_next = sequences.next_item >= 0
        assert (has_next == (sequences.item >= 0)).all()
        assert (has_next == (sequences.weight > 0)).all()
        pairs += list(zip(sequences.item[has_next], sequences.next_item[has_next], strict=True))
    row = history.row_numbers()
    at = np.flatnonzero(row[1:] == row[:-1])
    expected = zip(history.item[at], history.item[at + 1], strict=True)
    assert sorted(pairs) == sorted(expected)


def test_the_newest_events_are_in_the_longest_window():
    history = histories([7])
    windows = Windows.of(history, 4, np.ones(7, np.float32))
    assert sorted(zip(windows.start.tolist(), windows.size.tolist(), strict=True)) == [
        (0, 3),
        (2, 5),
    ]


def test_windows_without_a_weighted_target_are_left_out():
    history = histories([5, 5])
    weight = np.zeros(10, np.float32)
    weight[7] = 1
    weight[0] = 1  # the first event of a user follows nothing
    windows = Windows.of(history, 10, weight)
    assert windows.start.tolist() == [5]


def test_batches_are_the_same_for_the_same_seed_and_have_similar_lengths():
    history = histories([2, 9, 3, 8, 2, 9, 3, 8] * 5)
    windows = Windows.of(history, 10, np.ones(len(history.item), np.float32))
    one, other = (windows.batches(np.random.default_rng(4), 32) for _ in range(2))
    assert [b.rows.tolist() for b in one] == [b.rows.tolist() for b in other]
    assert sum(b.read().item.size for b in one) < 1.2 * (len(history.item) - 40)


def test_the_input_at_inference_is_the_newest_events():
    history = histories([0, 3, 6])
    sequences = newest(history, 4)
    assert sequences.item.shape == (3, 4)
    assert (sequences.item[0] == -1).all()
    np.testing.assert_array_equal(sequences.item[1, :3], history.item[:3])
    np.testing.assert_array_equal(sequences.item[2], history.item[5:])


def test_histories_without_any_event():
    history = histories([0, 0])
    assert newest(history, 4).item.tolist() == [[-1], [-1]]


def test_no_window_is_lost_with_very_different_weights():
    """Sums of float32 stop growing at 2^24."""
    history = histories([2, 2])
    weight = np.full(4, 1e-9, np.float32)
    weight[1] = 2.0**24
    assert Windows.of(history, 4, weight).start.tolist() == [0, 2]


@pytest.mark.parametrize("items", [4, 1000])
def test_the_first_event_of_a_user_with_an_item_is_new(items):
    history = histories([6, 9, 1], items)
    seen, expected = set(), []
    for row, item in zip(history.row_numbers().tolist(), history.item.tolist(), strict=True):
        expected.append((row, item) not in seen)
        seen.add((row, item))
    assert new_to_user(history).tolist() == expected
