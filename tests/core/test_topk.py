import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recweave.core.topk import top_k


def by_sorting(scores, k):
    """The same by a full stable sort."""
    item = np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)
    score = np.take_along_axis(scores, item, axis=1)
    item[np.isneginf(score)] = -1
    wide = np.full((len(scores), k), -1, np.int32)
    wide[:, : item.shape[1]] = item
    return wide


@settings(deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 300)),
        elements=st.sampled_from([0.0, 1.0, 1.5, -2.0, -np.inf, np.inf]),
    ),
    st.integers(1, 40),
)
def test_equals_a_stable_sort_with_ties_to_the_smaller_column(scores, k):
    item, score = top_k(scores, k)
    np.testing.assert_array_equal(item, by_sorting(scores, k))
    assert (np.isneginf(score) == (item == -1)).all()


@pytest.mark.parametrize("columns", [1, 63, 64, 65, 5_000])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_equals_a_stable_sort_on_distinct_scores(columns, k):
    scores = np.random.default_rng(0).standard_normal((7, columns), dtype=np.float32)
    np.testing.assert_array_equal(top_k(scores, k)[0], by_sorting(scores, k))


@pytest.mark.parametrize("k", [1, 7, 40])
@pytest.mark.parametrize("values", [20, 3_000])
def test_equals_a_stable_sort_on_many_columns_with_ties(values, k):
    rng = np.random.default_rng(k)
    scores = rng.integers(values, size=(60, 5_003)).astype(np.float32)
    scores[0] = 0
    scores[1, 100:] = -np.inf
    scores[2, -3:] = values
    scores[3] = np.sort(scores[3])[::-1]
    np.testing.assert_array_equal(top_k(scores, k)[0], by_sorting(scores, k))


def test_a_row_of_equal_scores_gives_the_first_columns():
    item, _ = top_k(np.zeros((3, 10_000), np.float32), 5)
    np.testing.assert_array_equal(item, np.tile(np.arange(5), (3, 1)))
