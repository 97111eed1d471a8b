import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from recweave.models.neighbours.nearest import keep_nearest, nearest, thin


def by_sorting(table, k, hidden):
    """Which entries a full stable sort would keep."""
    order = np.argsort(-table, axis=1, kind="stable")
    chosen = np.zeros(table.shape, bool)
    np.put_along_axis(chosen, order[:, :k], True, axis=1)
    return chosen & ~hidden(table)


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 40)),
        elements=st.sampled_from([0.0, 1.0, 1.5, -2.0, -np.inf]),
    ),
    st.integers(1, 12),
)
def test_marks_what_a_stable_sort_puts_first_and_never_minus_infinity(table, k):
    np.testing.assert_array_equal(nearest(table, k), by_sorting(table, k, np.isneginf))


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 120)),
        elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 1e-30, -1.0]),
    ),
    st.integers(1, 12),
)
def test_keeps_the_positive_entries_that_a_stable_sort_puts_first(table, k):
    chosen = by_sorting(table, k, lambda t: t <= 0)
    found = keep_nearest(sparse.csr_array(table), k)
    np.testing.assert_array_equal(found.toarray(), np.where(chosen, table, 0))


@pytest.mark.parametrize("k", [1, 3, 20])
def test_thin_keeps_the_k_largest_of_long_rows(k):
    rng = np.random.default_rng(k)
    table = rng.random((6, 4_000), dtype=np.float32) * (rng.random((6, 4_000)) < 0.7)
    table[1] = np.round(table[1], 1)  # a row of many ties
    table[2, 50:] = 0  # a short row between long ones
    table[5] = np.sort(table[5])  # the largest all in the last piece
    whole = sparse.csr_array(table)
    thinned = thin(whole, k)
    assert thinned.nnz < whole.nnz / 2
    chosen = by_sorting(table, k, lambda t: t <= 0)
    found = keep_nearest(thinned, k)
    np.testing.assert_array_equal(found.toarray(), np.where(chosen, table, 0))


def test_columns_of_a_shuffled_row_come_out_sorted():
    table = sparse.csr_array(
        (np.ones(4, np.float32), np.array([3, 0, 2, 1]), np.array([0, 4])), shape=(1, 4)
    )
    np.testing.assert_array_equal(keep_nearest(table, 2).indices, [0, 1])
