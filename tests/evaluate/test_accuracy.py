from itertools import pairwise
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.data.interactions import Interactions
from recweave.evaluate.accuracy import ACCURACY
from recweave.evaluate.hits import Relevant

# One list of four with hits at ranks 2 and 3, of a user with five relevant items.
BY_HAND = {
    "recall": 2 / 5,
    "recall_vae": 2 / 4,
    "precision": 2 / 4,
    "hit": 1.0,
    "mrr": 1 / 2,
    "ndcg": (1 / log2(3) + 1 / log2(4)) / (1 + 1 / log2(3) + 1 / log2(4) + 1 / log2(5)),
    "map": (1 / 2 + 2 / 3) / 5,
}


def one(name, hits, relevant):
    return ACCURACY[name](np.array([hits], bool), np.array([relevant]))[0]


def test_every_metric_is_checked_by_hand():
    assert set(BY_HAND) == set(ACCURACY)


@pytest.mark.parametrize("name", ACCURACY)
def test_equals_the_value_worked_out_by_hand(name):
    assert one(name, [0, 1, 1, 0], 5) == pytest.approx(BY_HAND[name], abs=1e-12)


@pytest.mark.parametrize("name", ACCURACY)
def test_all_right_is_one_all_wrong_is_zero(name):
    assert one(name, [1, 1, 1], 3) == pytest.approx(1, abs=1e-12)
    assert one(name, [0, 0, 0], 3) == 0


@pytest.mark.parametrize("name", ACCURACY)
def test_a_user_without_relevant_items_has_no_value(name):
    assert np.isnan(one(name, [0, 0], 0))


def test_vae_and_plain_recall_differ_only_where_there_are_more_relevant_items_than_places():
    assert one("recall_vae", [1, 0, 1], 9) == pytest.approx(2 / 3)
    assert one("recall", [1, 0, 1], 9) == pytest.approx(2 / 9)
    assert one("recall_vae", [1, 0, 0], 2) == one("recall", [1, 0, 0], 2) == 0.5


@st.composite
def hits_of_one_user(draw):
    hits = draw(st.lists(st.booleans(), min_size=1, max_size=30))
    return hits, draw(st.integers(max(1, sum(hits)), 40))


@given(hits_of_one_user())
def test_recall_hit_mrr_and_map_never_fall_as_k_grows(case):
    hits, relevant = case
    for name in ("recall", "hit", "mrr", "map"):
        values = [one(name, hits[:k], relevant) for k in range(1, len(hits) + 1)]
        assert all(low <= high + 1e-12 for low, high in pairwise(values)), name


def test_ndcg_and_vae_recall_may_fall_as_k_grows():
    for name in ("ndcg", "recall_vae"):
        assert one(name, [1, 0], 2) < one(name, [1], 2)


@given(hits_of_one_user())
def test_every_metric_stays_between_zero_and_one(case):
    hits, relevant = case
    for name in ACCURACY:
        assert 0 <= one(name, hits, relevant) <= 1 + 1e-12, name


def test_a_hit_is_a_held_out_pair_and_nothing_else(ranking):
    held_out = Interactions.of([0, 0, 2, 2], [4, 4, 0, 3], shape=(4, 5))
    lists = ranking([[4, 0], [4, 3], [3, -1], [1, 2]], items=5)
    relevant = Relevant.of(held_out)
    np.testing.assert_array_equal(
        relevant.find(lists) >= 0, [[True, False], [False, False], [True, False], [False, False]]
    )
    np.testing.assert_array_equal(relevant.counts(lists.query.user), [1, 0, 2, 0])


def test_padding_never_hits_the_last_item_of_the_user_before(ranking):
    held_out = Interactions.of([0], [4], shape=(2, 5))
    lists = ranking([[0, 1], [0, -1]], items=5)
    assert (Relevant.of(held_out).find(lists) == -1).all()


def test_somebody_new_has_nothing_relevant(ranking):
    held_out = Interactions.of([1], [4], shape=(2, 5))
    lists = ranking([[4, 0], [4, 0]], items=5, users=[-1, 1])
    relevant = Relevant.of(held_out)
    np.testing.assert_array_equal(relevant.find(lists) >= 0, [[False, False], [True, False]])
    np.testing.assert_array_equal(relevant.counts(lists.query.user), [0, 1])


def test_events_below_the_bar_are_not_relevant_unless_another_of_the_pair_reaches_it(ranking):
    held_out = Interactions.of([0, 0, 0], [1, 2, 2], [2.0, 1.0, 5.0], shape=(1, 3))
    relevant = Relevant.of(held_out, at_least=4)
    np.testing.assert_array_equal(relevant.pair, [2])
    np.testing.assert_array_equal(relevant.event, [2])


def test_nothing_held_out_means_no_hits(ranking):
    held_out = Interactions.of([], [], shape=(1, 3))
    assert (Relevant.of(held_out).find(ranking([[0, 1]], items=3)) == -1).all()


def test_a_list_with_an_item_twice_is_refused(ranking):
    held_out = Interactions.of([0], [1], shape=(1, 3))
    with pytest.raises(ValueError, match="twice"):
        Relevant.of(held_out).find(ranking([[1, 1]], items=3))


@given(seed=st.integers(0, 2**32 - 1))
def test_hits_equal_set_membership(ranking, seed):
    rng = np.random.default_rng(seed)
    users, items, k = 6, 9, 4
    n = int(rng.integers(0, 30))
    held_out = Interactions.of(
        rng.integers(users, size=n), rng.integers(items, size=n), shape=(6, 9)
    )
    lists = np.argsort(rng.random((users, items)), axis=1)[:, :k]
    lists[rng.random(lists.shape) < 0.2] = -1
    asked = rng.integers(-1, users, size=users)
    pairs = set(zip(held_out.user.tolist(), held_out.item.tolist(), strict=True))
    expected = [[(u, i) in pairs for i in row] for u, row in zip(asked, lists, strict=True)]
    found = Relevant.of(held_out).find(ranking(lists, items, asked)) >= 0
    np.testing.assert_array_equal(found, expected)
