import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.encode.items import encode_items, item_texts
from recweave.encode.tfidf import TfIdf


def shop(**columns):
    kinds = {"categories": pl.List(pl.String)}
    size = len(next(iter(columns.values())))
    items = pl.DataFrame(
        {"item_id": [f"i{n}" for n in range(size)]} | columns, schema_overrides=kinds
    )
    return Dataset("shop", items=items, numbering="table")


def test_a_text_joins_the_fields_of_an_item_and_a_list_is_a_path():
    dataset = shop(
        title=["Mug", " ", "Cup\n", None],
        categories=[["Home", "Kitchen"], ["Home", "", None], [], None],
        price=[2.5, None, None, None],
    )
    assert item_texts(dataset) == ["Mug\nHome > Kitchen", "Home", "Cup", ""]
    assert item_texts(dataset, ["price", "title"]) == ["2.5\nMug", "", "Cup", ""]


def test_html_tags_and_entities_are_removed_from_texts():
    dataset = shop(title=["<b>Mug</b> &amp; lid", "a < b"], categories=[["<i>Home</i>", "Tea"], []])
    assert item_texts(dataset) == ["Mug & lid\nHome > Tea", "a < b"]


def test_an_item_without_text_has_no_vector():
    feature = encode_items(shop(title=["red mug", None, "blue cup", ""]), ["title"], TfIdf(dim=3))
    assert feature.present.tolist() == [True, False, True, False]
    assert not feature.vectors[[1, 3]].any()
    np.testing.assert_allclose(np.linalg.norm(feature.vectors[[0, 2]], axis=1), 1, rtol=1e-5)
    assert feature.used == {}


def test_a_feature_names_its_encoder_and_its_source():
    one, same, other = (
        encode_items(shop(title=[title]), ["title"], TfIdf()) for title in ("cup", "cup ", "mug")
    )
    assert one.encoder == "tfidf-svd256/2"
    assert one.source.startswith("items.title, ")
    assert one.source == same.source != other.source


def test_items_that_are_only_in_the_log_have_rows_without_text():
    log = pl.DataFrame({"user_id": ["u"], "item_id": ["new"]})
    dataset = shop(title=["mug"]).replace(events=log)
    assert item_texts(dataset) == ["mug", ""]


def test_an_unknown_column_is_refused_with_the_nearest_name():
    with pytest.raises(BadSetting, match="did you mean 'title'"):
        item_texts(shop(title=["mug"]), ["titel"])
