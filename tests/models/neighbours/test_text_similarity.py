"""Neighbours with text similarity: what texts add, and what they must not change."""

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import RatioUser
from recweave.data.synthetic import Shop, make_shop
from recweave.encode import Feature
from recweave.encode.items import encode_items
from recweave.encode.tfidf import TfIdf
from recweave.models import Query, load_model, save_model
from recweave.models.neighbours.item_cf import ItemCF
from recweave.models.neighbours.text_cf import TItemCF, TUserCF
from recweave.models.neighbours.text_similarity import (
    TextSimilarity,
    centered_directions,
    user_means,
)
from recweave.models.neighbours.user_cf import UserCF
from recweave.models.training import TrainingData

PAIRS = [
    (UserCF(similarity="pearson"), TUserCF(similarity="pearson", feature="users")),
    (UserCF(similarity="cosine"), TUserCF(similarity="cosine", feature="items")),
    (ItemCF(similarity="cosine"), TItemCF(similarity="cosine", feature="items")),
    (ItemCF(similarity="adjusted_cosine"), TItemCF(feature="items")),
]
NAMES = ["user-pearson", "user-cosine", "item-cosine", "item-adjusted"]
every = pytest.mark.parametrize(("plain", "with_text"), PAIRS, ids=NAMES)


def feature_of(vectors, present=None, of="item"):
    there = np.any(vectors != 0, axis=1) if present is None else present
    return Feature(np.asarray(vectors, np.float32), there, "made/1", "made", of=of)


def log_of(table):
    user, item = np.nonzero(table)
    return Interactions.of(user, item, table[user, item], shape=table.shape)


def all_pairs(shape):
    return np.divmod(np.arange(shape[0] * shape[1]), shape[1])


@pytest.fixture
def ratings():
    """40 users, 30 items, a third of the pairs rated 1 to 5; user 39 and item 29 have none."""
    rng = np.random.default_rng(2)
    table = rng.integers(1, 6, (40, 30)) * (rng.random((40, 30)) < 0.35)
    table[39], table[:, 29] = 0, 0
    return table.astype(float)


@pytest.fixture
def features():
    """Random vectors that share a direction; every fourth item and every fifth user has none."""
    rng = np.random.default_rng(3)
    made = {}
    for name, rows, each in (("items", 30, 4), ("users", 40, 5)):
        present = np.arange(rows) % each > 0
        vectors = (2 + rng.standard_normal((rows, 6))) * present[:, None]
        made[name] = feature_of(vectors, present, of=name[:-1])
    return made


@every
@pytest.mark.parametrize("k", [3, 100])
def test_alpha_1_is_plain_cf_to_the_bit(ratings, features, plain, with_text, k):
    log = log_of(ratings)
    plain = plain.model_copy(update={"k": k}).fit(log)
    with_text = with_text.model_copy(update={"k": k, "alpha": 1.0}).fit(
        TrainingData(log, features=features)
    )
    pairs, query = all_pairs(ratings.shape), Query.of(log)
    np.testing.assert_array_equal(with_text.raw(*pairs), plain.raw(*pairs))
    np.testing.assert_array_equal(with_text.scores(query), plain.scores(query))
    for user, item in ((0, 0), (3, 4), (11, 29)):
        assert with_text.recommend_item(user, item) == plain.recommend_item(user, item)


@every
def test_alpha_next_to_1_is_next_to_plain_cf(ratings, features, plain, with_text):
    log, k = log_of(ratings), {"k": 3, "shrinkage": 0.0}
    plain = plain.model_copy(update=k).fit(log)
    pairs = all_pairs((39, 29))  # a user without ratings has only text, at any alpha but 1
    asked = with_text.model_copy(update={**k, "alpha": 1 - 1e-5}).fit(
        TrainingData(log, features=features)
    )
    gap = np.abs(asked.raw(*pairs) - plain.raw(*pairs))
    # Where fewer than k users had similar ratings, users with similar texts are now used too.
    assert (gap < 1e-3).mean() > 0.9


def unit(feature):
    vectors = feature.vectors.astype(float)
    vectors = (vectors - vectors[feature.present].mean(axis=0)) * feature.present[:, None]
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def fused(q, t, alpha):
    """The formula of `TextSimilarity` for one target, by loops; t is None without a text."""
    known = [x for x in t if x is not None]
    largest = max((abs(x) for x in q), default=0) or 1
    made = []
    for similar, text in zip(q, t, strict=True):
        if text is None:
            made.append(similar)
            continue
        wide = max(known) - min(known)
        norm = (text - min(known)) / wide if wide > 1e-9 else 1.0
        made.append(alpha * similar + (1 - alpha) * largest * norm)
    return made


def by_definition(table, plain, vectors, alpha, k):
    """Every pair's prediction, target by target, from the plain model's similarities."""
    given, mean = table > 0, plain.user_mean
    overall = table[given].mean()
    user_based = hasattr(plain, "measure")
    if user_based:
        similar = plain._compare(plain.ratings)
        np.fill_diagonal(similar, 0)
    else:
        similar = plain.weights.toarray()
    made = np.empty(table.shape)
    for u in range(table.shape[0]):
        for i in range(table.shape[1]):
            target, others = (u, given[:, i]) if user_based else (i, given[u])
            rows = [row for row in np.flatnonzero(others) if row != target]
            texts = [
                vectors[target] @ vectors[row]
                if vectors[target].any() and vectors[row].any()
                else None
                for row in rows
            ]
            weight = np.array(fused(similar[target, rows], texts, alpha))
            near = [n for n in np.argsort(-weight.round(6), kind="stable") if weight[n]][:k]
            w, neighbor = weight[near], np.array(rows, int)[near]
            item_mean = table[given[:, i], i].mean() if given[:, i].any() else overall
            if not len(neighbor):
                made[u, i] = item_mean if np.isnan(mean[u]) else mean[u]
            elif user_based:
                base = overall if np.isnan(mean[u]) else mean[u]
                made[u, i] = base + w @ (table[neighbor, i] - mean[neighbor]) / np.abs(w).sum()
            else:
                made[u, i] = w @ table[u, neighbor] / w.sum()
    return made


@every
@pytest.mark.parametrize(("alpha", "k"), [(0.0, 4), (0.4, 4), (0.4, 100)])
def test_predictions_equal_the_definition(ratings, features, plain, with_text, alpha, k):
    log = log_of(ratings)
    model = with_text.model_copy(update={"alpha": alpha, "k": k}).fit(
        TrainingData(log, features=features)
    )
    feature = features[with_text.feature]
    if isinstance(plain, UserCF) and feature.of == "item":
        vectors = np.zeros((40, 6))
        for user in range(40):
            had = (ratings[user] > 0) & feature.present
            vectors[user] = feature.vectors[had].mean(axis=0) if had.any() else 0
        feature = feature_of(vectors)
    expected = by_definition(ratings, plain.fit(log), unit(feature), alpha, k)
    found = model.raw(*all_pairs(ratings.shape)).reshape(ratings.shape)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_formula_on_numbers_worked_out_by_hand():
    # Cosines to target 0: 1, 0, -1, none; 3 is missing a text, 4 is the target itself.
    direction = np.array([[1, 0], [1, 0], [0, 1], [-1, 0], [0, 0]], np.float32)
    q = np.array([[0.2, 0.4, 0.1, 0.3, -np.inf]], np.float32)
    words, rows = TextSimilarity(direction, 0.25), np.array([1, 2, 3, 4, 0])
    found = words.fuse(q, np.array([0]), rows)
    # s = 0.4; norm = 1, 1/2, 0: 0.25 q + 0.75 s norm.
    np.testing.assert_allclose(found, [[0.35, 0.25, 0.025, 0.3, -np.inf]], atol=1e-6)
    nothing_shared = words.fuse(np.where(q > 0, 0, q), np.array([0]), rows)
    np.testing.assert_allclose(nothing_shared, [[0.75, 0.375, 0, 0, -np.inf]], atol=1e-6)
    np.testing.assert_array_equal(words.fuse(q, np.array([-1]), rows), q)


def test_one_candidate_and_equal_texts_have_the_largest_similarity():
    direction = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    for rows in ([1], [1, 2]):
        q = np.zeros((1, len(rows)), np.float32)
        found = TextSimilarity(direction, 0.0).fuse(q, np.array([0]), np.array(rows))
        np.testing.assert_array_equal(found, np.ones((1, len(rows))))


def test_directions_are_of_length_1_around_the_mean_and_zero_for_none():
    vectors = np.array([[5, 1], [5, -1], [7, 7], [5, 0.5]])
    found = centered_directions(feature_of(vectors, np.array([True, True, False, False])))
    np.testing.assert_allclose(found, [[0, 1], [0, -1], [0, 0], [0, 0]], atol=1e-6)
    assert not centered_directions(feature_of(np.ones((3, 2)))).any()  # equal texts
    assert not centered_directions(feature_of(np.ones((3, 2)), np.zeros(3, bool))).any()


def test_a_users_vector_is_the_mean_of_their_items_that_have_one():
    items = feature_of(np.array([[2, 0], [0, 4], [9, 9]]), np.array([True, True, False]))
    log = Interactions.of([0, 0, 0, 1, 2], [0, 1, 2, 1, 2], shape=(4, 3))
    found = user_means(items, log.matrix(values=False))
    np.testing.assert_allclose(found.vectors, [[1, 2], [0, 4], [0, 0], [0, 0]])
    assert found.present.tolist() == [True, True, False, False]
    assert found.of == "user"


@pytest.fixture
def two_groups():
    """Two groups of users whose ratings have nothing in common.

    Users 0 to 19 rate items that nobody else rated, 2 and 4, so ratings say nothing about their
    group. Item 40 was rated 4 by users 20 to 29 and 2 by users 30 to 39, item 41 the reverse. The
    texts show the group: even users are like 20 to 29.
    """
    own = [(user, 2 * user + side, 2 + 2 * side) for user in range(20) for side in (0, 1)]
    others = [(u, 40 + s, 4 if (u < 30) == (s == 0) else 2) for u in range(20, 40) for s in (0, 1)]
    user, item, value = np.array(own + others).T
    rng = np.random.default_rng(0)
    group = np.where(np.arange(40) < 20, np.arange(40) % 2 == 0, np.arange(40) < 30)
    vectors = np.where(group, 1, -1)[:, None] + 0.1 * rng.standard_normal((40, 3))
    words = {"text": feature_of(vectors, of="user")}
    return Interactions.of(user, item, value, shape=(40, 42)), words, group[:20]


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9])
def test_texts_find_similar_users_where_ratings_cannot(two_groups, alpha):
    log, words, group = two_groups
    young = np.arange(20)
    for item, liked in ((40, group), (41, ~group)):
        asked = young, np.full(20, item)
        expected = np.where(liked, 4.0, 2.0)
        model = TUserCF(alpha=alpha, k=5).fit(TrainingData(log, features=words))
        np.testing.assert_allclose(model.predict(*asked), expected, atol=1e-5)
        np.testing.assert_allclose(UserCF(k=5).fit(log).predict(*asked), 3.0)


def test_a_user_without_ratings_is_served_by_their_text(two_groups):
    log, words, _ = two_groups
    cold = log[log.user >= 2]  # users 0 and 1, one of each group, are now unknown
    model = TUserCF(k=5).fit(TrainingData(cold, features=words))
    found = model.predict(np.array([0, 1]), np.array([40, 40]))
    np.testing.assert_allclose(found, cold.value.mean() + np.array([1, -1]), atol=1e-5)
    lists = model.scores(Query.of(cold, np.array([0, 1])))
    assert lists[0, 40] > lists[0, 41] > 0
    assert lists[1, 41] > lists[1, 40] > 0
    assert len(set(UserCF(k=5).fit(cold).predict(np.array([0, 1]), np.array([40, 40])))) == 1


@pytest.fixture
def two_kinds():
    """Users like even items (5) or odd ones (5), not the others (1); items 38 and 39 are unrated.

    The texts show the kinds.
    """
    user, item = all_pairs((30, 40))
    train = (item < 38) & (np.random.default_rng(1).random(len(user)) < 0.6)
    value = np.where(user % 2 == item % 2, 5, 1)
    rng = np.random.default_rng(0)
    vectors = np.where(np.arange(40) % 2, 1, -1)[:, None] + 0.3 * rng.standard_normal((40, 4))
    log = Interactions.of(user[train], item[train], value[train], shape=(30, 40))
    return log, {"text": feature_of(vectors)}


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9])
def test_an_item_without_ratings_is_recommended_by_its_text(two_kinds, alpha):
    log, words = two_kinds
    user, item = all_pairs((30, 2))
    model = TItemCF(alpha=alpha, k=5).fit(TrainingData(log, features=words))
    found = model.predict(user, 38 + item)
    expected = np.where(user % 2 == item % 2, 5.0, 1.0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    plain = ItemCF(k=5).fit(log).predict(user, 38 + item)
    assert np.abs(plain - expected).mean() > 1.5


def test_in_lists_a_cold_item_is_no_nearer_than_others_on_average(two_kinds):
    log, words = two_kinds
    model = TItemCF(alpha=0.3, k=15).fit(TrainingData(log, features=words))
    largest = model.closest.max(axis=1).toarray()
    assert (largest > 0).all()
    assert largest[38:].max() <= largest[:38].max()
    own = model.scores(Query.of(log))[:, 38:]
    assert ((own[:, 0] > own[:, 1]) == (np.arange(30) % 2 == 0)).all()


@pytest.fixture(scope="module")
def shop():
    """Ratings of a small made-up shop and the vectors of its items' texts."""
    dataset, _ = make_shop(Shop(users=300, items=120, views=12_000, reviews=1.0), seed=1)
    rated = dataset.replace(
        events=dataset.events.filter(behavior="rating").unique(
            ["user_id", "item_id"], maintain_order=True
        )
    )
    split = rated.split(RatioUser(valid=0, test=0.2))
    return split, encode_items(rated, ("title", "description"), TfIdf(32))


def error(shop, with_text, alpha, permuted=False):
    """MAE on the held-out ratings; with `permuted` the texts of items are randomly permuted."""
    split, feature = shop
    rows = np.arange(len(feature.vectors))
    vectors = feature.vectors[np.random.default_rng(0).permutation(rows) if permuted else rows]
    recipe = with_text.model_copy(update={"alpha": alpha, "feature": "items"})
    model = recipe.fit(TrainingData(split.train, features={"items": feature_of(vectors)}))
    test = split.test
    return np.abs(model.predict(test.user, test.item) - test.value).mean()


@every
def test_texts_do_better_than_permuted_texts(shop, plain, with_text):
    assert error(shop, with_text, 0.5) < error(shop, with_text, 0.5, permuted=True) - 0.003


@pytest.mark.parametrize(("plain", "with_text"), PAIRS[1:], ids=NAMES[1:])
def test_permuted_texts_do_no_better_than_no_texts(shop, plain, with_text):
    # Not so with Pearson: it finds few similar users, so more neighbours of any kind help.
    assert error(shop, with_text, 0.5, permuted=True) > error(shop, with_text, 1.0)


@every
def test_saved_with_its_text_similarity(ratings, features, plain, with_text, tmp_path):
    model = with_text.fit(TrainingData(log_of(ratings), features=features))
    save_model(model, tmp_path / "model")
    loaded, _ = load_model(tmp_path / "model")
    pairs = all_pairs(ratings.shape)
    np.testing.assert_array_equal(loaded.predict(*pairs), model.predict(*pairs))


@every
def test_the_neighbors_of_a_decision_explain_its_prediction(ratings, features, plain, with_text):
    model = with_text.model_copy(update={"k": 5}).fit(
        TrainingData(log_of(ratings), features=features)
    )
    for user, item in ((1, 2), (3, 5), (39, 2), (2, 29)):
        decision = model.recommend_item(user, item)
        neighbor, weight = np.array(decision.neighbor, int), np.array(decision.weight)
        if not weight.any():
            assert decision.raw == model._fallback(model.user_mean[[user]], np.array([item]))[0]
        elif isinstance(plain, UserCF):
            base = np.nan_to_num(model.user_mean[user], nan=model.overall)
            votes = weight @ (ratings[neighbor, item] - model.user_mean[neighbor])
            assert decision.raw == pytest.approx(base + votes / np.abs(weight).sum(), abs=1e-5)
        else:
            assert decision.raw == pytest.approx(
                weight @ ratings[user, neighbor] / weight.sum(), 1e-5
            )


def test_only_the_ratings_of_cold_users_count(ratings, features):
    log = log_of(ratings)
    query = Query.of(log, np.array([7]))
    new = Query(np.array([-1]), query.history, query.now)
    others = log[log.user != 7]
    with_text = TUserCF(feature="users", alpha=0.3).fit(TrainingData(others, features=features))
    np.testing.assert_allclose(with_text.scores(new), UserCF().fit(others).scores(new), atol=1e-5)


@pytest.mark.parametrize("recipe", [TUserCF(), TItemCF()])
def test_a_missing_feature_is_named_with_what_to_add(ratings, features, recipe):
    with pytest.raises(BadSetting, match=r"no feature 'text': add a table \[features.text\]"):
        recipe.fit(log_of(ratings))
    with pytest.raises(BadSetting, match="did you mean 'items'"):
        recipe.model_copy(update={"feature": "itms"}).fit(
            TrainingData(log_of(ratings), features=features)
        )


def test_item_cf_refuses_a_feature_of_users(ratings, features):
    with pytest.raises(BadSetting, match="'users' is of users"):
        TItemCF(feature="users").fit(TrainingData(log_of(ratings), features=features))


def test_as_written_has_no_text():
    with pytest.raises(BadSetting, match="semantics"):
        TUserCF.parse({"semantics": "as_written"}, "here")
