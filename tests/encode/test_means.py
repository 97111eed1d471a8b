"""Means without the event itself, against a loop that leaves the pair out."""

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.reviews import train_reviews
from recweave.data.split import TRAIN, RandomWarm, Split
from recweave.encode.features import EventFeature
from recweave.encode.reviews import review_vectors
from recweave.features import FeatureContext
from recweave.features.history import History
from recweave.features.text import ReviewText

SPLIT = RandomWarm(test=0.3, keep=1)
EVENTS = 160


class Values:
    """An encoder whose vector is the number that the text says, and its square."""

    name, dim = "values/1", 2

    def encode(self, texts):
        found = np.array([float(text or 0) for text in texts], np.float32)
        return np.stack([found, found**2], axis=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("recweave.features.text.text_encoder", lambda name: Values())


def shop(texts=None, values=None):
    """160 reviews of 60 users and 12 items; some pairs occur twice, some events have none."""
    rng = np.random.default_rng(5)
    table = pl.DataFrame(
        {
            "user_id": [f"u{n}" for n in rng.integers(0, 60, EVENTS)],
            "item_id": [f"i{n}" for n in rng.integers(0, 12, EVENTS)],
            "time": np.arange(EVENTS),
        }
    )
    text = texts if texts is not None else [str(n) for n in rng.integers(1, 99, EVENTS)]
    rating = rng.integers(1, 6, EVENTS).astype(np.float32) if values is None else values
    reviews = table.with_columns(text=pl.Series(text), rating=pl.Series(rating))
    return Dataset(
        "shop",
        events=table.with_columns(value=pl.Series(rating)),
        reviews=reviews.filter(pl.col("time") % 8 != 0),
    )


def built(spec, data, features=None) -> tuple[EventFeature, Split]:
    split = data.split(SPLIT)
    return spec.build(FeatureContext(data, split, features=features or {})), split


def expected(data, split, of, event):
    """The mean of one event's vector, by a loop over the training reviews."""
    pair = data.events.row(event, named=True)
    sharing = "user_id" if of == "user" else "item_id"
    mine = []
    for row in train_reviews(data, split):
        review = data.reviews.row(int(row), named=True)
        same = (review["user_id"], review["item_id"]) == (pair["user_id"], pair["item_id"])
        if split.part[event] == TRAIN and same:
            continue
        if review[sharing] == pair[sharing]:
            mine.append(float(review["text"]))
    return [np.mean(mine), np.mean(np.square(mine))] if mine else [0, 0]


@pytest.mark.parametrize("of", ["item", "user"])
def test_each_event_has_the_mean_of_a_loop_over_the_other_pairs(of):
    data = shop()
    feature, split = built(ReviewText(of=of, for_events=True), data)
    vectors, present = feature.at(np.arange(EVENTS))
    wanted = np.array([expected(data, split, of, event) for event in range(EVENTS)])
    np.testing.assert_allclose(vectors, wanted, rtol=1e-5)
    np.testing.assert_array_equal(present, wanted[:, 0] > 0)
    if of == "user":
        assert not present.all()  # somebody has one review alone


@pytest.mark.parametrize("folds", [0, 3])
@pytest.mark.parametrize("of", ["item", "user"])
def test_the_text_of_an_event_never_changes_its_own_vector(of, folds):
    spec = ReviewText(of=of, for_events=True, folds=folds)
    data = shop()
    before, split = built(spec, data)
    texts = data.events.join(
        data.reviews.select("time", "text"), on="time", how="left", maintain_order="left"
    )["text"].to_list()
    changed = 0
    for event in np.flatnonzero(split.part == TRAIN):
        if texts[event] is None:
            continue
        other = [*texts]
        other[event] = "1000"
        after, _ = built(spec, shop(other, data.events["value"].to_numpy()))
        row = np.array([event])
        np.testing.assert_array_equal(after.at(row)[0], before.at(row)[0])
        changed += not np.array_equal(after.whole.vectors, before.whole.vectors)
    assert changed > 50


def test_folds_leave_out_the_whole_fold_and_make_fewer_variants():
    data = shop()
    alone, split = built(ReviewText(for_events=True), data)
    folded, _ = built(ReviewText(for_events=True, folds=2), data)
    assert len(folded.vectors) <= 2 * 12 < len(alone.vectors)
    left_out = folded.left_out["reviews"].sum(axis=1)
    assert left_out.sum() == len(train_reviews(data, split)) and left_out.max() > 2


def test_provenance_names_the_reviews_that_are_left_out():
    data = shop()
    feature, split = built(ReviewText(for_events=True), data)
    assert (feature.variant[split.part != TRAIN] == -1).all()
    for event in np.flatnonzero(feature.variant >= 0)[:30]:
        left_out = feature.left_out["reviews"][[feature.variant[event]]].indices
        if not len(left_out):  # an event without a review
            continue
        pairs = data.reviews[left_out].select("user_id", "item_id").unique()
        assert pairs.rows() == data.events[[int(event)]].select("user_id", "item_id").rows()


def test_a_mean_has_the_rows_of_train_alone():
    data = shop()
    split = data.split(SPLIT)
    feature = review_vectors(data, train_reviews(data, split), "user", Values()).mean()
    assert set(feature.used["reviews"].indices) <= set(train_reviews(data, split))


def catalogue_vectors(data):
    from recweave.encode.features import Feature

    vectors = np.arange(len(data.item_ids), dtype=np.float32)[:, None] + 1
    return {"items": Feature(vectors, np.ones(len(vectors), bool), "test/1", "numbers")}


def test_a_history_is_the_mean_of_the_items_that_were_liked():
    data = shop()
    spec = History(feature="items", value_from=3, for_events=True)
    feature, split = built(spec, data, catalogue_vectors(data))
    log = data.interactions()
    for event in range(EVENTS):
        mine = [
            log.item[row] + 1
            for row in np.flatnonzero(split.part == TRAIN)
            if log.user[row] == log.user[event]
            and log.value[row] >= 3
            and (split.part[event] != TRAIN or log.item[row] != log.item[event])
        ]
        found = feature.at(np.array([event]))[0][0, 0]
        assert found == pytest.approx(np.mean(mine) if mine else 0, rel=1e-6)


@pytest.mark.parametrize("folds", [0, 2])
def test_the_rating_of_an_event_never_changes_its_own_history(folds):
    spec = History(feature="items", value_from=3, for_events=True, folds=folds)
    data = shop()
    before, split = built(spec, data, catalogue_vectors(data))
    changed = 0
    for event in np.flatnonzero(split.part == TRAIN)[:60]:
        values = data.events["value"].to_numpy().copy()
        values[event] = 1 if values[event] >= 3 else 5
        other = shop(values=values)
        after, _ = built(spec, other, catalogue_vectors(other))
        row = np.array([event])
        np.testing.assert_allclose(after.at(row)[0], before.at(row)[0], rtol=1e-6)
        changed += not np.array_equal(after.whole.vectors, before.whole.vectors)
    assert changed > 30


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ReviewText(for_events=True, folds=1), "folds = 1"),
        (ReviewText(for_events=True, encoder="tfidf"), "depend on all texts"),
        (History(feature="items", value_from=9), "no training event counts"),
    ],
)
def test_what_cannot_be_left_out_is_refused(spec, message):
    data = shop()
    with pytest.raises(BadSetting, match=message):
        built(spec, data, catalogue_vectors(data))


def test_a_history_of_what_reviews_say_is_refused():
    data = shop()
    features = {"items": built(ReviewText(), data)[0]}
    with pytest.raises(BadSetting, match="made from reviews"):
        built(History(feature="items"), data, features)
