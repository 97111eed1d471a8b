"""Provenance: what names held-out rows leaks, and what names none is not called clean."""

import numpy as np
import polars as pl
import pytest
from planted_shop import audited, cut, exit_code, honest_shop, only

from recweave.data.profiles import SCHEMA, Profiles, name_of
from recweave.data.reviews import train_reviews
from recweave.data.split import TRAIN


def honest_texts(dataset, split, folder, *, rows=True):
    """Profiles of items: the first six words of each training review; with or without its row."""
    own = dataset.reviews.with_row_index("row")[train_reviews(dataset, split)]
    own = own.with_columns(text=pl.col("text").str.split(" ").list.head(3).list.join(" "))
    grouped = own.group_by("item_id", maintain_order=True).agg(pl.col("text").str.join(". "), "row")
    table = grouped.select(
        entity=pl.lit("item"),
        id="item_id",
        kind=pl.lit("profile"),
        fold=None,
        text="text",
        writer=pl.lit("made/1"),
        reviews=pl.col("row") if rows else pl.lit([], pl.List(pl.UInt32)),
        events=pl.lit([], pl.List(pl.UInt32)),
    )
    table = table.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    Profiles(table, dataset.fingerprint, name_of(split)).save(folder / "texts/profiles.parquet")
    return len(table)


PROFILES = {
    "features": {"words": {"kind": "profiles", "folder": "texts", "encoder": "tfidf"}},
    "models": [{"name": "content_knn", "feature": "words"}],
}


def test_texts_that_name_their_rows_are_clean(tmp_path):
    shop = honest_shop()
    (tmp_path / "texts").mkdir()
    honest_texts(shop, cut(shop), tmp_path)
    assert audited(shop, tmp_path, **PROFILES).findings == []


def test_texts_that_name_no_rows_are_unverified_and_not_from_the_catalogue_alone(tmp_path):
    shop = honest_shop()
    (tmp_path / "texts").mkdir()
    count = honest_texts(shop, cut(shop), tmp_path, rows=False)
    found = audited(shop, tmp_path, **PROFILES)
    doubt = only(found, "unverified")
    assert (doubt.features, doubt.count) == (("words",), count)
    assert not any("catalogue alone" in line for line in found.checked)
    assert exit_code(tmp_path) == 3


def test_a_plug_in_that_names_no_rows_is_unverified(tmp_path):
    asked = {"features": {"mine": {"kind": "planted_shop:Silent"}}}
    doubt = only(audited(honest_shop(), tmp_path, **asked), "unverified")
    assert (doubt.features, doubt.count) == (("mine",), 120)


def clicks(features):
    """A recipe for a click model of some features."""
    return {
        "task": "clicks",
        "metrics": ["auc"],
        "choose": "auc",
        "positive_from": 4,
        "features": features,
        "models": [{"name": "logistic", "features": list(features)}],
    }


@pytest.fixture
def rated():
    """The shop with ratings from 1 to 5."""
    shop = honest_shop()
    value = np.random.default_rng(1).integers(1, 6, len(shop.events)).astype(np.float32)
    return shop.replace(events=shop.events.with_columns(value=pl.Series(value)))


@pytest.mark.parametrize("of", ["item", "user"])
def test_a_plain_feature_of_reviews_that_a_click_model_reads_learns_from_itself(
    rated, tmp_path, of
):
    """Every training event has a review in its item's and user's mean."""
    asked = clicks({"words": {"kind": "reviews", "encoder": "tfidf", "of": of}})
    leak = only(audited(rated, tmp_path, **asked))
    assert (leak.check, leak.features) == ("learning from itself", ("words",))
    assert leak.count == len(cut(rated).train)
    assert exit_code(tmp_path) == 1


def test_a_plain_feature_of_events_that_a_click_model_reads_learns_from_itself(rated, tmp_path):
    leak = only(audited(rated, tmp_path, **clicks({"counts": {"kind": "planted:EventCounts"}})))
    assert (leak.check, leak.features) == ("learning from itself", ("counts",))
    assert leak.count == len(cut(rated).train)
    first = rated.events[int(np.flatnonzero(cut(rated).part == TRAIN)[0])]
    assert leak.example.endswith(f"user {first['user_id'][0]} and item {first['item_id'][0]}")


def test_features_of_events_and_of_the_catalogue_are_fine_for_click_models(rated, tmp_path):
    asked = clicks({"item": {"kind": "statistics"}, "title": {"kind": "items", "encoder": "tfidf"}})
    assert audited(rated, tmp_path, **asked).findings == []


def test_a_plain_feature_that_no_row_reads_is_no_leak_of_a_click_model(rated, tmp_path):
    asked = clicks({"words": {"kind": "reviews", "encoder": "tfidf"}})
    asked["models"] = [{"name": "popularity"}]
    assert audited(rated, tmp_path, **asked).findings == []


def test_lists_may_be_made_from_plain_features_of_train_reviews(tmp_path):
    asked = {"features": {"words": {"kind": "reviews", "encoder": "tfidf"}}}
    rows = {"models": [{"name": "content_knn", "feature": "words"}]}
    assert audited(honest_shop(), tmp_path, **asked, **rows).findings == []
