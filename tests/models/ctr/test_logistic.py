import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import EventFeature, Feature
from recweave.models import Query, load_model, save_model
from recweave.models.base import ClickModel
from recweave.models.ctr.class_weights import row_weights
from recweave.models.ctr.design import design, training_columns
from recweave.models.ctr.logistic import Logistic, solve
from recweave.models.training import TrainingData


def feature(vectors, of="item", present=None):
    vectors = np.asarray(vectors, np.float32)
    present = np.ones(len(vectors), bool) if present is None else np.asarray(present)
    return Feature(vectors * present[:, None], present, "made/1", "random numbers", of=of)


@pytest.fixture
def planted():
    """3,000 events whose log-odds are 2 · (user's number) - 1.5 · (item's number) + 0.5."""
    rng = np.random.default_rng(0)
    taste, quality = rng.standard_normal(50), rng.standard_normal(40)
    user, item = rng.integers(0, 50, 3000), rng.integers(0, 40, 3000)
    odds = 2 * taste[user] - 1.5 * quality[item] + 0.5
    value = rng.random(3000) < 1 / (1 + np.exp(-odds))
    log = Interactions.of(user, item, value.astype(np.float32), shape=(50, 40))
    features = {"taste": feature(taste[:, None], "user"), "quality": feature(quality[:, None])}
    return TrainingData(log, features=features), taste, quality


def test_the_planted_weights_are_found(planted):
    data, taste, quality = planted
    model = Logistic(features=("taste", "quality")).fit(data)
    user, item = np.divmod(np.arange(50 * 40), 40)
    truth = 1 / (1 + np.exp(-(2 * taste[user] - 1.5 * quality[item] + 0.5)))
    assert np.abs(model.probability(user, item) - truth).max() < 0.08


@pytest.mark.parametrize("balanced", [False, True])
def test_the_weights_are_those_of_scikit_learn(balanced):
    rng = np.random.default_rng(1)
    columns = rng.standard_normal((500, 7)) * np.array([1, 2, 5, 0.3, 1, 1, 1])
    positive = rng.random(500) < 1 / (1 + np.exp(-columns @ rng.standard_normal(7) - 1))
    reference = LogisticRegression(
        C=1 / 2.5, tol=1e-10, max_iter=10_000, class_weight="balanced" if balanced else None
    ).fit(columns, positive)
    row_weight = row_weights(positive, "balanced" if balanced else "none")
    weight, bias = solve(columns, positive, 2.5, row_weight)
    np.testing.assert_allclose(weight, reference.coef_[0], atol=1e-4)
    np.testing.assert_allclose(bias, reference.intercept_[0], atol=1e-4)


def test_it_is_a_click_model_that_ranks_by_its_probability(planted):
    model = Logistic(features=("taste", "quality")).fit(planted[0])
    assert isinstance(model, ClickModel)
    query = Query.of(planted[0].train)
    scores = model.scores(query)
    probability = model.probability(np.full(40, 3), np.arange(40))
    np.testing.assert_array_equal(np.argsort(scores[3]), np.argsort(probability))
    candidates = np.array([[4, -1]] * 50, np.int32)
    np.testing.assert_array_equal(model.score(query, candidates)[:, 0], scores[:, 4])
    assert (model.score(query, candidates)[:, 1] == -np.inf).all()


def test_training_rows_use_vectors_computed_without_them_and_other_pairs_the_whole(planted):
    """The training vectors are noise, so nothing can be learned from the whole feature."""
    data, taste, _ = planted
    rng = np.random.default_rng(2)
    whole = feature(taste[:, None], "user")
    noise = rng.standard_normal((3000, 1)).astype(np.float32)
    rows = np.arange(3000)
    event_feature = EventFeature(whole, data.train.user, rows, noise, np.ones(3000, bool))
    with_noise = TrainingData(data.train, features={"taste": event_feature}, rows=rows)
    model = Logistic(features=("taste",)).fit(with_noise)
    assert np.abs(model.user).max() < 0.3
    without_noise = EventFeature(
        whole, data.train.user, np.full(3000, -1), noise, np.ones(3000, bool)
    )
    data = TrainingData(data.train, features={"taste": without_noise}, rows=rows)
    assert np.abs(Logistic(features=("taste",)).fit(data).user).max() > 1


def test_features_of_events_need_the_rows_of_the_events(planted):
    data = planted[0]
    event_feature = EventFeature(
        data.features["taste"],
        data.train.user,
        np.zeros(3000, int),
        np.ones((1, 1)),
        np.ones(1, bool),
    )
    with pytest.raises(BadSetting, match="rows"):
        Logistic(features=("t",)).fit(TrainingData(data.train, features={"t": event_feature}))


def test_missing_vectors_have_a_weight():
    """Exactly the items without a vector are positive."""
    rng = np.random.default_rng(3)
    item = np.arange(400) % 20
    present = np.arange(20) % 4 > 0
    values = feature(rng.standard_normal((20, 2)), present=present)
    log = Interactions.of(np.zeros(400, int), item, (~present[item]).astype(np.float32))
    model = Logistic(features=("m",)).fit(TrainingData(log, features={"m": values}))
    probability = model.probability(np.zeros(20, int), np.arange(20))
    assert probability[~present].min() > 0.8 > 0.2 > probability[present].max()
    assert model.probability(np.array([0]), np.array([-1]))[0] == pytest.approx(probability[0])


def test_ratings_without_a_label_rule_are_refused(planted):
    log = Interactions.of([0, 1], [0, 1], [2.0, 5.0])
    with pytest.raises(BadSetting, match="positive_from"):
        Logistic().fit(TrainingData(log))
    assert Logistic().fit(TrainingData(log, positive_from=4)).bias == pytest.approx(0)


def test_one_class_alone_gives_its_smoothed_share():
    model = Logistic().fit(TrainingData(Interactions.of([0] * 9, range(9), 5.0), positive_from=4))
    assert model.probability(np.array([0]), np.array([0]))[0] == pytest.approx(9.5 / 10)


def test_a_saved_model_gives_the_same_probabilities(planted, tmp_path):
    model = Logistic(features=("taste", "quality")).fit(planted[0])
    save_model(model, tmp_path / "model")
    loaded, _ = load_model(tmp_path / "model")
    pair = np.array([0, -1, 7]), np.array([3, 2, -1])
    np.testing.assert_array_equal(loaded.probability(*pair), model.probability(*pair))


def test_products_with_shared_vectors_are_those_of_the_written_out_columns():
    rng = np.random.default_rng(2)
    user, item = rng.integers(0, 6, 200), rng.integers(0, 9, 200)
    log = Interactions.of(user, item, np.ones(200, np.float32), shape=(6, 9))
    data = TrainingData(
        log,
        features={
            "user": feature(rng.standard_normal((6, 3)), "user"),
            "item": feature(rng.standard_normal((9, 4)), present=rng.random(9) < 0.7),
        },
    )
    dense, blocks = design(data, ["user", "item"])
    shared = training_columns(blocks, len(log))
    assert shared.shape == dense.shape == (200, 3 + 4 + 1)
    weight, row_weight = rng.standard_normal(8), rng.standard_normal(200)
    np.testing.assert_allclose(shared @ weight, dense @ weight, atol=1e-12)
    np.testing.assert_allclose(shared.T @ row_weight, dense.T @ row_weight, atol=1e-12)
