import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.core.lists import ndcg, ndcg_of_pairs, pair_keys, top_k_visible
from recweave.evaluate import accuracy

# By scikit-learn 1.9.1: ndcg_score([y], [scores], k=len(hits)), with y = 1 for the relevant among
# 40 items (the hits, then those that the list misses) and scores that fall by 1 from item to item.
GOLDEN = [
    ([1, 0, 1, 0, 0], 2, 0.9197207891481877),
    ([0, 1, 1, 0], 5, 0.4414924137367807),
    ([0, 0, 0, 1], 1, 0.4306765580733929),
    ([1, 1, 1], 9, 1.0),
    ([0, 0, 0], 4, 0.0),
    ([0, 1, 0, 0, 1, 0, 0, 0, 0, 1], 3, 0.6132756769356656),
]

HIDDEN = (np.array([0, 1, 1, 0]), np.array([0, 3, 1, 0]))  # one pair twice


@pytest.mark.parametrize(("hits", "relevant", "value"), GOLDEN)
def test_ndcg_equals_scikit_learns(hits, relevant, value):
    assert ndcg(np.array([hits], bool), np.array([relevant]))[0] == pytest.approx(value, abs=1e-12)


def test_ndcg_equals_scikit_learns_on_random_lists():
    theirs = pytest.importorskip("sklearn.metrics").ndcg_score
    rng = np.random.default_rng(0)
    relevant = rng.random((50, 30)) < 0.2
    relevant[:, 0] = True
    score = rng.random((50, 30))
    for k in (1, 5, 30):
        hits = np.take_along_axis(relevant, np.argsort(-score, axis=1)[:, :k], axis=1)
        ours = ndcg(hits, relevant.sum(axis=1))
        assert ours.mean() == pytest.approx(theirs(relevant, score, k=k), abs=1e-12)


def test_ndcg_of_a_user_without_relevant_items_is_nan_and_spares_the_others():
    value = ndcg(np.array([[False, False], [True, False]]), np.array([0, 1]))
    np.testing.assert_array_equal(value, [np.nan, 1])


def test_the_ndcg_of_evaluate_is_this_function():
    assert accuracy.ndcg is ndcg
    assert accuracy.ACCURACY["ndcg"] is ndcg


def test_ndcg_of_pairs_is_that_of_the_hits():
    listed = pair_keys(np.arange(3)[:, None], np.array([[4, 1], [2, -1], [0, 3]]), 5)
    relevant = pair_keys(np.array([0, 0, 1]), np.array([1, 3, 2]), 5)
    hits = np.array([[False, True], [True, False], [False, False]])
    np.testing.assert_array_equal(
        ndcg_of_pairs(listed, relevant, 5), ndcg(hits, np.array([2, 1, 0]))
    )


def test_pair_keys_do_not_overflow_the_rows_own_type():
    keys = pair_keys(np.array([70_000], np.int32), np.array([5], np.int32), 1_000_000)
    assert keys.tolist() == [70_000_000_005]


def test_the_end_of_a_list_is_no_pair():
    assert pair_keys(np.array([1]), np.array([-1]), 5).tolist() == [-1]


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_hidden_pairs_are_not_listed_and_ties_go_to_the_smaller_column(read_only, kind):
    scores = np.array([[9, 1, 2, 2, 1], [5, 7, 5, 8, 5]], kind)
    scores.flags.writeable = not read_only
    item, score = top_k_visible(scores, HIDDEN, 3)
    assert item.tolist() == [[2, 3, 1], [0, 2, 4]]
    assert score.tolist() == [[2, 2, 1], [5, 5, 5]]


def test_read_only_scores_stay_as_they_are():
    scores = np.array([[9, 1, 2, 2, 1], [5, 7, 5, 8, 5]], np.float32)
    before = scores.copy()
    scores.flags.writeable = False
    top_k_visible(scores, HIDDEN, 3)
    np.testing.assert_array_equal(scores, before)


def test_writable_scores_are_not_copied():
    """A batch of scores is megabytes; the model gives it away (see `Model.scores`)."""
    scores = np.array([[9, 1, 2, 2, 1], [5, 7, 5, 8, 5]], np.float32)
    top_k_visible(scores, HIDDEN, 3)
    assert np.isneginf(scores).tolist() == [[True, *[False] * 4], [False, True, False, True, False]]


def test_lists_end_where_all_else_is_hidden():
    hidden = (np.zeros(3, int), np.array([0, 2, 3]))
    item, score = top_k_visible(np.array([[4, 3, 2, 1]], np.float32), hidden, 5)
    assert item.tolist() == [[1, -1, -1, -1, -1]]
    assert score.tolist() == [[3, *[-np.inf] * 4]]


def test_without_pairs_nothing_is_hidden():
    scores = np.array([[1, 3, 2]], np.float32)
    assert top_k_visible(scores, None, 3)[0].tolist() == [[1, 2, 0]]
    none = (np.empty(0, int), np.empty(0, int))
    assert top_k_visible(scores, none, 3)[0].tolist() == [[1, 2, 0]]


def test_a_score_that_is_nan_is_refused():
    with pytest.raises(BadSetting, match="NaN"):
        top_k_visible(np.array([[1, np.nan]], np.float32), None, 1)
