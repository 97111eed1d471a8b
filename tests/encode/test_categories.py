import numpy as np
import polars as pl

from recweave.data.dataset import Dataset
from recweave.encode.categories import encode_categories


def catalogue(categories, events=None):
    items = pl.DataFrame({"item_id": [str(n) for n in range(len(categories))]})
    items = items.with_columns(categories=pl.Series(categories, dtype=pl.List(pl.String)))
    log = {} if events is None else {"events": pl.DataFrame(events)}
    return Dataset("shop", items=items, numbering="table", **log)


def test_the_cosine_of_two_items_is_the_share_of_categories_they_have_in_common():
    feature = encode_categories(
        catalogue([["cup", "blue"], ["cup", "red"], ["red"], ["blue", "cup"]])
    )
    cosine = feature.vectors @ feature.vectors.T
    expected = [[1, 0.5, 0, 1], [0.5, 1, 0.5**0.5, 0.5], [0, 0.5**0.5, 1, 0], [1, 0.5, 0, 1]]
    np.testing.assert_allclose(cosine, expected, atol=1e-6)
    assert feature.vectors.dtype == np.float32


def test_an_item_without_categories_has_no_vector():
    feature = encode_categories(catalogue([["cup"], [], None, [""], [None]]))
    assert feature.present.tolist() == [True, False, False, False, False]
    assert not feature.vectors[1:].any()


def test_a_category_named_twice_counts_once():
    feature = encode_categories(catalogue([["cup", "cup", "red"], ["cup", "red"]]))
    np.testing.assert_array_equal(feature.vectors[0], feature.vectors[1])


def test_items_that_are_only_in_the_log_have_rows_without_a_vector():
    shop = catalogue([["cup"]], {"user_id": ["u"], "item_id": ["new"]})
    feature = encode_categories(shop)
    assert feature.vectors.shape == (2, 1)
    assert feature.present.tolist() == [True, False]
