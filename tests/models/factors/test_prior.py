"""Weights pulled toward what the items' vectors say, against dense algebra in float64."""

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.encode import Feature
from recweave.models import Query, gram
from recweave.models.factors.ease import EASE
from recweave.models.factors.prior import FeaturePrior
from recweave.models.factors.slit import SLIT
from recweave.models.training import TrainingData


def feature(vectors, of="item"):
    there = np.any(vectors != 0, axis=1)
    return Feature(vectors.astype(np.float32), there, "made/1", "made", of=of)


@pytest.fixture
def log():
    """200 users, 60 items, the last five without an event."""
    rng = np.random.default_rng(0)
    item = np.minimum(rng.geometric(0.06, 2_000) - 1, 54)
    return Interactions.of(rng.integers(0, 200, 2_000), item, shape=(200, 60))


@pytest.fixture
def features():
    rng = np.random.default_rng(1)
    unit = rng.standard_normal((60, 8))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    short = rng.random((60, 3)) * (np.arange(60) % 4 > 0)[:, None]  # a quarter has none
    return {"words": feature(unit), "kinds": feature(short)}


def ease(gram_, reg):
    """The zero-diagonal ridge regression of each column on the others, one by one."""
    n = len(gram_)
    weights = np.zeros((n, n))
    for column in range(n):
        others = np.delete(np.arange(n), column)
        normal = gram_[np.ix_(others, others)] + reg * np.eye(n - 1)
        weights[others, column] = np.linalg.solve(normal, gram_[others, column])
    return weights


@pytest.mark.parametrize("names", [("words",), ("words", "kinds")])
def test_the_thin_product_is_the_ease_of_the_vectors(features, names):
    prior = FeaturePrior.of(features, names, 40.0, 0.7, np.arange(60))
    told = prior.left @ prior.right.T
    np.testing.assert_allclose(told.diagonal(), prior.diagonal, atol=1e-4)
    np.fill_diagonal(told, 0)
    vectors = [features[name].vectors.astype(float) for name in names]
    wanted = sum(40.0 / len(names) * ease(v @ v.T, 0.7) for v in vectors)
    np.testing.assert_allclose(told, wanted, atol=1e-3)


@pytest.mark.parametrize("rows", [7, 512])
def test_ease_is_where_its_loss_is_flat(log, features, rows, monkeypatch):
    monkeypatch.setattr(gram, "ROWS", rows)
    recipe = EASE(reg=5, features=("words", "kinds"), prior_weight=30, feature_reg=0.7)
    weights = recipe.fit(TrainingData(log, features=features)).weights.astype(float)
    assert not weights.diagonal().any()
    events = log.matrix(values=False).toarray().astype(float)
    slope = (events.T @ events + 5 * np.eye(60)) @ weights - events.T @ events
    for told in features.values():
        vectors = told.vectors.astype(float)
        slope += 15 * (weights - ease(vectors @ vectors.T, 0.7))
    np.fill_diagonal(slope, 0)  # held at zero, so its slope does not matter
    np.testing.assert_allclose(slope, 0, atol=5e-3)


def test_slit_is_where_its_loss_is_flat(log, features):
    recipe = SLIT(reg=5, decay=0.5, features=("words",), prior_weight=30, feature_reg=0.7)
    weights = recipe.fit(TrainingData(log, features=features)).weights.astype(float)
    slope = 5 * weights
    history = Histories.of(log)
    for user in range(len(history)):
        items = history.item[history.start[user] : history.start[user + 1]]
        for place in range(1, len(items)):
            past = np.zeros(60)
            for age, item in enumerate(items[:place][::-1][:7]):  # .5 ** 7 < .01
                past[item] = max(past[item], 0.5**age)
            target = np.zeros(60)
            target[items[place]] = 1
            slope += np.outer(past, past @ weights - target)
    vectors = features["words"].vectors.astype(float)
    slope += 30 * (weights - ease(vectors @ vectors.T, 0.7))
    np.testing.assert_allclose(slope, 0, atol=2e-2)


@pytest.mark.parametrize("recipe", [EASE, SLIT])
def test_an_item_nobody_had_is_found_through_its_words(recipe):
    """Item 39 is alike in words to item 0, and to nothing else."""
    rng = np.random.default_rng(2)
    log = Interactions.of(rng.integers(0, 50, 600), rng.integers(0, 39, 600), shape=(51, 40))
    asker = Interactions.of([50], [0], shape=(51, 40))
    vectors = np.eye(40)[:, :39]
    vectors = np.vstack([vectors[:39], vectors[:1]])
    words = {"words": feature(vectors)}
    plain = recipe(reg=10).fit(log).scores(Query.of(asker, np.array([50])))
    told = recipe(reg=10, features=("words",), prior_weight=50).fit(
        TrainingData(log, features=words)
    )
    scores = told.scores(Query.of(asker, np.array([50])))[0]
    assert plain[0, 39] == 0
    assert scores[1:].argmax() + 1 == 39


@pytest.mark.parametrize("recipe", [EASE, SLIT])
def test_a_feature_that_is_not_there_is_named(recipe, log, features):
    with pytest.raises(BadSetting, match=r"wrds.*words"):
        recipe(features=("wrds",)).fit(TrainingData(log, features=features))
    with pytest.raises(BadSetting, match=r"\[features.words\]"):
        recipe(features=("words",)).fit(log)
    of_users = {"words": feature(np.ones((200, 2)), of="user")}
    with pytest.raises(BadSetting, match="of users"):
        recipe(features=("words",)).fit(TrainingData(log, features=of_users))
