"""Tests that every recipe must pass. A new recipe is tested by registering it in `RECIPES`."""

from dataclasses import is_dataclass, replace

import made_impressions
import numpy as np
import pytest
import tiny_llama

from recweave.core.errors import BadSetting, MissingExtra
from recweave.data.interactions import Histories, Interactions
from recweave.encode import Feature
from recweave.models import RECIPES, Query, RatingModel, Tune, load_model, save_model
from recweave.models.base import ClickModel
from recweave.models.nn.settings import NetworkRecipe
from recweave.models.training import Options, TrainingData
from recweave.rank import recommend


@pytest.fixture(params=RECIPES)
def recipe(request):
    return RECIPES[request.param]()


@pytest.fixture(params=[name for name in RECIPES if RECIPES[name].predicts_ratings])
def rater(request):
    return RECIPES[request.param]()


def frozen(log):
    """The same log in read-only arrays: writing to them is an error."""
    for column in (log.user, log.item, log.behavior, log.value, log.time):
        column.flags.writeable = False
    return log


@pytest.fixture
def log():
    """40 users, 30 items, ratings 1 to 5 with times, some pairs twice.

    User 39 has done nothing and item 29 was never touched.
    """
    rng = np.random.default_rng(3)
    n = 400
    return frozen(
        Interactions.of(
            rng.integers(0, 39, n),
            np.minimum(28, rng.geometric(0.1, n) - 1),
            rng.integers(1, 6, n),
            rng.integers(0, 10_000_000, n),
            shape=(40, 30),
        )
    )


def words(items):
    """Random vectors, one in five missing; recipes read the feature "text" by default."""
    rng = np.random.default_rng(5)
    present = np.arange(items) % 5 > 0
    vectors = rng.standard_normal((items, 8), dtype=np.float32) * present[:, None]
    return {"text": Feature(vectors, present, "made/1", "random")}


def fit(recipe, log, **options):
    if isinstance(recipe, NetworkRecipe):
        recipe = recipe.model_copy(update={"epochs": 2})  # enough for these tests
    try:
        shown = made_impressions.of_log(log)
        features = words(log.shape[1])
        data = TrainingData(log, features=features, positive_from=4.0, impressions=shown)
        return tiny_llama.small(recipe).fit(data, Options(**options))
    except MissingExtra as error:
        pytest.skip(str(error))


FITTED = {}


def fitted(recipe, log):
    """As `fit`, once for all tests: models are frozen."""
    key = recipe, log.digest()
    if key not in FITTED:
        FITTED[key] = fit(recipe, log)
    return FITTED[key]


def cold_users(history):
    """Cold users with these histories."""
    return Query(np.full(len(history), -1), history, np.full(len(history), 10_000_000))


def test_survives_json(recipe):
    assert type(recipe).model_validate_json(recipe.model_dump_json()) == recipe


def test_is_a_value(recipe):
    assert hash(recipe) == hash(type(recipe)())
    with pytest.raises(ValueError, match="frozen"):
        recipe.kind = "other"


def test_refuses_unknown_keys(recipe):
    with pytest.raises(BadSetting, match="unknown key 'no_such_setting'"):
        type(recipe).parse({"no_such_setting": 1}, "here")


def test_is_described_with_all_its_settings(recipe):
    assert type(recipe).__doc__
    for name, field in type(recipe).model_fields.items():
        assert field.description, name


def test_the_ends_of_every_search_range_are_settings(recipe):
    for name, field in type(recipe).model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Tune):
                for value in mark.choices or (mark.low, mark.high):
                    assert getattr(type(recipe).parse({name: value}, "here"), name) == value


def test_gives_a_frozen_dataclass(recipe, log):
    model = fitted(recipe, log)
    assert is_dataclass(model)
    assert type(model).__dataclass_params__.frozen


def test_scores_every_item_for_every_query_user_as_float32_without_nan(recipe, log):
    scores = fitted(recipe, log).scores(Query.of(log))
    assert (scores.shape, scores.dtype) == ((40, 30), np.float32)
    assert not np.isnan(scores).any()


@pytest.mark.processor
def test_the_same_seed_gives_the_same_scores(recipe, log):
    one, other = (fit(recipe, log, seed=7).scores(Query.of(log)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.processor
def test_networks_learn_in_bf16_too(recipe, log):
    if not isinstance(recipe, NetworkRecipe):
        return
    lower = fit(recipe, log, precision="bf16").scores(Query.of(log))
    whole = fitted(recipe, log).scores(Query.of(log))
    assert np.isfinite(lower).all()
    assert not np.array_equal(lower, whole)
    assert np.corrcoef(lower.ravel(), whole.ravel())[0, 1] > 0.9


def test_a_recipe_that_is_not_stochastic_gives_the_same_scores_with_any_seed(recipe, log):
    one, other = (fit(recipe, log, seed=seed).scores(Query.of(log)) for seed in (1, 2))
    assert recipe.stochastic or np.array_equal(one, other)


def test_a_query_user_has_the_same_scores_alone_and_in_a_batch(recipe, log):
    model = fitted(recipe, log)
    query = Query.of(log)
    together = model.scores(query)
    for row in (0, 17, 39):
        alone = model.scores(query.rows(np.array([row])))[0]
        np.testing.assert_allclose(alone, together[row], rtol=1e-4, atol=1e-5)


def test_an_empty_query_gives_no_rows(recipe, log):
    nobody = Query.of(log).rows(np.array([], np.int64))
    assert fitted(recipe, log).scores(nobody).shape == (0, 30)


def test_cold_users_are_scored_with_and_without_a_history(recipe, log):
    model = fitted(recipe, log)
    for history in (Histories.of(log), Histories.of(log, np.full(2, -1))):
        scores = model.scores(cold_users(history))
        assert scores.shape == (len(history), 30)
        assert not np.isnan(scores).any()


def test_a_saved_model_is_loaded_with_the_same_scores(recipe, log, tmp_path):
    model = fitted(recipe, log)
    save_model(model, tmp_path / "model", {"recipe": recipe.model_dump(mode="json")})
    loaded, about = load_model(tmp_path / "model")
    assert about["recipe"] == recipe.model_dump(mode="json")
    for query in (Query.of(log), cold_users(Histories.of(log))):
        np.testing.assert_array_equal(loaded.scores(query), model.scores(query))


def test_a_log_of_one_event_is_enough_or_refused_where_order_is_learned(recipe):
    log = frozen(Interactions.of([1], [2], [4.0], [1_000], shape=(3, 4)))
    if type(recipe).__name__ in ("SASRec", "GRU4Rec", "Unified", "Numbered"):
        with pytest.raises(BadSetting, match="nothing to learn from"):
            fit(recipe, log)
        return
    scores = fitted(recipe, log).scores(Query.of(log))
    assert scores.shape == (3, 4)
    assert not np.isnan(scores).any()


def test_a_log_in_which_all_users_do_the_same_gives_no_nan(recipe):
    user, item = np.divmod(np.arange(12), 3)
    log = frozen(Interactions.of(user, item, 3.0, np.full(12, 1_000), shape=(4, 4)))
    scores = fitted(recipe, log).scores(Query.of(log))
    assert not np.isnan(scores).any()


def test_a_recipe_that_predicts_ratings_predicts_every_pair(rater, log):
    model = fit(rater, log)
    assert isinstance(model, RatingModel)
    user, item = np.divmod(np.arange(40 * 30), 30)
    rating = model.predict(user, item)
    assert rating.shape == user.shape
    assert np.isfinite(rating).all()
    assert rating.min() >= 1
    assert rating.max() <= 5
    np.testing.assert_array_equal(model.predict(user[::-1], item[::-1])[::-1], rating)
    assert model.predict(user[:0], item[:0]).shape == (0,)


def test_a_recipe_that_predicts_clicks_and_no_other_gives_probabilities(recipe, log):
    assert isinstance(fitted(recipe, log), ClickModel) == recipe.predicts_clicks


def test_a_rating_model_learns_whose_ratings_are_high_and_which_items_get_them(rater):
    rng = np.random.default_rng(4)
    user, item = np.divmod(np.arange(60 * 40), 40)
    value = 3 + np.where(user % 2, 0.8, -0.8) + np.where(item % 2, 0.8, -0.8)
    seen = rng.random(len(user)) < 0.7
    model = fit(rater, Interactions.of(user[seen], item[seen], value[seen], shape=(60, 40)))
    error = np.abs(model.predict(user[~seen], item[~seen]) - value[~seen])
    # The error of the mean is 0.8; that of users' means alone is 0.8 too.
    assert error.mean() < 0.4


def test_events_of_an_order_only_are_enough_by_default(recipe, log):
    ordered = replace(log, time=np.arange(len(log)), clock="order")
    assert not np.isnan(fitted(recipe, ordered).scores(Query.of(ordered))).any()


def test_recommending_does_not_change_the_model(recipe, log):
    model = fitted(recipe, log)
    query = Query.of(log)
    before = model.scores(query).copy()
    recommend(model, query, 5, hide=log, allow=np.arange(30) % 2 == 0)
    np.testing.assert_array_equal(model.scores(query), before)
