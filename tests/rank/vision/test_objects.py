"""The vision re-ranker: its arithmetic by hand, its invariants, and a planted taste."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from planted_taste import ITEMS, context, gain, listed, rated
from scipy import sparse

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.models.kinds import ItemScores
from recweave.models.query import Query
from recweave.rank.explain import explain, moved
from recweave.rank.ranking import PAD, Ranking
from recweave.rank.recommend import recommend
from recweave.rank.stages import read_stage
from recweave.rank.vision.evidence import Evidence
from recweave.rank.vision.objects import Vision
from recweave.rank.vision.recipe import VisionRecipe

COMIC, CAR, DOG = range(3)


def nothing(items):
    return sparse.csr_array((items, items), dtype=np.float64)


def vision(weighted, operator="blend", strength=1.0, also_buy=None, also_view=None, **evidence):
    weighted = sparse.csr_array(np.asarray(weighted, np.float64))
    links = nothing(weighted.shape[0])
    also = (links if one is None else one for one in (also_buy, also_view))
    classes = ("comic book", "car", "dog", "hat")[: weighted.shape[1]]
    return Vision(weighted, classes, Evidence(*also, **evidence), operator, strength)


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


ONE_WHO_LIKES_COMICS_AND_NO_CARS = rated([0, 0], [0, 1], [5.0, 1.0], items=7)


def test_filter_tier_and_blend_by_hand():
    base = listed(ONE_WHO_LIKES_COMICS_AND_NO_CARS, [3, 6, 4, 5, 2, PAD])
    filtered = vision(OBJECTS, "filter", 0, disliked=-3)(base)
    assert filtered.item.tolist() == [[6, 4, 5, 2, 3, PAD]]  # the car is behind all, not gone
    tiered = vision(OBJECTS, "tier", 0, disliked=-3)(base)
    assert tiered.item.tolist() == [[2, 6, 4, 5, 3, PAD]]  # both at once is neutral
    # Soft: the car −1, the dog and nothing 0, both (1 − 1)/√2, the comic book 1.
    z = base.standardized()[0]
    blended = vision(OBJECTS, "blend", 1.0)(base)
    expected = {3: z[0] - 1, 6: z[1], 4: z[2], 5: z[3], 2: z[4] + 1}
    assert blended.item[0, :5].tolist() == sorted(expected, key=lambda i: -expected[i])
    np.testing.assert_allclose(
        blended.score[0, :5], sorted(expected.values(), reverse=True), rtol=1e-5
    )


def test_standardized_scores_have_mean_0_and_deviation_1_of_what_is_there():
    ranking = Ranking(
        ONE_WHO_LIKES_COMICS_AND_NO_CARS,
        np.array([[1, 2, 3, PAD]], np.int32),
        np.array([[9, 5, 1, -np.inf]], np.float32),
    )
    np.testing.assert_allclose(
        ranking.standardized()[0, :3], np.array([4, 0, -4]) / np.std([9, 5, 1])
    )
    equal = Ranking(ranking.query, ranking.item, np.where(ranking.filled, 2, -np.inf).astype("f4"))
    assert not equal.standardized().any()


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


def test_a_planted_taste_pays_on_unseen_ratings_and_permuted_objects_do_not(planted):
    objects, rng = planted[3:]
    chosen = VisionRecipe().fit(context(planted, objects))
    assert chosen.strength == 1.0
    assert chosen.label == "vision 1"
    assert gain(planted, chosen) > 0.1

    def fitted(objects):
        return VisionRecipe().fit(context(planted, objects))

    permuted = np.mean([gain(planted, fitted(rng.permutation(objects))) for _ in range(8)])
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


# Reasons: the history of ONE_WHO_LIKES_COMICS_AND_NO_CARS is a comic book liked and a car disliked.


def said(stage, before, item):
    """For each item of the first list: text, value and items of each reason."""
    found = stage.reasons(before, np.array([item], np.int32))[0]
    return [[(r.text, round(r.value, 4), r.items) for r in one] for one in found]


def test_reasons_name_classes_by_what_they_add_and_the_items_of_the_history_that_show_them():
    base = listed(ONE_WHO_LIKES_COMICS_AND_NO_CARS, [3, 6, 4, 5, 2, PAD])
    half = round(0.5 / np.sqrt(2), 4)
    assert said(vision(OBJECTS, "blend", 0.5), base, [3, 5, 2, 6, 4, PAD]) == [
        [("car", -0.5, ((1, "disliked"),))],
        [("comic book", half, ((0, "liked"),)), ("car", -half, ((1, "disliked"),))],
        [("comic book", 0.5, ((0, "liked"),))],
        [],
        [],
        [],
    ]
    for operator in ("filter", "tier"):
        # The evidence itself: 1.5 times a comic book of 2, and a car of 1.
        assert said(vision(OBJECTS, operator, 0, disliked=-3), base, [3, 5]) == [
            [("car", -3.0, ((1, "disliked"),))],
            [("comic book", 3.0, ((0, "liked"),)), ("car", -3.0, ((1, "disliked"),))],
        ]
    assert said(vision(OBJECTS, "blend", 0.0), base, [3, 5]) == [[], []]


@pytest.mark.parametrize("seed", range(10))
def test_what_reasons_add_up_to_is_the_soft_score(seed):
    objects, base = case(seed)
    stage = vision(objects * (np.cumsum(objects > 0, axis=1) <= 2), "blend", 0.5)
    value, _ = stage.values(base)
    parts = [[sum(r.value for r in one) for one in row] for row in stage.reasons(base, base.item)]
    np.testing.assert_allclose(
        np.where(base.filled, 0.5 * value, 0), np.reshape(parts, base.item.shape), atol=1e-12
    )


def test_reasons_count_each_item_of_the_history_once_by_the_strongest_deed():
    log = Interactions.of(
        [0, 0, 0, 0, 0], [0, 0, 2, 5, 1], [1.0, 5.0, 1.0, 1.0, 1.0], [1, 2, 3, 4, 5], shape=(1, 7),
        behavior=["view", "rating", "view", "purchase", "rating"],
    )  # fmt: skip
    base = listed(Query.of(log), [3, 6])
    stage = vision(OBJECTS, disliked=-0.01)
    found = said(stage, base, [2])[0][0]
    assert (found[0], dict(found[2])) == ("comic book", {0: "liked", 5: "bought", 2: "viewed"})
    # A car is in what was bought and in what was disliked: only what speaks the same way counts.
    assert [(text, dict(items)) for text, _, items in said(stage, base, [3])[0]] == [
        ("car", {5: "bought"})
    ]


def test_a_class_that_only_linked_items_show_is_said_to_come_from_them():
    also = sparse.csr_array((np.ones(1), ([6], [2])), shape=(7, 7))
    base = listed(rated([0], [6], [5.0], items=7), [0, 3])
    ((reason,), _) = said(vision(OBJECTS, also_buy=also), base, [0, 3])
    assert reason[0] == "comic book, as in items that are linked to those you bought"
    assert reason[2] == ()


def test_filter_tells_what_it_moved_to_the_end():
    scores = np.array([[0, 0, 1, 9, 3, 8, 5]], np.float32)[0]
    model = ItemScores(scores)
    stage = replace(vision(OBJECTS, "filter", 0, disliked=-3), label="vision filter")
    query = ONE_WHO_LIKES_COMICS_AND_NO_CARS
    (found,) = explain(model, recommend(model, query, 5), stages=[stage], k=5)
    names = [f"item {n}" for n in range(7)]
    assert [[moved(move, names.__getitem__) for move in one.moves] for one in found] == [
        ["moved up from 2 to 1 by vision filter: comic book, as in 1 item you liked"],
        ["moved up from 3 to 2 by vision filter, as other items moved"],
        ["moved up from 4 to 3 by vision filter, as other items moved"],
        ["moved up from 5 to 4 by vision filter: comic book, as in 1 item you liked"],
        ["moved down from 1 to 5 by vision filter: car, as in 1 item you disliked"],
    ]
