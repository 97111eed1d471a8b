"""Item weights with a feature prior, compared with dense algebra in float64."""

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
def test_the_low_rank_product_is_ease_on_the_vectors(features, names):
    prior = FeaturePrior.of(features, names, 40.0, 0.7, np.arange(60))
    product = prior.left @ prior.right.T
    np.testing.assert_allclose(product.diagonal(), prior.diagonal, atol=1e-4)
    np.fill_diagonal(product, 0)
    vectors = [features[name].vectors.astype(float) for name in names]
    expected = sum(40.0 / len(names) * ease(v @ v.T, 0.7) for v in vectors)
    np.testing.assert_allclose(product, expected, atol=1e-3)


@pytest.mark.parametrize("rows", [7, 512])
def test_the_gradient_of_ease_is_zero(log, features, rows, monkeypatch):
    monkeypatch.setattr(gram, "ROWS", rows)
    recipe = EASE(reg=5, features=("words", "kinds"), prior_weight=30, feature_reg=0.7)
    weights = recipe.fit(TrainingData(log, features=features)).weights.astype(float)
    assert not weights.diagonal().any()
    events = log.matrix(values=False).toarray().astype(float)
    gradient = (events.T @ events + 5 * np.eye(60)) @ weights - events.T @ events
    for item_feature in features.values():
        vectors = item_feature.vectors.astype(float)
        gradient += 15 * (weights - ease(vectors @ vectors.T, 0.7))
    np.fill_diagonal(gradient, 0)  # fixed at zero, so its gradient does not matter
    np.testing.assert_allclose(gradient, 0, atol=5e-3)


def test_the_gradient_of_slit_is_zero(log, features):
    recipe = SLIT(reg=5, decay=0.5, features=("words",), prior_weight=30, feature_reg=0.7)
    weights = recipe.fit(TrainingData(log, features=features)).weights.astype(float)
    gradient = 5 * weights
    history = Histories.of(log)
    for user in range(len(history)):
        items = history.item[history.start[user] : history.start[user + 1]]
        for position in range(1, len(items)):
            past = np.zeros(60)
            for age, item in enumerate(items[:position][::-1][:7]):  # .5 ** 7 < .01
                past[item] = max(past[item], 0.5**age)
            target = np.zeros(60)
            target[items[position]] = 1
            gradient += np.outer(past, past @ weights - target)
    vectors = features["words"].vectors.astype(float)
    gradient += 30 * (weights - ease(vectors @ vectors.T, 0.7))
    np.testing.assert_allclose(gradient, 0, atol=2e-2)


@pytest.mark.parametrize("recipe", [EASE, SLIT])
def test_a_cold_item_is_found_through_its_text(recipe):
    """The text of item 39 is that of item 0."""
    rng = np.random.default_rng(2)
    log = Interactions.of(rng.integers(0, 50, 600), rng.integers(0, 39, 600), shape=(51, 40))
    query_log = Interactions.of([50], [0], shape=(51, 40))
    vectors = np.eye(40)[:, :39]
    vectors = np.vstack([vectors[:39], vectors[:1]])
    words = {"words": feature(vectors)}
    plain = recipe(reg=10).fit(log).scores(Query.of(query_log, np.array([50])))
    with_text = recipe(reg=10, features=("words",), prior_weight=50).fit(
        TrainingData(log, features=words)
    )
    scores = with_text.scores(Query.of(query_log, np.array([50])))[0]
    assert plain[0, 39] == 0
    assert scores[1:].argmax() + 1 == 39


@pytest.mark.parametrize("recipe", [EASE, SLIT])
def test_a_missing_feature_is_named(recipe, log, features):
    with pytest.raises(BadSetting, match=r"wrds.*words"):
        recipe(features=("wrds",)).fit(TrainingData(log, features=features))
    with pytest.raises(BadSetting, match=r"\[features.words\]"):
        recipe(features=("words",)).fit(log)
    of_users = {"words": feature(np.ones((200, 2)), of="user")}
    with pytest.raises(BadSetting, match="of users"):
        recipe(features=("words",)).fit(TrainingData(log, features=of_users))
