"""Texts for models that read words: the catalogue's columns and train's reviews, nothing else."""

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.data.catalogue import load
from recweave.data.dataset import Dataset
from recweave.data.reviews import train_reviews
from recweave.data.split import LeaveLastOut, RatioUser
from recweave.encode.features import find_item_feature, find_texts
from recweave.features import FeatureContext
from recweave.features.controls import Permuted
from recweave.features.documents import Documents


@pytest.fixture(scope="module")
def shop():
    dataset = load("synthetic:small")
    return dataset, dataset.split(LeaveLastOut(target=("purchase",)))


def small(**columns):
    events = pl.DataFrame(
        {"user_id": list("aaaabbbb"), "item_id": list("wxyzwxyz"), "time": range(8)}
    )
    items = pl.DataFrame({"item_id": list("wxyz"), **columns})
    reviews = events.head(6).with_columns(text=pl.lit("<b>good</b> ") + pl.col("item_id"))
    dataset = Dataset.from_frames("small", events=events, items=items, reviews=reviews)
    return FeatureContext(dataset, dataset.split(RatioUser()))


def test_each_text_is_there_once_with_its_item_user_and_kind():
    context = small(title=["W one", "X two", None, " "], categories=[["A", "B"], [], ["A"], None])
    made = Documents().build(context)
    ids = context.dataset.item_ids.ids.to_list()
    rows = zip(made.text, made.item, made.user, made.kind, strict=True)
    catalogue = {(made.kinds[k], ids[i], text) for text, i, u, k in rows if u < 0}
    assert catalogue == {
        ("title", "w", "W one"), ("title", "x", "X two"),
        ("categories", "w", "A > B"), ("categories", "y", "A"),
    }  # fmt: skip
    own = made.of_kind("review")
    expected = context.dataset.reviews[train_reviews(context.dataset, context.split)]
    assert 0 < len(expected) < 6
    users = context.dataset.user_ids.ids.to_list()
    assert sorted((users[made.user[t]], made.text[t]) for t in own) == sorted(
        (u, f"good {i}") for u, i in expected[["user_id", "item_id"]].rows()
    )
    assert made.of_kind("brand").tolist() == []


def test_reviews_of_train_alone_are_read_and_each_is_listed(shop):
    dataset, split = shop
    made = Documents().build(FeatureContext(dataset, split))
    used = made.used["reviews"]
    assert set(used.indices.tolist()) <= set(train_reviews(dataset, split).tolist())
    row = made.of_kind("review")[7]
    mine = used[[int(made.item[row])]].indices
    assert made.text[row] in dataset.reviews[np.sort(mine)]["text"].to_list()
    assert used.nnz == len(made.of_kind("review"))


def test_permuted_texts_keep_together_and_go_to_another_item(shop):
    made = Documents().build(FeatureContext(*shop))
    other = Permuted(feature="texts").build(FeatureContext(*shop, {"texts": made}))
    assert other.text == made.text
    moved = dict(zip(made.item.tolist(), other.item.tolist(), strict=True))
    assert all(moved[a] == b for a, b in zip(made.item.tolist(), other.item.tolist(), strict=True))
    assert np.mean([a != b for a, b in moved.items()]) > 0.9
    for old, new in list(moved.items())[:20]:
        np.testing.assert_array_equal(
            other.used["reviews"][[new]].indices, made.used["reviews"][[old]].indices
        )


def test_columns_that_are_named_must_be_there_and_something_must_be_readable():
    context = small(title=["W", "X", "Y", "Z"])
    assert Documents(fields=("title",), reviews=False).build(context).kinds == ("title", "review")
    with pytest.raises(BadSetting, match="no column 'brnd'"):
        Documents(fields=("brnd",)).build(context)
    with pytest.raises(BadSetting, match="no texts that may be read"):
        Documents(reviews=False).build(small())


def test_texts_are_no_vectors_and_vectors_no_texts(shop):
    made = Documents().build(FeatureContext(*shop))
    with pytest.raises(BadSetting, match="holds texts, which only language models read"):
        find_item_feature({"texts": made}, "texts")
    with pytest.raises(BadSetting, match="holds vectors"):
        find_texts({"texts": find_item_feature_of(shop)}, "texts")


def find_item_feature_of(shop):
    from recweave.features.text import ItemText

    return ItemText(encoder="tfidf").build(FeatureContext(*shop))
