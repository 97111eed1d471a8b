"""ContentKNN: items with vectors similar to those of the history."""

import numpy as np
import pytest

from recweave.core.errors import BadSetting, TooLarge
from recweave.data.interactions import Interactions
from recweave.encode import Feature
from recweave.models import Query
from recweave.models.behaviors import BehaviorWeights
from recweave.models.neighbours import content
from recweave.models.neighbours.content import ContentKNN
from recweave.models.training import TrainingData
from recweave.rank import recommend


def feature_of(vectors, of="item"):
    made = np.asarray(vectors, np.float32)
    return {"text": Feature(made, made.any(axis=1), "made/1", "made", of=of)}


@pytest.fixture
def log():
    """20 users, 50 items, of which the last ten are never touched."""
    rng = np.random.default_rng(0)
    return Interactions.of(rng.integers(0, 20, 150), rng.integers(0, 40, 150), shape=(20, 50))


@pytest.fixture
def features():
    """Random vectors around a common one; items 7 and 45 have none."""
    vectors = 1 + np.random.default_rng(1).standard_normal((50, 8))
    vectors[[7, 45]] = 0
    return feature_of(vectors)


def by_definition(feature, k):
    """Each item's k nearest others by centred cosine, pair by pair; ties by row."""
    vectors, present = feature.vectors.astype(float), feature.present
    centred = vectors - vectors[present].mean(axis=0)
    made = np.zeros((len(vectors), len(vectors)))
    for i in np.flatnonzero(present):
        for j in np.flatnonzero(present):
            x, y = centred[i], centred[j]
            made[i, j] = max(0, x @ y / np.sqrt((x @ x) * (y @ y))) if i != j else 0
        made[i, np.argsort(-made[i], kind="stable")[k:]] = 0
    return made


@pytest.mark.parametrize("k", [3, 200])
@pytest.mark.parametrize("block", [1, 8 * 50 * 7, 2**20])
def test_weights_equal_the_definition_whatever_the_blocks(log, features, k, block, monkeypatch):
    monkeypatch.setattr(content, "TABLE_BYTES", block)
    model = ContentKNN(k=k).fit(TrainingData(log, features=features))
    np.testing.assert_allclose(
        model.weights.toarray(), by_definition(features["text"], k), atol=1e-6
    )


def test_a_cold_item_comes_first_where_it_is_most_similar():
    # Items 0 to 39 in pairs of one direction each; the odd ones are cold.
    vectors = np.repeat(np.eye(20), 2, axis=0)
    user = np.arange(20)
    log = Interactions.of(user, 2 * user, shape=(20, 40))
    model = ContentKNN(k=3).fit(TrainingData(log, features=feature_of(vectors)))
    found = recommend(model, Query.of(log), 1)
    np.testing.assert_array_equal(found.item[:, 0], 2 * user + 1)


def test_events_change_nothing_and_cold_users_get_the_same_lists(log, features):
    model, other = (
        ContentKNN().fit(TrainingData(part, features=features)) for part in (log, log[:1])
    )
    np.testing.assert_array_equal(model.weights.toarray(), other.weights.toarray())
    known = Query.of(log)
    new = Query(np.full_like(known.user, -1), known.history, known.now)
    np.testing.assert_array_equal(model.scores(new), model.scores(known))


def test_an_item_without_a_vector_is_not_recommended_and_adds_nothing(log, features):
    weights = ContentKNN().fit(TrainingData(log, features=features)).weights
    assert not weights[[7, 45]].nnz
    assert not weights[:, [7, 45]].nnz


def test_equal_items_are_taken_by_row(log):
    vectors = np.ones((50, 3))
    vectors[25:] = -1
    weights = ContentKNN(k=2).fit(TrainingData(log, features=feature_of(vectors))).weights
    assert weights[[0]].nonzero()[1].tolist() == [1, 2]
    assert weights[[40]].nonzero()[1].tolist() == [25, 26]


def test_old_events_and_behaviors_of_low_weight_count_less():
    vectors = np.repeat(np.eye(4), 2, axis=0)
    log = Interactions.of(
        [0, 0, 0], [0, 2, 4], behavior=["purchase", "view", "purchase"], shape=(1, 8)
    )
    recipe = ContentKNN(decay=0.5, behaviors=BehaviorWeights(view=0.1))
    scores = recipe.fit(TrainingData(log, features=feature_of(vectors))).scores(Query.of(log))[0]
    # Each item of the history adds to its twin: newest most, then oldest, then viewed.
    np.testing.assert_allclose(scores[[1, 3, 5]], [0.25, 0.05, 1.0], atol=1e-6)


def test_reasons_add_up_to_the_scores(log, features):
    model = ContentKNN(k=5, decay=0.8).fit(TrainingData(log, features=features))
    query = Query.of(log, np.array([3, 0]))
    item = np.array([[1, 49], [5, -1]])
    expected = np.where(item < 0, 0, np.take_along_axis(model.scores(query), item, axis=1))
    reasons = model.reasons(query, item).sum(axis=1).reshape(2, 2)
    np.testing.assert_allclose(reasons, expected, atol=1e-6)


def test_a_missing_feature_and_one_of_users_are_refused(log, features):
    with pytest.raises(BadSetting, match=r"\[features.picture\].*known are: text"):
        ContentKNN(feature="picture").fit(TrainingData(log, features=features))
    with pytest.raises(BadSetting, match="of users"):
        ContentKNN().fit(TrainingData(log, features=feature_of(np.eye(20), of="user")))


def test_weights_that_would_not_fit_are_refused_before_they_are_made(log, features, monkeypatch):
    monkeypatch.setattr("recweave.core.memory.available", lambda: 1_000)
    with pytest.raises(TooLarge, match="ContentKNN with 100 neighbours of 50 items"):
        ContentKNN().fit(TrainingData(log, features=features))
