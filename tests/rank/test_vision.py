"""The vision re-ranker: its arithmetic by hand, its invariants, and a planted taste."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from recweave.core.errors import BadSetting
from recweave.core.lists import ndcg
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature
from recweave.models.base import Model
from recweave.models.query import Query
from recweave.rank.ranking import PAD, Ranking
from recweave.rank.recommend import recommend
from recweave.rank.stages import StageContext, read_stage
from recweave.rank.vision import Evidence, Vision, VisionRecipe, standardised

COMIC, CAR, DOG = range(3)


def nothing(items):
    return sparse.csr_array((items, items), dtype=np.float64)


def vision(weighted, operator="blend", strength=1.0, also_buy=None, also_view=None, **evidence):
    weighted = sparse.csr_array(np.asarray(weighted, np.float64))
    links = nothing(weighted.shape[0])
    return Vision(
        weighted,
        links if also_buy is None else also_buy,
        links if also_view is None else also_view,
        Evidence(**evidence),
        operator,
        strength,
    )


def rated(user, item, value, items, users=1):
    log = Interactions.of(user, item, value, np.arange(len(user)), shape=(users, items))
    return Query.of(log)


OBJECTS = [[2, 0, 0], [0, 1, 0], [1, 0, 0], [0, 3, 0], [0, 0, 0], [1, 1, 0], [0, 0, 1]]
"""A comic book, a car, a comic book, a car, nothing, a comic book with a car, a dog."""


def test_taste_is_the_weighted_mean_of_each_relation_by_hand():
    query = rated([0, 0, 0], [0, 1, 6], [5.0, 2.0, 3.0], items=7)  # a dog is neither
    stage = vision(OBJECTS, bought=1, liked=0.5, disliked=-1)
    np.testing.assert_allclose(stage.taste(query.history), [[1.5 * 2, -1.0, 0]])
    two = rated([0, 0, 0], [0, 5, 1], [4.0, 3.5, 1.0], items=7)
    # bought: items 0 and 5, mean (1.5, .5, 0); liked: item 0; disliked: item 1.
    np.testing.assert_allclose(stage.taste(two.history), [[1.5 + 0.5 * 2, 0.5 - 1, 0]])


def test_an_item_rated_twice_counts_once_and_views_and_purchases_by_their_kind():
    log = Interactions.of(
        [0, 0, 0, 0], [0, 0, 1, 3], 1.0, [1, 2, 3, 4], shape=(1, 7),
        behavior=["purchase", "purchase", "view", "view"],
    )  # fmt: skip
    stage = vision(OBJECTS, bought=1, viewed=0.25)
    np.testing.assert_allclose(stage.taste(Query.of(log).history), [[2, 0.25 * 2, 0]])


def test_linked_items_count_but_never_what_the_user_dislikes():
    also = sparse.csr_array((np.ones(2), ([0, 0], [2, 3])), shape=(7, 7))
    query = rated([0, 0], [0, 3], [5.0, 1.0], items=7)
    stage = vision(OBJECTS, also_buy=also, also_view=also, liked=0, also_bought=0.5, viewed=0.25)
    # bought: item 0; also bought, also viewed: item 2 alone; disliked: item 3.
    np.testing.assert_allclose(stage.taste(query.history), [[2 + 0.75 * 1, -3, 0]])


def listed(query, *lists):
    item = np.array(lists, np.int32)
    score = np.tile(-np.arange(item.shape[1], dtype=np.float32), (len(item), 1))
    return Ranking(query, item, np.where(item == PAD, -np.inf, score))


ONE_WHO_LIKES_COMICS_AND_NO_CARS = rated([0, 0], [0, 1], [5.0, 1.0], items=7)


def test_filter_tier_and_blend_by_hand():
    base = listed(ONE_WHO_LIKES_COMICS_AND_NO_CARS, [3, 6, 4, 5, 2, PAD])
    filtered = vision(OBJECTS, "filter", 0, disliked=-3)(base)
    assert filtered.item.tolist() == [[6, 4, 5, 2, 3, PAD]]  # the car is behind all, not gone
    tiered = vision(OBJECTS, "tier", 0, disliked=-3)(base)
    assert tiered.item.tolist() == [[2, 6, 4, 5, 3, PAD]]  # both at once is neutral
    # Soft: the car −1, the dog and nothing 0, both (1 − 1)/√2, the comic book 1.
    z = standardised(base)[0]
    blended = vision(OBJECTS, "blend", 1.0)(base)
    expected = {3: z[0] - 1, 6: z[1], 4: z[2], 5: z[3], 2: z[4] + 1}
    assert blended.item[0, :5].tolist() == sorted(expected, key=lambda i: -expected[i])
    np.testing.assert_allclose(
        blended.score[0, :5], sorted(expected.values(), reverse=True), rtol=1e-5
    )


def test_standardised_scores_have_mean_0_and_deviation_1_of_what_is_there():
    ranking = Ranking(
        ONE_WHO_LIKES_COMICS_AND_NO_CARS,
        np.array([[1, 2, 3, PAD]], np.int32),
        np.array([[9, 5, 1, -np.inf]], np.float32),
    )
    np.testing.assert_allclose(
        standardised(ranking)[0, :3], np.array([4, 0, -4]) / np.std([9, 5, 1])
    )
    equal = Ranking(ranking.query, ranking.item, np.where(ranking.filled, 2, -np.inf).astype("f4"))
    assert not standardised(equal).any()


def case(seed):
    """Objects at random, and lists of different lengths of users with different histories."""
    rng = np.random.default_rng(seed)
    users, items, classes, k = 6, 12, 4, int(rng.integers(1, 13))
    count = int(rng.integers(0, 31))
    user, item = rng.integers(0, users, count), rng.integers(0, items, count)
    log = Interactions.of(user, item, rng.integers(1, 6, count).astype(float), np.arange(count),
                          shape=(users, items))  # fmt: skip
    objects = rng.random((items, classes)) * (rng.random((items, classes)) < 0.4)
    order = np.stack([rng.permutation(items)[:k] for _ in range(users)]).astype(np.int32)
    score = -np.sort(-rng.normal(size=(users, k)).astype(np.float32), axis=1)
    for row, kept in enumerate(rng.integers(0, k + 1, users)):
        order[row, kept:], score[row, kept:] = PAD, -np.inf
    return objects, Ranking(Query.of(log), order, score)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("operator", ["filter", "tier", "blend"])
def test_any_operator_only_permutes_and_says_how_many_users_it_knows_nothing_of(seed, operator):
    objects, base = case(seed)
    stage = vision(objects, operator, 0.5)
    found = stage(base)
    assert np.array_equal(np.sort(found.item, axis=1), np.sort(base.item, axis=1))
    assert (np.diff(np.where(found.filled, found.score, -1e9), axis=1) <= 0).all()
    assert np.array_equal(stage(base).item, found.item)
    unknown = ~stage.taste(base.query.history).any(axis=1)
    assert np.array_equal(found.item[unknown], base.item[unknown])
    assert found.costs[-1].fallbacks == unknown.sum()


@pytest.mark.parametrize("seed", range(10))
def test_without_strength_or_without_objects_nothing_changes(seed):
    objects, base = case(seed)
    assert vision(objects, "blend", 0.0)(base) is base
    for operator in ("filter", "tier", "blend"):
        assert np.array_equal(vision(0 * objects, operator, 1.0)(base).item, base.item)


@pytest.mark.parametrize("seed", range(10))
def test_filter_keeps_the_order_within_both_parts(seed):
    objects, base = case(seed)
    found = vision(objects, "filter", 0)(base)
    for before, after in zip(base.item, found.item, strict=True):
        place = [list(before).index(i) for i in after if i != PAD]
        assert sum(b < a for a, b in pairwise(place)) <= 1


# A planted taste: half of the users like comic books and dislike cars, half the other way round.
USERS, ITEMS = 120, 80


@pytest.fixture(scope="module")
def planted():
    """Train, valid and test ratings by taste, one object an item, and a model that knows nobody."""
    rng = np.random.default_rng(0)
    kind = rng.permutation(np.arange(ITEMS) % 2)
    shown = np.stack([rng.permutation(ITEMS)[:30] for _ in range(USERS)])
    user, item = np.repeat(np.arange(USERS), 30), shown.ravel()
    value = np.where(kind[item] == user % 2, 5.0, 1.0)
    part = np.tile(np.digitize(np.arange(30), [14, 22]), USERS)
    parts = [
        Interactions.of(user[at], item[at], value[at], np.flatnonzero(at), shape=(USERS, ITEMS))
        for at in (part == 0, part == 1, part == 2)
    ]
    objects = np.zeros((ITEMS, 2), np.float32)
    objects[np.arange(ITEMS), kind] = 0.9
    return (*parts, objects, rng)


class Indifferent(Model):
    """The same order for everybody."""

    def scores(self, query):
        return np.tile(np.linspace(1, 0, ITEMS, dtype=np.float32), (len(query), 1))


def context(planted, objects, valid=True):
    train, held = planted[:2]
    feature = Feature(
        objects, objects.any(axis=1), "objects/made", "made", columns=("comic", "car")
    )
    ids = pl.DataFrame({"item_id": [f"i{n}" for n in range(ITEMS)]})
    return StageContext(
        dataset=Dataset("made", items=ids, numbering="table"),
        train=train,
        valid=held if valid else None,
        features={"objects": feature},
        model=Indifferent(),
    )


def gain(planted, objects):
    """What the stage adds to the NDCG@10 of ratings that neither it nor the model has seen."""
    train, _, test = planted[:3]
    liked = test[test.value > 3]
    base = recommend(Indifferent(), Query.before(train, liked), 60)
    held_out = liked.matrix(values=False)[base.query.user].toarray() > 0
    ranked = VisionRecipe().fit(context(planted, objects))(base)

    def value(ranking):
        hits = np.take_along_axis(held_out, ranking.item[:, :10].astype(int), axis=1)
        return ndcg(hits, held_out.sum(axis=1)).mean()

    return value(ranked) - value(base)


def test_a_planted_taste_pays_on_unseen_ratings_and_permuted_objects_do_not(planted):
    objects, rng = planted[3:]
    chosen = VisionRecipe().fit(context(planted, objects))
    assert chosen.strength == 1.0
    assert chosen.label == "vision 1"
    assert gain(planted, objects) > 0.1
    permuted = np.mean([gain(planted, rng.permutation(objects)) for _ in range(8)])
    assert abs(permuted) < 0.03


def test_rare_objects_weigh_more_as_counted_among_the_items_of_train(planted):
    objects = np.zeros((ITEMS, 2), np.float32)
    objects[:, 0], objects[[3, 5], 1] = 0.5, 0.5
    train = planted[0]
    made_from = replace(context(planted, objects), train=train[train.item != 5])
    dense = VisionRecipe(strength=0.1).fit(made_from).weighted.toarray()
    assert dense[3, 1] == dense[5, 1] == pytest.approx(0.5 * np.log(80 / 2))
    assert dense[3, 0] == pytest.approx(0.5 * np.log(80 / 80))


def test_a_strength_needs_validation_unless_it_is_given(planted):
    with pytest.raises(BadSetting, match="give `strength`"):
        VisionRecipe().fit(context(planted, planted[3], valid=False))
    assert VisionRecipe(strength=0.3).fit(context(planted, planted[3], valid=False)).strength == 0.3
    assert VisionRecipe(operator="tier").fit(context(planted, planted[3], valid=False))


def test_vectors_that_are_no_confidences_and_pictures_without_objects_are_refused(planted):
    with pytest.raises(BadSetting, match="numbers below 0"):
        VisionRecipe().fit(context(planted, planted[3] - 1))
    with pytest.raises(BadSetting, match="nothing was found in the pictures"):
        VisionRecipe().fit(context(planted, 0 * planted[3]))


def test_the_stage_is_read_from_a_recipe_by_name():
    recipe = read_stage({"kind": "vision", "operator": "filter", "feature": "pictures"})
    assert isinstance(recipe, VisionRecipe)
    assert recipe.features_used() == ("pictures",)
    assert VisionRecipe(feature="categories").features_used() == ()


def test_settled_settings_make_the_same_stage_without_validation(planted):
    chosen = VisionRecipe().fit(context(planted, planted[3]))
    again = VisionRecipe().settled(chosen).fit(context(planted, planted[3], valid=False))
    assert again.strength == chosen.strength == 1.0
    tier = VisionRecipe(operator="tier")
    assert tier.settled(tier.fit(context(planted, planted[3]))).operator == "tier"
