import numpy as np
import pytest

from recweave.core.errors import BadSetting, RecweaveError, UnknownName
from recweave.data.catalogue import load
from recweave.data.split import TRAIN, LeaveLastOut
from recweave.enrich.interest import Interest
from recweave.features import FeatureContext
from recweave.features.controls import Permuted, RandomVectors, TextLength
from recweave.features.numbers import InterestHorizon, Number
from recweave.features.text import ItemText, ReviewText
from recweave.runs.spec import Experiment

WORDS = ItemText(encoder="tfidf")


@pytest.fixture(scope="module")
def shop():
    dataset = load("synthetic:small")
    return dataset, dataset.split(LeaveLastOut(target=("purchase",)))


def test_permuted_vectors_are_the_same_ones_on_other_items(shop):
    words = WORDS.build(FeatureContext(*shop, {}))
    permuted = Permuted(feature="words").build(FeatureContext(*shop, {"words": words}))
    assert sorted(map(tuple, permuted.vectors)) == sorted(map(tuple, words.vectors))
    assert (permuted.vectors != words.vectors).any(axis=1).mean() > 0.9
    assert permuted.source.endswith(", permuted")


def test_random_vectors_have_the_shape_of_the_others(shop):
    words = WORDS.build(FeatureContext(*shop, {}))
    control = RandomVectors(feature="words").build(FeatureContext(*shop, {"words": words}))
    assert control.vectors.shape == words.vectors.shape
    np.testing.assert_allclose(np.linalg.norm(control.vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(control.present, words.present)


def test_texts_of_equal_length_have_equal_vectors(shop):
    dataset, split = shop
    feature = TextLength(fields=("title",)).build(FeatureContext(dataset, split, {}))
    lengths = dataset.items["title"].str.len_chars().to_numpy()
    pairs = [(a, b) for a in range(40) for b in range(a) if lengths[a] == lengths[b]]
    assert pairs
    assert all((feature.vectors[a] == feature.vectors[b]).all() for a, b in pairs)


def test_reviews_are_of_train_unless_a_leak_is_asked_for(shop):
    dataset, split = shop
    honest = ReviewText(encoder="tfidf").build(FeatureContext(dataset, split, {}))
    leaky = ReviewText(encoder="tfidf", leak=True).build(FeatureContext(dataset, split, {}))
    assert honest.used["reviews"].nnz < leaky.used["reviews"].nnz == len(dataset.reviews)


def test_a_price_is_a_number(shop):
    dataset, split = shop
    feature = Number(field="price").build(FeatureContext(dataset, split, {}))
    assert feature.present.all()
    with pytest.raises(UnknownName, match="prise"):
        Number(field="prise").build(FeatureContext(dataset, split, {}))


def test_a_dataset_without_reviews_is_refused(shop):
    dataset, split = shop
    with pytest.raises(BadSetting, match="no reviews"):
        ReviewText(encoder="tfidf").build(
            FeatureContext(dataset.replace(reviews=dataset.reviews[:0]), split, {})
        )


@pytest.mark.parametrize(
    ("features", "what"),
    [
        ({"permuted": {"kind": "shuffled", "feature": "words"}}, "must be above it"),
        ({"words": {"kind": "item"}}, "did you mean 'items'"),
        ({"words": {"kind": "items", "colums": ["title"]}}, "colums"),
    ],
)
def test_a_recipe_with_a_bad_feature_is_refused(features, what):
    asked = {"data": "synthetic:small", "models": [{"name": "popularity"}], "features": features}
    with pytest.raises(RecweaveError, match=what):
        Experiment.parse(asked, "here")


def test_the_half_life_of_interest_is_fitted_from_train_alone(shop):
    dataset, split = shop
    feature = InterestHorizon(code={"kind": "log_bucket"}).build(FeatureContext(dataset, split, {}))
    days = Interest.fit(split.train).half_life
    assert (
        feature.vectors.argmax(axis=1).tolist() == np.floor(np.log2(1 + days)).astype(int).tolist()
    )
    used = feature.used["events"]
    assert used.nnz == len(split.train)
    assert (split.part[used.indices] == TRAIN).all()
    item = int(split.train.item[0])
    row = int(used[[item]].indices[0])
    assert dataset.events["item_id"][row] == dataset.item_ids.ids[item]
