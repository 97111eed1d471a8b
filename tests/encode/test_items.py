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


def test_a_text_is_the_fields_an_item_has_with_a_list_read_as_a_path():
    made = shop(
        title=["Mug", " ", "Cup\n", None],
        categories=[["Home", "Kitchen"], ["Home", "", None], [], None],
        price=[2.5, None, None, None],
    )
    assert item_texts(made) == ["Mug\nHome > Kitchen", "Home", "Cup", ""]
    assert item_texts(made, ["price", "title"]) == ["2.5\nMug", "", "Cup", ""]


def test_tags_and_entities_are_no_part_of_a_text():
    made = shop(title=["<b>Mug</b> &amp; lid", "a < b"], categories=[["<i>Home</i>", "Tea"], []])
    assert item_texts(made) == ["Mug & lid\nHome > Tea", "a < b"]


def test_an_item_without_text_has_no_vector():
    made = encode_items(shop(title=["red mug", None, "blue cup", ""]), ["title"], TfIdf(dim=3))
    assert made.present.tolist() == [True, False, True, False]
    assert not made.vectors[[1, 3]].any()
    np.testing.assert_allclose(np.linalg.norm(made.vectors[[0, 2]], axis=1), 1, rtol=1e-5)
    assert made.used == {}


def test_it_tells_what_it_was_made_by_and_from():
    one, same, other = (
        encode_items(shop(title=[title]), ["title"], TfIdf()) for title in ("cup", "cup ", "mug")
    )
    assert one.encoder == "tfidf-svd256/1"
    assert one.source.startswith("items.title, ")
    assert one.source == same.source != other.source


def test_items_that_only_the_log_knows_have_rows_without_text():
    log = pl.DataFrame({"user_id": ["u"], "item_id": ["stranger"]})
    made = shop(title=["mug"]).replace(events=log)
    assert item_texts(made) == ["mug", ""]


def test_a_column_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(BadSetting, match="did you mean 'title'"):
        item_texts(shop(title=["mug"]), ["titel"])
