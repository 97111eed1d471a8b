import numpy as np
import pytest

from recweave.core.errors import BadInput
from recweave.data.interactions import Histories, Interactions
from recweave.models import Query
from recweave.models.factors.mf import BiasedMF

SHAPE = (120, 90)


@pytest.fixture(scope="module")
def planted():
    """Ratings 3 + bias of user + bias of item + two tastes, without noise: known and held out."""
    rng = np.random.default_rng(0)
    users, items = (0.4 * rng.standard_normal((size, 1)) for size in SHAPE)
    p, q = (rng.standard_normal((size, 2)) for size in SHAPE)
    truth = 3 + users + items.T + 0.5 * p @ q.T
    user, item = np.divmod(rng.permutation(SHAPE[0] * SHAPE[1]), SHAPE[1])
    log = Interactions.of(user, item, truth[user, item], shape=SHAPE)
    return log[:6_000], log[6_000:]


@pytest.fixture(scope="module")
def model(planted):
    return BiasedMF(dim=2, reg=0.1, bias_reg=0.1, epochs=30).fit(planted[0])


def rmse(model, log):
    return float(np.sqrt(np.mean((model.predict(log.user, log.item) - log.value) ** 2)))


def test_finds_planted_biases_and_tastes(model, planted):
    assert planted[1].value.std() > 0.8
    assert rmse(model, planted[1]) < 0.03


def test_tastes_are_needed_for_it(planted):
    """With no vectors, the error on held-out ratings is the size of the planted tastes."""
    flat = BiasedMF(dim=2, reg=1e6, bias_reg=0.1).fit(planted[0])
    assert 0.6 < rmse(flat, planted[1]) < 0.8


def test_biases_are_ridge_means_where_there_are_no_tastes():
    # One user per item: b_u and b_i share each rating's distance from the mean.
    log = Interactions.of([0, 1], [0, 1], [2.0, 4.0])
    model = BiasedMF(dim=1, reg=1e9, bias_reg=1.0, epochs=40).fit(log)
    # Minimum of (d - b - c)² + b² + c² is at b = c = d / 3.
    np.testing.assert_allclose(model.user[:, -1], [-1 / 3, 1 / 3], rtol=1e-4)
    np.testing.assert_allclose(model.item[:, -1], [-1 / 3, 1 / 3], rtol=1e-4)


def test_predictions_stay_on_the_scale_found_or_given(planted):
    train = planted[0]
    found = BiasedMF(dim=2, reg=0.1).fit(train)
    assert (found.low, found.high) == (train.value.min(), train.value.max())
    given = BiasedMF(dim=2, reg=0.1, scale=(2.5, 3.5)).fit(train)
    predicted = given.predict(train.user, train.item)
    assert (predicted.min(), predicted.max()) == (2.5, 3.5)


def test_for_a_pair_with_one_cold_side_the_other_side_counts(model):
    nobody, nothing = np.array([-1]), np.array([-1])
    expected = model.mean + model.item[7, -1]
    np.testing.assert_allclose(model.predict(nobody, np.array([7])), [expected], rtol=1e-6)
    expected = model.mean + model.user[3, -1]
    np.testing.assert_allclose(model.predict(np.array([3]), nothing), [expected], rtol=1e-6)
    np.testing.assert_allclose(model.predict(nobody, nothing), [model.mean], rtol=1e-6)


def test_users_and_items_without_ratings_are_as_if_unknown(planted):
    train = planted[0]
    wider = Interactions.of(train.user, train.item, train.value, shape=(121, 91))
    model = BiasedMF(dim=2).fit(wider)
    user, item = np.array([120, 5, 120]), np.array([5, 90, 90])
    unknown = model.predict(np.where(user == 120, -1, user), np.where(item == 90, -1, item))
    np.testing.assert_array_equal(model.predict(user, item), unknown)


def test_scores_are_the_predicted_ratings_beyond_the_scale(model, planted):
    scores = model.scores(Query.of(planted[0]))
    user, item = np.divmod(np.arange(scores.size), SHAPE[1])
    predicted = model.predict(user, item).reshape(SHAPE)
    np.testing.assert_allclose(np.clip(scores, model.low, model.high), predicted, atol=1e-4)
    assert scores.max() > model.high


def test_cold_users_are_folded_in_by_their_ratings(model, planted):
    history = Histories.of(planted[0])
    new = Query(np.full(SHAPE[0], -1), history, np.zeros(SHAPE[0], int))
    np.testing.assert_allclose(
        model.scores(new), model.scores(Query.of(planted[0])), rtol=1e-4, atol=1e-4
    )


def test_the_newest_rating_of_a_pair_counts():
    twice = Interactions.of([0, 0, 1], [0, 0, 1], [1.0, 5.0, 3.0])
    once = Interactions.of([0, 1], [0, 1], [5.0, 3.0])
    models = [BiasedMF(dim=2).fit(log) for log in (twice, once)]
    np.testing.assert_array_equal(models[0].item, models[1].item)


def test_a_log_without_ratings_is_refused_with_what_to_use():
    views = Interactions.of([0, 1], [0, 1], behavior="view")
    with pytest.raises(BadInput, match="none of the 2 events is one; als, bpr and ease"):
        BiasedMF().fit(views)
