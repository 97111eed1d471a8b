"""The shared kinds of trained model against their definitions by hand."""

import numpy as np
import pytest
from scipy import sparse

from recweave.data.interactions import Histories, Interactions
from recweave.models import Query
from recweave.models.kinds import Factors, ItemScores, ItemWeights

rng = np.random.default_rng(0)
USER = rng.standard_normal((3, 4)).astype(np.float32)
ITEM = rng.standard_normal((6, 4)).astype(np.float32)
WEIGHTS = rng.standard_normal((6, 6)).astype(np.float32)
VIEW_IS_HALF = np.array([1, 0.5, 1, 1, 1, 1, 1], np.float32)


@pytest.fixture
def log():
    """User 0: 1, 4, 1 with the 4 only viewed; user 1: nothing; user 2: 5."""
    return Interactions.of(
        [0, 0, 0, 2], [1, 4, 1, 5], behavior=["cart", "view", "cart", "cart"], shape=(3, 6)
    )


def cold_users(log):
    return Query(np.full(log.shape[0], -1), Histories.of(log), np.zeros(log.shape[0], int))


def folded(history, weight, reg):
    """Equation 4 of Hu et al. 2008, dense, in float64."""
    y = ITEM.astype(np.float64)
    seen = np.array(history)
    confidence = np.diag(weight * seen)
    a = y.T @ y + y.T @ confidence @ y + reg * np.eye(4)
    return np.linalg.solve(a, y.T @ ((1 + weight) * seen))


def test_item_scores_are_the_same_for_all_users(log):
    scores = ItemScores(np.arange(6, dtype=np.float32)).scores(Query.of(log))
    np.testing.assert_array_equal(scores, np.tile(np.arange(6), (3, 1)))


def test_factors_score_by_the_dot_product_where_nothing_is_folded_in(log):
    scores = Factors(USER, ITEM).scores(Query.of(log))
    np.testing.assert_allclose(scores, USER @ ITEM.T, rtol=1e-5)


def test_a_cold_user_gets_the_mean_of_their_items_and_zero_without_any(log):
    vectors = Factors(USER, ITEM).vectors(cold_users(log))
    expected = [(ITEM[1] + ITEM[4]) / 2, np.zeros(4), ITEM[5]]
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)


def test_the_mean_goes_by_recency_and_behaviour(log):
    vector = Factors(USER, ITEM, decay=0.5, behaviors=VIEW_IS_HALF).vectors(cold_users(log))[0]
    # Item 1 is the newest, weight 1; item 4 is one event older and only viewed: 0.5 · 0.5.
    np.testing.assert_allclose(vector, (ITEM[1] + 0.25 * ITEM[4]) / 1.25, rtol=1e-6)


def test_a_known_user_without_training_events_is_like_a_cold_user(log):
    blank = USER.copy()
    blank[[0, 1]] = 0
    vectors = Factors(blank, ITEM).vectors(Query.of(log))
    expected = [(ITEM[1] + ITEM[4]) / 2, np.zeros(4), USER[2]]
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)


@pytest.mark.parametrize("query", [Query.of, cold_users], ids=["known", "new"])
def test_folding_in_solves_the_equation_of_the_paper(query, log):
    vectors = Factors(USER, ITEM, weight=3.0, reg=0.5).vectors(query(log))
    np.testing.assert_allclose(vectors[0], folded([0, 1, 0, 0, 1, 0], 3, 0.5), rtol=1e-4)
    np.testing.assert_allclose(vectors[2], folded([0, 0, 0, 0, 0, 1], 3, 0.5), rtol=1e-4)


def test_folding_in_weighs_by_recency_and_behaviour(log):
    model = Factors(USER, ITEM, weight=3.0, reg=0.5, decay=0.5, behaviors=VIEW_IS_HALF)
    np.testing.assert_allclose(
        model.vectors(Query.of(log))[0], folded([0, 1, 0, 0, 0.25, 0], 3, 0.5), rtol=1e-4
    )


def test_a_query_without_a_history_keeps_the_vector_of_training(log):
    vectors = Factors(USER, ITEM, weight=3.0, reg=0.5).vectors(Query.of(log))
    np.testing.assert_array_equal(vectors[1], USER[1])


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_item_weights_add_up_the_rows_of_the_history(form, log):
    scores = ItemWeights(form(WEIGHTS)).scores(Query.of(log))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [WEIGHTS[1] + WEIGHTS[4], np.zeros(6), WEIGHTS[5]], 1e-6)


def test_item_weights_decay_with_later_events_and_count_by_behaviour(log):
    scores = ItemWeights(WEIGHTS, 0.5, VIEW_IS_HALF).scores(Query.of(log))
    np.testing.assert_allclose(scores[0], WEIGHTS[1] + 0.25 * WEIGHTS[4], rtol=1e-5)


def test_items_without_weights_have_score_zero_and_add_nothing(log):
    scores = ItemWeights(WEIGHTS[:3, :3], items=np.array([5, 0, 1])).scores(Query.of(log))
    expected = np.zeros((3, 6))
    expected[0, [5, 0, 1]] = WEIGHTS[2, :3]  # of the history 1 and 4, only 1 is kept, in row 2
    expected[2, [5, 0, 1]] = WEIGHTS[0, :3]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
