import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.arrays import order_by, unit_rows


@given(st.lists(st.integers(0, 6)))
def test_order_by_is_a_stable_sort(codes):
    code = np.array(codes, np.int32)
    np.testing.assert_array_equal(order_by(code, 7), np.argsort(code, kind="stable"))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_unit_rows_have_length_one_and_the_direction_and_precision_given(kind):
    vectors = np.random.default_rng(0).standard_normal((20, 5)).astype(kind)
    unit = unit_rows(vectors)
    assert unit.dtype == kind
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(unit * np.linalg.norm(vectors, axis=1)[:, None], vectors, rtol=1e-5)


def test_a_row_of_zeros_stays_so():
    assert unit_rows(np.zeros((2, 3))).tolist() == [[0, 0, 0]] * 2


def test_rows_no_longer_than_the_shortest_become_zeros():
    vectors = np.array([[0.5, 0.0], [0.0, 0.6], [2.0, 0.0]])
    assert unit_rows(vectors, 0.5).tolist() == [[0, 0], [0, 1], [1, 0]]
    assert unit_rows(vectors, np.array([0.0, 0.0, 3.0])).tolist() == [[1, 0], [0, 1], [0, 0]]


def test_unit_rows_leave_the_given_vectors_alone():
    vectors = np.array([[3.0, 4.0]])
    unit_rows(vectors)
    assert vectors.tolist() == [[3, 4]]
