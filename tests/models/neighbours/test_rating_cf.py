import numpy as np
import pytest
from scipy import sparse

from recweave.core.errors import BadInput, BadSetting, TooLarge
from recweave.data.interactions import Interactions
from recweave.models.neighbours import item_cf, user_cf
from recweave.models.neighbours.item_cf import ItemCF
from recweave.models.neighbours.similarity import Similarity
from recweave.models.neighbours.user_cf import UserCF
from recweave.models.query import Query

BOTH = [
    UserCF(similarity="pearson"),
    UserCF(similarity="cosine"),
    ItemCF(similarity="cosine"),
    ItemCF(similarity="adjusted_cosine"),
]
NAMES = ["user-pearson", "user-cosine", "item-cosine", "item-adjusted"]
every = pytest.mark.parametrize("recipe", BOTH, ids=NAMES)


@pytest.fixture
def ratings():
    """40 users, 30 items, a third of the pairs rated 1 to 5; user 39 and item 29 have none."""
    rng = np.random.default_rng(2)
    table = rng.integers(1, 6, (40, 30)) * (rng.random((40, 30)) < 0.35)
    table[39], table[:, 29] = 0, 0
    return table.astype(float)


def log_of(table):
    user, item = np.nonzero(table)
    return Interactions.of(user, item, table[user, item], shape=table.shape)


def all_pairs(shape):
    return np.divmod(np.arange(shape[0] * shape[1]), shape[1])


def shrunk_cosine(x, y, both, pearson, beta):
    x, y = x[both], y[both]
    if pearson and len(x):
        x, y = x - x.mean(), y - y.mean()
    length = np.sqrt((x @ x) * (y @ y))
    made = x @ y / length * len(x) / (len(x) + beta) if length > 1e-9 else 0.0
    return made if abs(made) > 1e-9 else 0.0


def by_definition(table, recipe):
    """Every pair's prediction by loops, rigorous semantics; k nearest, ties by row."""
    given, deviation = table > 0, np.zeros_like(table)
    mean = [row[row > 0].mean() if (row > 0).any() else np.nan for row in table]
    deviation[given] = (table - np.array(mean)[:, None])[given]
    user_based = isinstance(recipe, UserCF)
    if user_based:
        rows, there = table, given
    else:
        adjusted = recipe.similarity == "adjusted_cosine"
        rows, there = (deviation if adjusted else table).T, given.T
    pearson = recipe.similarity == "pearson"
    n = len(rows)
    weight = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            both = there[a] & there[b]
            weight[a, b] = shrunk_cosine(rows[a], rows[b], both, pearson, recipe.shrinkage)
    made = np.empty(table.shape)
    for u in range(table.shape[0]):
        for i in range(table.shape[1]):
            target, others = (u, given[:, i]) if user_based else (i, given[u])
            neighbors = [
                v
                for v in np.argsort(-weight[target].round(6), kind="stable")
                if others[v]
                and v != target
                and (weight[target, v] > 0 or (user_based and weight[target, v] < 0))
            ][: recipe.k]
            w = weight[target, neighbors]
            column = table[:, i]
            if not len(neighbors):
                item_mean = column[column > 0].mean() if given[:, i].any() else np.nan
                made[u, i] = next(m for m in (mean[u], item_mean, table[given].mean()) if m == m)
            elif user_based:
                made[u, i] = mean[u] + w @ deviation[neighbors, i] / np.abs(w).sum()
            else:
                made[u, i] = w @ table[u, neighbors] / w.sum()
    return made


@every
@pytest.mark.parametrize("k", [3, 100])
def test_rigorous_predictions_equal_the_definition(ratings, recipe, k):
    recipe = recipe.model_copy(update={"k": k})
    model = recipe.fit(log_of(ratings))
    found = model.raw(*all_pairs(ratings.shape)).reshape(ratings.shape)
    np.testing.assert_allclose(found, by_definition(ratings, recipe), atol=1e-4)


@every
def test_without_neighbors_the_user_then_item_then_overall_mean_is_predicted(ratings, recipe):
    model = recipe.fit(log_of(ratings))
    user_mean, item_mean = (
        ratings[3][ratings[3] > 0].mean(),
        ratings[:, 4][ratings[:, 4] > 0].mean(),
    )
    overall = ratings[ratings > 0].mean()
    found = model.predict(np.array([3, 39, 39, -1, -1]), np.array([29, 4, 29, 4, 29]))
    np.testing.assert_allclose(found, [user_mean, item_mean, overall, item_mean, overall], 1e-6)


@pytest.fixture
def two_groups():
    """Users of two groups rate items of two kinds 4 or 2, or the reverse, each with a bias.

    One rating of every user is held_out out; it is the expected prediction.
    """
    user, item = all_pairs((40, 40))
    bias = np.linspace(-1, 1, 40)[user]
    value = 3 + bias + np.where(user % 2 == item // 20, 1, -1)
    held_out = item == (user * 7) % 40
    log = Interactions.of(user[~held_out], item[~held_out], value[~held_out])
    return log, user[held_out], item[held_out], value[held_out]


@every
def test_tastes_and_biases_are_both_found(two_groups, recipe):
    log, user, item, value = two_groups
    model = recipe.model_copy(update={"k": 10}).fit(log)
    np.testing.assert_allclose(model.predict(user, item), value, atol=0.1)


@every
def test_a_list_holds_what_like_minded_users_love(recipe):
    # Users 0-9 love items 0-9 and hate 10-19, users 10-19 the other way; item 19 none of them
    # has rated but for 15 to 18, and item 9 user 0 alone has not.
    user, item = all_pairs((20, 20))
    value = np.where(user // 10 == item // 10, 5.0, 1.0)
    held_out = (user == 0) & (item == 9)
    held_out |= (item == 19) & ((user < 15) | (user == 19))
    log = Interactions.of(user[~held_out], item[~held_out], value[~held_out], shape=(20, 20))
    scores = recipe.model_copy(update={"k": 8}).fit(log).scores(Query.of(log, np.array([0])))[0]
    assert scores[9] > scores[19]


@every
@pytest.mark.parametrize("semantics", ["rigorous", "as_written"])
@pytest.mark.parametrize("k", [4, 25])
def test_a_list_sums_the_ratings_of_the_k_nearest_of_all(ratings, recipe, semantics, k):
    recipe = recipe.model_copy(update={"k": k, "semantics": semantics})
    log = log_of(ratings)
    model = recipe.fit(log)
    rows = log.matrix()
    adjusted = recipe.similarity == "adjusted_cosine"
    if isinstance(recipe, ItemCF):
        deviation = rows.data - np.repeat(model.user_mean, np.diff(rows.indptr))
        value = deviation if adjusted else rows.data
        rows = sparse.csr_array((value, rows.indices, rows.indptr), rows.shape).T.tocsr()
    zeros = semantics == "as_written" and not adjusted
    measure = "pearson" if recipe.similarity == "pearson" else "cosine"
    shrinkage = 10.0 if semantics == "rigorous" else 0.0
    weight = Similarity(rows, measure, "zero" if zeros else "unknown", shrinkage)(rows)
    np.fill_diagonal(weight, 0)
    weight[np.argsort(np.argsort(-weight, axis=1, kind="stable"), axis=1) >= k] = 0
    weight = np.maximum(weight, 0)  # dissimilar users do not count
    votes = weight @ ratings if isinstance(recipe, UserCF) else ratings @ weight.T
    np.testing.assert_allclose(model.scores(Query.of(log)), votes, atol=1e-5)


@every
def test_blocks_change_nothing(ratings, recipe, monkeypatch):
    log = log_of(ratings)
    whole = recipe.fit(log)
    expected = whole.raw(*all_pairs(ratings.shape)), whole.scores(Query.of(log))
    for module in (user_cf, item_cf):
        monkeypatch.setattr(module, "TABLE_BYTES", 8 * 7 * 40)
    small = recipe.fit(log)
    np.testing.assert_allclose(small.raw(*all_pairs(ratings.shape)), expected[0], rtol=1e-9)
    np.testing.assert_allclose(small.scores(Query.of(log)), expected[1], rtol=1e-6)


@every
@pytest.mark.parametrize("semantics", ["rigorous", "as_written"])
def test_the_neighbors_of_a_decision_explain_its_prediction(ratings, recipe, semantics):
    recipe = recipe.model_copy(update={"k": 5, "semantics": semantics})
    model = recipe.fit(log_of(ratings))
    for user, item in ((0, 0), (3, 4), (11, 20)):
        decision = model.recommend_item(user, item)
        neighbor, weight = np.array(decision.neighbor), np.array(decision.weight)
        assert (np.diff(weight) <= 0).all()
        below = np.abs(weight).sum() if semantics == "rigorous" else weight.sum()
        if isinstance(recipe, UserCF):
            votes = ratings[neighbor, item] - model.user_mean[neighbor]
            expected = model.user_mean[user] + weight @ votes / below
        else:
            expected = weight @ ratings[user, neighbor] / below
        assert decision.raw == pytest.approx(expected, abs=1e-5)


def test_decisions_know_what_is_rated_and_the_threshold(ratings):
    model = UserCF().fit(log_of(ratings))
    user, item = np.argwhere(ratings > 0)[0].tolist()
    assert model.recommend_item(user, item).answer == "already_rated"
    open_item = int(np.flatnonzero(ratings[user] == 0)[0])
    decision = model.recommend_item(user, open_item)
    assert decision.threshold == 3  # 0.6 of a scale that ends at 5
    assert model.recommend_item(user, open_item, decision.prediction).answer == "recommended"
    above = decision.prediction + 1e-6
    assert model.recommend_item(user, open_item, above).answer == "not_recommended"


@every
def test_rigorous_predictions_stay_on_the_scale_and_keep_the_raw_value(ratings, recipe):
    model = recipe.model_copy(update={"scale": (2.0, 3.0)}).fit(log_of(ratings))
    pairs = all_pairs(ratings.shape)
    raw = model.raw(*pairs)
    assert raw.max() > 3
    np.testing.assert_array_equal(model.predict(*pairs), raw.clip(2, 3))


def test_as_written_rounds_and_clips_adjusted_cosine_alone(ratings):
    pairs = all_pairs(ratings.shape)
    for recipe in BOTH:
        settings = {"semantics": "as_written", "k": 3}
        model = recipe.model_copy(update=settings).fit(log_of(ratings))
        raw = model.raw(*pairs)
        made = np.round(raw)
        assert np.nanmin(made) < 1
        if recipe.similarity == "adjusted_cosine":
            made = made.clip(1, 5)
        np.testing.assert_array_equal(model.predict(*pairs), made)


def test_as_written_predicts_nan_where_the_weights_sum_to_zero(ratings):
    user, item = np.full(30, 39), np.arange(30)
    for recipe in (UserCF(similarity="cosine"), UserCF(similarity="pearson")):
        model = recipe.model_copy(update={"semantics": "as_written"}).fit(log_of(ratings))
        assert np.isnan(model.predict(user, item)).all()
        assert np.isfinite(model.scores(Query.of(log_of(ratings)))).all()


@every
@pytest.mark.parametrize("semantics", ["rigorous", "as_written"])
def test_the_error_of_an_unnormalised_sum_grows_in_line_with_k(two_groups, recipe, semantics):
    log, user, item, value = two_groups
    settings = {"semantics": semantics, "aggregation": "sum"}
    models = [recipe.model_copy(update={**settings, "k": k}).fit(log) for k in (4, 8, 16)]
    error = np.array([np.abs(model.predict(user, item) - value).mean() for model in models])
    # What is neither rounded nor clipped is the raw value.
    np.testing.assert_array_equal(models[0].predict(user, item), models[0].raw(user, item))
    assert (error[1:] > 1.7 * error[:-1]).all()


@every
def test_the_newest_rating_of_a_pair_counts_and_other_behaviors_do_not(ratings, recipe):
    log = log_of(ratings)
    user, item = log.user[:200], log.item[:200]
    noisy = Interactions.of(
        np.concatenate([user, log.user, user]),
        np.concatenate([item, log.item, item]),
        np.concatenate([6 - log.value[:200], log.value, np.ones(200)]),
        behavior=["rating"] * (200 + len(log)) + ["view"] * 200,
        shape=log.shape,
    )
    pairs = all_pairs(ratings.shape)
    clean = recipe.fit(log)
    np.testing.assert_array_equal(recipe.fit(noisy).raw(*pairs), clean.raw(*pairs))
    np.testing.assert_array_equal(clean.scores(Query.of(noisy)), clean.scores(Query.of(log)))


def test_the_reasons_of_an_item_cf_list_add_up_to_its_scores(ratings):
    log = log_of(ratings)
    model = ItemCF(k=5).fit(log)
    query = Query.of(log, np.array([3, 39, 0]))
    item = np.array([[1, 29], [5, -1], [7, 7]])
    reasons = model.reasons(query, item)
    assert reasons.shape == (6, 30)
    expected = np.where(item < 0, 0, np.take_along_axis(model.scores(query), item, axis=1))
    np.testing.assert_allclose(reasons.sum(axis=1).reshape(3, 2), expected, atol=1e-5)
    assert set(reasons[[0]].nonzero()[1]) <= set(np.flatnonzero(ratings[3]))


def test_a_rating_of_zero_is_kept_as_a_rating():
    log = Interactions.of([0, 0, 1], [0, 1, 1], [0.0, 4.0, 2.0])
    assert UserCF().fit(log).user_mean[0] == 2


def test_a_cold_user_gets_the_list_of_a_known_user_with_the_same_history(ratings):
    log = log_of(ratings)
    others = log[log.user != 7]
    query = Query.of(log, np.array([7]))
    new = Query(np.array([-1]), query.history, query.now)
    for recipe in (UserCF(), UserCF(similarity="cosine", semantics="as_written")):
        # A user is not their own neighbour, so training on them changes nothing.
        np.testing.assert_allclose(
            recipe.fit(others).scores(new), recipe.fit(log).scores(query), atol=1e-5
        )
    for recipe in (ItemCF(), ItemCF(similarity="cosine", semantics="as_written")):
        model = recipe.fit(log)
        np.testing.assert_array_equal(model.scores(new), model.scores(query))


@every
def test_a_log_without_ratings_is_refused(recipe):
    log = Interactions.of([0, 1], [0, 1], behavior="view")
    with pytest.raises(BadInput, match="none of the 2 events is one; item_knn"):
        recipe.fit(log)


def test_a_scale_that_falls_is_refused():
    with pytest.raises(BadSetting, match="scale"):
        UserCF.parse({"scale": [5, 1]}, "here")


def test_weights_that_would_not_fit_are_refused_before_they_are_made(ratings, monkeypatch):
    monkeypatch.setattr("recweave.core.memory.available", lambda: 1_000)
    with pytest.raises(TooLarge, match="ItemCF on 30 items"):
        ItemCF().fit(log_of(ratings))
    with pytest.raises(TooLarge, match="comparing with 40 users"):
        UserCF().fit(log_of(ratings)).predict(np.array([0]), np.array([0]))
