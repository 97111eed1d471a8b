from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode import Feature
from recweave.evaluate import Catalogue, head_items
from recweave.evaluate import beyond as b

# Items 0..4 have 4, 2, 2, 1 and 0 train events; item 0 has two of them from one user.
TRAIN = Interactions.of([0, 0, 1, 2, 0, 1, 0, 2, 1], [0, 0, 0, 0, 1, 1, 2, 2, 3], shape=(5, 5))
#                     red   blue  round
CATEGORIES = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]], np.float32)
LISTS = np.array([[0, 1], [0, 2], [3, -1], [-1, -1]], np.int32)


def feature(vectors, present=None):
    vectors = np.asarray(vectors, np.float32)
    there = np.ones(len(vectors), bool) if present is None else np.asarray(present, bool)
    return Feature(vectors, there, "test", "test")


@pytest.fixture
def catalogue():
    return Catalogue.of(
        TRAIN,
        categories=feature(CATEGORIES),
        vectors=feature([[3, 0], [0, 2], [5, 5], [-1, 0], [9, 9]], [1, 1, 1, 1, 0]),
    )


def test_popularity_is_the_mean_of_train_events(catalogue):
    np.testing.assert_array_equal(b.popularity(LISTS, catalogue), [3, 3, 1, np.nan])


def test_novelty_is_in_bits_of_the_share_of_users(catalogue):
    # Owners: 3, 2, 2, 1 of the three users with an event; nobody's item counts as one user's.
    alone = b.novelty(np.arange(5, dtype=np.int32)[:, None], catalogue)
    np.testing.assert_allclose(alone, np.log2([1, 3 / 2, 3 / 2, 3, 3]), atol=1e-12)


def test_the_tail_is_what_is_not_in_the_head(catalogue):
    # Items 0, 1 and 2 hold 8 of 9 events, the first three to reach 80 %.
    np.testing.assert_array_equal(catalogue.head, [True, True, True, False, False])
    np.testing.assert_array_equal(b.tail_share(LISTS, catalogue), [0, 0, 1, np.nan])


@pytest.mark.parametrize(
    ("share", "of", "head"),
    [
        (0.4, "events", [0]),
        (0.8, "events", [0, 1]),
        (0.81, "events", [0, 1, 2]),
        (0.2, "items", [0]),
        (0.6, "items", [0, 1, 2]),
        (1.0, "items", [0, 1, 2, 3, 4]),
    ],
)
def test_the_head_is_the_smallest_popular_set_with_the_share(share, of, head):
    events = np.array([20, 20, 8, 1, 1])
    np.testing.assert_array_equal(np.flatnonzero(head_items(events, share=share, of=of)), head)


def test_without_events_nothing_is_popular():
    assert not head_items(np.zeros(3, int)).any()


def test_diversity_is_one_minus_the_mean_cosine_of_the_pairs(catalogue):
    lists = np.array([[0, 1, -1], [0, 3, -1], [0, 2, 1], [0, 4, -1], [0, 4, 1]], np.int32)
    half = 1 - np.sqrt(0.5)
    expected = [1, 2, (half + 1 + half) / 3, np.nan, 1]  # item 4 has no vector
    np.testing.assert_allclose(b.intra_list_diversity(lists, catalogue), expected, atol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_diversity_equals_the_pairs_taken_one_by_one(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((8, 3))
    lists = np.argsort(rng.random((4, 8)), axis=1)[:, :5].astype(np.int32)
    lists[rng.random(lists.shape) < 0.2] = -1
    found = b.intra_list_diversity(lists, Catalogue.of(TRAIN_8, vectors=feature(vectors)))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for value, row in zip(found, lists, strict=True):
        far = [1 - unit[i] @ unit[j] for i, j in combinations(row[row >= 0], 2)]
        assert value == pytest.approx(np.mean(far) if far else np.nan, abs=1e-5, nan_ok=True)


TRAIN_8 = Interactions.of([0], [0], shape=(1, 8))


def test_entropy_is_over_that_of_all_categories_in_equal_parts(catalogue):
    lists = np.array([[0, 1, -1], [0, 2, -1], [0, 3, 4], [4, -1, -1]], np.int32)
    three_to_one = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    # "round" is nobody's, so the catalogue has two categories; item 3 is half of each.
    expected = [0, 1, three_to_one / np.log(2), np.nan]
    np.testing.assert_allclose(b.category_entropy(lists, catalogue), expected, atol=1e-12)


def test_coverage_counts_items_and_categories_shown_to_anybody(catalogue):
    assert b.coverage(LISTS, catalogue) == 4 / 5
    assert b.category_coverage(LISTS, catalogue) == 1
    assert b.category_coverage(LISTS[:0], catalogue) == 0
    assert b.category_coverage(np.array([[1, 0]], np.int32), catalogue) == 1 / 2


def test_gini_is_zero_for_even_and_near_one_for_single_exposure(catalogue):
    assert b.gini(np.array([[0, 1, 2, 3, 4]], np.int32), catalogue) == pytest.approx(0)
    assert b.gini(np.array([[2], [2], [2]], np.int32), catalogue) == pytest.approx(1 - 1 / 5)
    assert np.isnan(b.gini(np.array([[-1]], np.int32), catalogue))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_gini_is_half_the_mean_difference_over_the_mean(shown):
    times = np.bincount(shown, minlength=5)
    expected = np.abs(times[:, None] - times).mean() / (2 * times.mean())
    found = b.gini(np.array(shown, np.int32)[:, None], Catalogue.of(TRAIN))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "measure", [b.intra_list_diversity, b.category_entropy, b.category_coverage]
)
def test_a_catalogue_without_the_content_says_what_to_give(measure):
    with pytest.raises(BadSetting, match=r"Catalogue\.of\(train, (vectors|categories)="):
        measure(LISTS, Catalogue.of(TRAIN))
