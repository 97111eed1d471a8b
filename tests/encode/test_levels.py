import numpy as np
import polars as pl
import pytest

from recweave.core.errors import TooLarge
from recweave.encode.features import OTHER, CategoricalFeature
from recweave.encode.levels import encode_levels, encode_lists, vocabulary


def test_levels_are_those_of_known_rows_and_the_rest_is_other_or_missing():
    colour = pl.Series("colour", ["red", "blue", "red", None, "blue", "pink", "green"])
    known = np.array([1, 1, 1, 1, 1, 1, 0], bool)
    made = encode_levels([colour], known, min_count=2)
    assert made.levels == (("blue", "red", OTHER),)
    assert made.codes[:, 0].tolist() == [1, 0, 1, -1, 0, 2, 2]
    made = encode_levels([colour], known, min_count=1)
    assert made.levels == (("blue", "pink", "red"),)
    assert made.codes[:, 0].tolist() == [2, 0, 2, -1, 0, 1, -1]
    assert made.present.tolist() == [True, True, True, False, True, True, False]


def test_one_hot_vectors_have_a_column_for_each_level_of_each_field():
    columns = [pl.Series("a", ["x", "y", None]), pl.Series("b", ["1", None, None])]
    made = encode_levels(columns, np.ones(3, bool))
    one_hot = made.one_hot()
    assert one_hot.columns == ("a=x", "a=y", "b=1")
    np.testing.assert_array_equal(one_hot.vectors, [[1, 0, 1], [0, 1, 0], [0, 0, 0]])
    assert one_hot.present.tolist() == [True, True, False]


def test_one_hot_vectors_that_are_too_large_are_refused_with_advice():
    levels = tuple(map(str, range(100_000)))
    made = CategoricalFeature(np.zeros((50_000, 1), np.int32), ("f",), (levels,), "e", "s")
    with pytest.raises(TooLarge, match=r"100,000 levels.*min_count"):
        made.one_hot()


def test_lists_become_multi_hot_vectors():
    tags = pl.Series("tags", [["a", "b"], ["b", "b"], [], None, ["c", "z"], ["z"]])
    known = np.array([1, 1, 1, 1, 1, 0], bool)
    made = encode_lists(tags, known)
    assert made.columns == ("a", "b", "c", "z")
    expected = [[1, 1, 0, 0], [0, 1, 0, 0], [0] * 4, [0] * 4, [0, 0, 1, 1], [0, 0, 0, 1]]
    np.testing.assert_array_equal(made.vectors, expected)
    made = encode_lists(tags, known, min_count=2)
    assert made.columns == ("b", OTHER)
    np.testing.assert_array_equal(made.vectors[:, 1], [1, 0, 0, 0, 1, 1])


def test_the_order_of_the_rows_does_not_decide_the_codes():
    values = pl.Series("f", ["b", "a", "c", "a", "c"])
    assert vocabulary(values, 2) == vocabulary(values[[4, 3, 0, 1, 2]], 2) == ("a", "c", OTHER)
