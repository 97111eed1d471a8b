"""Boosted trees: the numbers are scikit-learn's, computed by our own arrays."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from recweave.core.errors import MissingExtra
from recweave.data.interactions import Interactions
from recweave.encode.features import EventFeature, Feature
from recweave.evaluate.classification import log_loss, roc_auc
from recweave.models import load_model, save_model
from recweave.models.base import ClickModel
from recweave.models.ctr.design import design
from recweave.models.ctr.trees import BoostedTrees, _valid
from recweave.models.training import TrainingData

ensemble = pytest.importorskip("sklearn.ensemble")


def feature(vectors, of="item", present=None):
    present = np.ones(len(vectors), bool) if present is None else present
    vectors = np.asarray(vectors, np.float32) * present[:, None]
    return Feature(vectors, present, "made/1", "made", of=of)


@pytest.fixture(scope="module")
def planted():
    """A pair is positive if the numbers of its user and its item have the same sign, mostly."""
    rng = np.random.default_rng(0)
    taste, quality = rng.standard_normal((80, 2)), rng.standard_normal((70, 3))
    user, item = rng.integers(0, 80, 4000), rng.integers(0, 70, 4000)
    likes = (taste[user, 0] > 0) == (quality[item, 1] > 0)
    value = np.where(rng.random(4000) < 0.1, ~likes, likes).astype(np.float32)
    features = {
        "quality": feature(quality, present=np.arange(70) % 7 > 0),
        "taste": feature(taste, "user"),
    }
    log = Interactions.of(user, item, value, shape=(80, 70))
    return TrainingData(log[:3000], log[3000:], features=features)


RECIPE = BoostedTrees(features=("quality", "taste"), trees=40, lr=0.1)


def test_log_odds_are_those_of_scikit_learn(planted):
    """Without validation all trees are kept; the item's columns come first in the design here."""
    model = RECIPE.fit(replace(planted, valid=None))
    columns, _ = design(planted, RECIPE.features)
    reference = ensemble.HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=40,
        max_leaf_nodes=15,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    ).fit(columns.astype(np.float32), planted.train.value == 1)
    expected = reference.decision_function(columns.astype(np.float32))
    odds = model.log_odds(planted.train.user, planted.train.item)
    # Which of two columns with equal gains is split may depend on their order.
    assert np.abs(odds - expected).max() < 1e-6


def test_an_interaction_of_user_and_item_is_learned(planted):
    model = RECIPE.fit(planted)
    assert isinstance(model, ClickModel)
    probability = model.probability(planted.valid.user, planted.valid.item)
    assert roc_auc(planted.valid.value == 1, probability) > 0.85


def test_the_number_of_trees_is_the_best_on_validation(planted):
    """Of random labels nothing can be learned, so no tree is kept."""
    many = RECIPE.model_copy(update={"trees": 400, "lr": 0.3, "patience": 400})
    value = np.random.default_rng(1).permutation(planted.train.value)
    noise = replace(planted, train=replace(planted.train, value=value))
    assert len(many.fit(noise).trees.root) <= 3
    model = many.fit(planted)
    kept = len(model.trees.root)
    assert 3 < kept < 400
    positive, pairs = planted.valid.value == 1, (planted.valid.user, planted.valid.item)
    best = log_loss(positive, model.probability(*pairs))
    for trees in (kept - 2, kept + 2):
        other = many.model_copy(update={"trees": trees}).fit(replace(planted, valid=None))
        assert log_loss(positive, other.probability(*pairs)) >= best


def test_class_weights_move_the_share_of_positives(planted):
    rare = replace(planted.train, value=planted.train.value * (np.arange(3000) % 5 == 0))
    data = replace(planted, train=rare, valid=None)
    plain = RECIPE.fit(data).probability(rare.user, rare.item).mean()
    balanced = RECIPE.model_copy(update={"class_weight": "balanced"}).fit(data)
    assert plain == pytest.approx(rare.value.mean(), abs=0.02)
    assert balanced.probability(rare.user, rare.item).mean() > 2 * plain


def test_a_training_row_reads_the_vector_computed_without_it():
    rng = np.random.default_rng(2)
    item, label = np.arange(400), rng.integers(0, 2, 400)
    whole = feature(label[:, None])
    constant = np.zeros((400, 1), np.float32)
    made = EventFeature(whole, item, item, constant, np.ones(400, bool))
    log = Interactions.of(np.zeros(400, int), item, label.astype(np.float32))
    model = BoostedTrees(features=("f",), trees=20).fit(
        TrainingData(log, features={"f": made}, rows=item)
    )
    odds = model.log_odds(np.zeros(400, int), item)
    assert odds[label == 1].mean() == pytest.approx(odds[label == 0].mean())


def test_unknown_users_and_items_have_missing_features(planted):
    model = RECIPE.fit(planted)
    odds = model.log_odds(np.array([3, 3]), np.array([-1, 7]))  # item 7 has no vector
    assert odds[0] == odds[1]


def test_one_class_or_no_features_give_the_smoothed_share():
    log = Interactions.of([0] * 9, range(9), 5.0)
    model = BoostedTrees().fit(TrainingData(log, positive_from=4))
    assert model.probability(np.array([0]), np.array([0]))[0] == pytest.approx(9.5 / 10)
    half = Interactions.of([0] * 4, range(4), [1.0, 0.0, 1.0, 0.0])
    assert BoostedTrees().fit(half).bias == pytest.approx(0)


def test_a_saved_model_gives_the_same_probabilities(planted, tmp_path):
    model = RECIPE.fit(planted)
    save_model(model, tmp_path / "model")
    loaded, _ = load_model(tmp_path / "model")
    pairs = np.array([0, -1, 7]), np.array([3, 2, -1])
    np.testing.assert_array_equal(loaded.probability(*pairs), model.probability(*pairs))


def test_without_scikit_learn_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra, match=r"pip install 'recweave\[trees\]'"):
        BoostedTrees().fit(Interactions.of([0], [0], 1.0))


def test_validation_events_that_features_were_computed_from_read_vectors_without_them():
    """The whole vectors hold the label, the variants another number."""
    n, item = 40, np.arange(40)
    label = item % 2
    variants = (item[:, None] % 5).astype(np.float32)
    made = EventFeature(feature(label[:, None]), item, item, variants, np.ones(n, bool))
    log = Interactions.of(np.zeros(n, int), item, label.astype(np.float32), shape=(1, n))
    data = TrainingData(log[:30], log[30:], {"f": made}, rows=item[:30], valid_rows=item[30:])
    _, blocks = design(data, ("f",))
    mean, scale = blocks[0].standardizer.mean, blocks[0].standardizer.scale
    columns, positive = _valid(data, blocks)
    np.testing.assert_allclose(columns, (variants[30:] - mean) / scale, rtol=1e-6)
    np.testing.assert_array_equal(positive, label[30:] == 1)
