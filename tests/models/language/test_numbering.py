"""Numbers of items: consecutive from 1001, and known from training events alone."""

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.data.split import LeaveLastOut
from recweave.models import Query
from recweave.models.language.arithmetic import (
    AFTER,
    BEFORE,
    LARGER,
    MINUS,
    NEARER,
    PLUS,
    SMALLER,
    make_sums,
)
from recweave.models.language.numbering import number_items
from recweave.models.language.plus_one import PlusOne
from recweave.models.training import TrainingData


def histories(*rows, items):
    """One user for each list of items."""
    user = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    item = np.concatenate(rows) if rows else np.zeros(0, int)
    return Histories.of(Interactions.of(user, item, shape=(len(rows), items)))


def test_sequential_numbers_follow_the_first_training_events_user_by_user():
    number = number_items("sequential", histories([2, 0, 2], [0, 3, 1], items=6), seed=0)
    assert number[[2, 0, 3, 1]].tolist() == [1001, 1002, 1003, 1004]
    assert sorted(number[[4, 5]]) == [1005, 1006]


def test_items_without_a_training_event_are_numbered_at_random():
    numbers = [number_items("sequential", histories([0], items=40), seed=s) for s in range(5)]
    assert all(number[0] == 1001 for number in numbers)
    assert len({tuple(number) for number in numbers}) == 5
    assert not any((np.diff(number[1:]) == 1).all() for number in numbers)


def test_random_numbers_are_a_permutation_that_depends_on_the_seed_alone():
    one, other = (number_items("random", histories([i], items=50), seed=3) for i in (0, 7))
    np.testing.assert_array_equal(one, other)
    assert sorted(one) == list(range(1001, 1051))
    assert (one != number_items("random", histories([0], items=50), seed=4)).any()


def test_the_paper_numbers_held_out_items_user_by_user():
    train, later = histories([2], [0], items=7), histories([5, 4], [3, 2], items=7)
    number = number_items("sequential", train, 0, later)
    assert number[[2, 0, 5, 4, 3]].tolist() == [1001, 1002, 1003, 1004, 1005]


def test_held_out_events_do_not_change_the_numbers():
    rng = np.random.default_rng(0)
    user, item = np.repeat(np.arange(30), 8), rng.integers(0, 300, 240)
    log = Interactions.of(user, item, shape=(30, 300))
    split = LeaveLastOut().cut(log)
    held_out = np.isin(np.arange(240) % 8, (6, 7))
    other = Interactions.of(user, np.where(held_out, rng.permutation(item), item), shape=(30, 300))
    changed = LeaveLastOut().cut(other)
    assert (split.valid.item != changed.valid.item).any()
    numbers = [PlusOne().fit(TrainingData(s.train, s.valid)).number for s in (split, changed)]
    np.testing.assert_array_equal(*numbers)
    leaking = [
        PlusOne(paper=True).fit(TrainingData(s.train, s.valid)).number for s in (split, changed)
    ]
    assert (leaking[0] != leaking[1]).any()


def test_plus_one_ranks_the_numbers_that_follow_and_goes_round():
    log = Interactions.of([0, 0, 1, 1], [3, 1, 0, 2], shape=(3, 4))
    model = PlusOne().fit(log)
    assert model.number.tolist() == [1003, 1002, 1004, 1001]
    scores = model.scores(Query.of(log))
    assert scores.tolist() == [[0, -3, -1, -2], [-2, -1, -3, 0], [0, 0, 0, 0]]


def answer(kind, a, b, c):
    """What each question's right answer is."""
    return {
        PLUS: a + b,
        MINUS: a - b,
        AFTER: a + 1,
        BEFORE: a - 1,
        LARGER: max(a, b),
        SMALLER: min(a, b),
        NEARER: b if abs(a - b) < abs(a - c) else c,
    }[kind]


@pytest.mark.parametrize("items", [3, 4, 50, 12_000])
def test_sums_have_the_right_answers_over_the_range_of_the_numbers(items):
    sums = make_sums(items, 3000, seed=1)
    used = sums.number[sums.number >= 0]
    assert used.min() >= 1001
    assert used.max() <= 1000 + items
    rows = zip(sums.kind.tolist(), sums.number.tolist(), sums.answer.tolist(), strict=True)
    assert all(found == answer(kind, *numbers) for kind, numbers, found in rows)
    minus = sums.kind == MINUS
    assert (sums.answer[minus] > 0).all()
    a, b, c = sums.number[sums.kind == NEARER].T
    assert (np.abs(a - b) != np.abs(a - c)).all()
    assert (np.bincount(sums.kind) > 3000 / 7 * 0.8).all()


def test_permuted_answers_are_those_of_other_questions_of_the_same_kind():
    right, permuted = (make_sums(500, 4000, 2, permuted=p) for p in (False, True))
    np.testing.assert_array_equal(right.number, permuted.number)
    for kind in range(7):
        rows = right.kind == kind
        assert sorted(right.answer[rows]) == sorted(permuted.answer[rows])
    assert (right.answer == permuted.answer).mean() < 0.05


def test_sums_over_two_items_are_refused():
    with pytest.raises(BadSetting, match="2 items have no three different numbers"):
        make_sums(2, 10, 0)
