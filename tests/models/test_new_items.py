"""Cold items that come after training get the weights of a training with them."""

from dataclasses import replace

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode import Feature
from recweave.models import Query, load_model, save_model
from recweave.models.blend import Blend
from recweave.models.factors.als import ALS
from recweave.models.factors.ease import EASE
from recweave.models.factors.slit import SLIT
from recweave.models.kinds import ItemScores
from recweave.models.neighbours.content import ContentKNN
from recweave.models.neighbours.knn import ItemKNN
from recweave.models.training import TrainingData

KNOWN, NEW = 30, 2
ITEMS = KNOWN + NEW
LINEAR = [EASE, SLIT]


def features(vectors):
    return {
        name: Feature(v.astype(np.float32), v.any(axis=1), "made/1", "made")
        for name, v in vectors.items()
    }


@pytest.fixture
def vectors():
    """Two features of 30 known items and 2 new ones."""
    rng = np.random.default_rng(1)
    return {"words": rng.standard_normal((ITEMS, 6)), "kinds": rng.random((ITEMS, 3))}


def subset(vectors, rows):
    return features({name: v[rows] for name, v in vectors.items()})


def data(vectors, items):
    """80 users with events of known items, in a catalogue of this size."""
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 80, 900), rng.integers(0, KNOWN, 900)
    log = Interactions.of(user, item, shape=(80, items))
    return TrainingData(log, features=subset(vectors, slice(items)))


def histories(*items, catalogue=ITEMS):
    user = np.repeat(np.arange(len(items)), [len(one) for one in items])
    return Query.of(Interactions.of(user, np.concatenate(items), shape=(len(items), catalogue)))


@pytest.mark.parametrize("recipe", LINEAR)
def test_a_new_item_has_the_scores_of_a_training_with_it(recipe, vectors):
    recipe = recipe(features=("words", "kinds"), prior_weight=300)
    with_it, without = (data(vectors, items) for items in (KNOWN + 1, KNOWN))
    extended = recipe.fit(without).with_items(subset(vectors, slice(KNOWN, KNOWN + 1)), 1)
    query = Query.of(with_it.train)
    expected = recipe.fit(with_it).scores(query)[:, KNOWN]
    assert expected.std() > 0.01
    np.testing.assert_allclose(extended.scores(query)[:, KNOWN], expected, atol=1e-6)


@pytest.mark.parametrize("recipe", LINEAR)
def test_a_new_item_adds_to_the_scores_of_others_as_after_a_training_with_it(recipe, vectors):
    # Its values in dimensions of known items are small, so their weights change only in second
    # order; its value in a dimension of its own is large, so it must be counted in M.
    vectors["words"][KNOWN] *= 1e-3
    alone = np.zeros((ITEMS, 1))
    alone[KNOWN] = 2
    vectors["words"] = np.hstack([vectors["words"], alone])
    recipe = recipe(features=("words",))
    with_it, without = (data(vectors, items) for items in (KNOWN + 1, KNOWN))
    extended = recipe.fit(without).with_items(subset(vectors, [KNOWN]), 1)
    query = histories([KNOWN], catalogue=KNOWN + 1)
    expected = recipe.fit(with_it).scores(query)
    scale = np.abs(expected[:, :KNOWN]).max()
    assert scale > 1e-5
    found = extended.scores(query)
    np.testing.assert_allclose(found[:, :KNOWN], expected[:, :KNOWN], atol=1e-4 * scale)
    assert abs(found[0, KNOWN]) < 1e-6  # an item adds nothing to its own score


@pytest.mark.parametrize("recipe", LINEAR)
def test_scores_between_known_items_stay_and_the_matrix_is_not_copied(recipe, vectors):
    model = recipe(features=("words",)).fit(data(vectors, KNOWN))
    before = model.weights.copy()
    extended = model.with_items(subset(vectors, slice(KNOWN, ITEMS)), NEW)
    assert np.shares_memory(extended.base.weights, model.weights)
    np.testing.assert_array_equal(model.weights, before)
    old = model.scores(histories([1, 2], [7], catalogue=KNOWN))
    np.testing.assert_array_equal(extended.scores(histories([1, 2], [7]))[:, :KNOWN], old)


@pytest.mark.parametrize("recipe", LINEAR)
@pytest.mark.parametrize("min_count", [0, 31])
def test_reasons_of_new_items_sum_to_their_scores(recipe, min_count, vectors):
    recipe = recipe(features=("words", "kinds"), min_count=min_count, decay=0.8)
    model = recipe.fit(data(vectors, KNOWN))
    assert (model.items is not None) == (min_count > 0)
    extended = model.with_items(subset(vectors, slice(KNOWN, ITEMS)), NEW)
    query = histories([1, 2, KNOWN, 5], [KNOWN + 1, KNOWN], [29])
    item = np.tile(np.append(np.arange(ITEMS), -1), (3, 1))
    found = extended.reasons(query, item).sum(axis=1).reshape(3, -1)
    np.testing.assert_allclose(found[:, :-1], extended.scores(query), atol=1e-6)
    assert np.abs(found[1, :KNOWN]).max() > 0
    assert not found[:, -1].any()


@pytest.mark.parametrize("recipe", LINEAR)
def test_items_left_out_of_the_weights_stay_out(recipe, vectors):
    model = recipe(features=("words",), min_count=31).fit(data(vectors, KNOWN))
    extended = model.with_items(subset(vectors, slice(KNOWN, ITEMS)), NEW)
    left_out = np.setdiff1d(np.arange(KNOWN), model.items)
    assert len(left_out)
    assert not extended.scores(histories([KNOWN]))[0, left_out].any()
    assert not extended.scores(histories([left_out[0]]))[0, KNOWN:].any()
    assert extended.scores(histories([KNOWN]))[0, model.items].all()


@pytest.mark.parametrize("recipe", [*LINEAR, ContentKNN])
def test_batches_of_new_items_do_not_matter(recipe, vectors):
    recipe = recipe(feature="words") if recipe is ContentKNN else recipe(features=("words",))
    model = recipe.fit(data(vectors, KNOWN))
    both = model.with_items(subset(vectors, slice(KNOWN, ITEMS)), NEW)
    one = model.with_items(subset(vectors, slice(KNOWN, KNOWN + 1)), 1)
    one = one.with_items(subset(vectors, slice(KNOWN + 1, ITEMS)), 1)
    query = histories([1, 2], [KNOWN, 3], [KNOWN + 1])
    np.testing.assert_allclose(one.scores(query), both.scores(query), atol=1e-6)


@pytest.mark.parametrize("recipe", [*LINEAR, ContentKNN])
def test_a_model_with_new_items_is_saved_and_loaded(recipe, vectors, tmp_path):
    recipe = recipe(feature="words") if recipe is ContentKNN else recipe(features=("words",))
    extended = recipe.fit(data(vectors, KNOWN)).with_items(subset(vectors, [KNOWN]), 1)
    save_model(extended, tmp_path / "m")
    loaded, _ = load_model(tmp_path / "m")
    query = histories([1, 2], [KNOWN, 3])
    again = [model.with_items(subset(vectors, [KNOWN + 1]), 1) for model in (extended, loaded)]
    np.testing.assert_array_equal(again[1].scores(query), again[0].scores(query))


@pytest.mark.parametrize("k", [4, 200])
def test_content_neighbors_are_those_of_a_new_fit_around_the_same_mean(k, vectors):
    # Two new items as far on either side of the mean do not move it.
    words = vectors["words"]
    mean, away = words[:KNOWN].mean(axis=0), words[0] - words[:KNOWN].mean(axis=0)
    words[KNOWN:] = mean + away, mean - away
    recipe = ContentKNN(feature="words", k=k)
    extended = recipe.fit(data(vectors, KNOWN)).with_items(
        subset(vectors, slice(KNOWN, ITEMS)), NEW
    )
    whole = recipe.fit(data(vectors, ITEMS))
    np.testing.assert_allclose(extended.weights.toarray(), whole.weights.toarray(), atol=1e-5)
    assert extended.weights[[0]].nnz <= k


def test_a_feature_that_is_missing_counts_as_a_vector_of_zeros(vectors):
    model = EASE(features=("words", "kinds")).fit(data(vectors, KNOWN))
    words = {"words": subset(vectors, slice(KNOWN, ITEMS))["words"]}
    vectors["kinds"][KNOWN:] = 0
    query = histories([1, 2], [KNOWN])
    expected = model.with_items(subset(vectors, slice(KNOWN, ITEMS)), NEW).scores(query)
    np.testing.assert_array_equal(model.with_items(words, NEW).scores(query), expected)


def test_a_feature_of_another_length_is_refused(vectors):
    model = EASE(features=("words",)).fit(data(vectors, KNOWN))
    with pytest.raises(BadSetting, match=r"'words' of the new items has the shape \(2, 3\)"):
        model.with_items(features({"words": np.ones((2, 3))}), 2)


@pytest.mark.parametrize("recipe", [EASE(), SLIT(), ItemKNN(), ALS(dim=4)])
def test_models_without_features_cannot_be_extended(recipe, vectors):
    model = recipe.fit(data(vectors, KNOWN))
    assert model.with_items(subset(vectors, slice(KNOWN, ITEMS)), NEW) is None


def test_without_any_of_its_features_a_model_cannot_be_extended(vectors):
    model = EASE(features=("words",)).fit(data(vectors, KNOWN))
    assert model.with_items({"kinds": subset(vectors, [KNOWN])["kinds"]}, 1) is None


def test_a_blend_extends_every_member_and_drops_one_of_weight_zero(vectors):
    train = data(vectors, KNOWN)
    ease, near = EASE(features=("words",)).fit(train), ContentKNN(feature="words").fit(train)
    fixed = ItemScores(np.arange(KNOWN, dtype=np.float32))
    new = subset(vectors, slice(KNOWN, ITEMS))
    blend = Blend((fixed, ease, near), np.array([0, 0.5, 0.5], np.float32), ("a", "b", "c"))
    extended = blend.with_items(new, NEW)
    assert extended.names == ("b", "c")
    expected = Blend((ease.with_items(new, NEW), near.with_items(new, NEW)), extended.weights)
    query = histories([1, 2], [KNOWN])
    np.testing.assert_array_equal(extended.scores(query), expected.scores(query))
    fixed_weighted = replace(blend, weights=np.array([0.2, 0.5, 0.3], np.float32))
    assert fixed_weighted.with_items(new, NEW) is None
