import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.arrays import order_by


@given(st.lists(st.integers(0, 6)))
def test_order_by_is_a_stable_sort(codes):
    code = np.array(codes, np.int32)
    np.testing.assert_array_equal(order_by(code, 7), np.argsort(code, kind="stable"))
