"""Worked examples with known results, to four decimals."""

from dataclasses import replace

import numpy as np
import pytest

from recweave.data.interactions import Interactions
from recweave.models.neighbours.item_cf import ItemCF
from recweave.models.neighbours.similarity import Similarity
from recweave.models.neighbours.user_cf import UserCF

DIGITS = {"rtol": 0, "atol": 5.1e-5}


def log_of(table):
    user, item = np.nonzero(table)
    return Interactions.of(user, item, np.array(table)[user, item], shape=np.shape(table))


@pytest.fixture
def tutorial():
    """Ratings from 1 to 10, 0 is missing."""
    return log_of(
        [
            [3, 7, 4, 9, 9, 7],
            [7, 0, 5, 3, 8, 8],
            [7, 5, 5, 0, 8, 4],
            [5, 6, 8, 5, 9, 8],
            [5, 8, 8, 8, 10, 9],
            [7, 7, 0, 4, 7, 8],
        ]
    )


@pytest.fixture
def table_1():
    """Users A to D, items type1 to type5.

    The source gives the results for this table, not its entries. Of all tables of half steps from
    1 to 4.5, two give these results (up to the order of columns); this is one of them.
    """
    return log_of(
        [[4, 0, 0, 3.5, 3], [0, 3.5, 4, 0, 4.5], [3.5, 3, 0, 0, 0], [4, 3, 0, 3.5, 0]],
    )


def raw(model, user, item):
    return model.raw(np.array([user]), np.array([item]))[0]


@pytest.mark.parametrize(
    ("recipe", "value", "rounded", "answer"),
    [
        (UserCF(similarity="cosine"), 3.4509, 3, "not_recommended"),
        (UserCF(similarity="pearson"), 2.8872, 3, "not_recommended"),
        (ItemCF(similarity="cosine"), 5.5037, 6, "recommended"),
        (ItemCF(similarity="adjusted_cosine"), 5.9374, 6, "recommended"),
    ],
)
def test_as_written_user_3_item_4_four_methods_disagree(tutorial, recipe, value, rounded, answer):
    settings = {"semantics": "as_written", "k": 4, "scale": (1.0, 10.0)}
    model = recipe.model_copy(update=settings).fit(tutorial)
    np.testing.assert_allclose(raw(model, 2, 3), value, **DIGITS)
    decision = model.recommend_item(2, 3)
    assert (decision.prediction, decision.answer, decision.threshold) == (rounded, answer, 6)
    assert len(decision.neighbor) == 4


@pytest.mark.parametrize(("similarity", "value"), [("cosine", 3.8916), ("pearson", 3.3487)])
def test_raters_only_with_zeros_in_the_similarity(tutorial, similarity, value):
    model = UserCF(similarity=similarity, k=4, shrinkage=0).fit(tutorial)
    np.testing.assert_allclose(raw(replace(model, missing="zero"), 2, 3), value, **DIGITS)


def test_item_cosine_as_written_of_user_1_item_3(tutorial):
    model = ItemCF(similarity="cosine", semantics="as_written", k=4).fit(tutorial)
    np.testing.assert_allclose(raw(model, 0, 2), 7.0556, **DIGITS)


def test_zero_filled_cosines_of_user_3(tutorial):
    rows = tutorial.matrix()
    found = Similarity(rows, "cosine", "zero", 0.0)(rows)[2]
    np.testing.assert_allclose(found, [0.7792, 0.8747, 1, 0.9095, 0.8655, 0.8533], **DIGITS)


def test_negative_weights_drive_equation_4_off_the_scale_unless_dropped(tutorial):
    settings = {"similarity": "adjusted_cosine", "means": "rated", "k": 4}
    naive = ItemCF(semantics="as_written", **settings).fit(tutorial)
    weight, rating = naive.weights[[3]].toarray()[0], tutorial.matrix().toarray()[2]
    to_the_letter = (weight @ rating) / np.abs(weight).sum()
    np.testing.assert_allclose(to_the_letter, -2.8578, **DIGITS)
    rigorous = ItemCF(shrinkage=0, **settings).fit(tutorial)
    assert (rigorous.weights.data > 0).all()
    assert 3 <= raw(rigorous, 2, 3) <= 10


C, TYPE_4 = 2, 3


def test_table_1_means_and_cosines(table_1):
    model = UserCF().fit(table_1)
    np.testing.assert_allclose(model.user_mean, [3.5, 4.0, 3.25, 3.5], **DIGITS)
    rows = table_1.matrix()
    found = Similarity(rows, "cosine", "zero", 0.0)(rows)[C]
    np.testing.assert_allclose(found[[0, 1, 3]], [0.4976, 0.3271, 0.8175], **DIGITS)


def test_table_1_raters_at_their_own_mean_leave_the_users_mean(table_1):
    model = UserCF(similarity="cosine", k=3, shrinkage=0).fit(table_1)
    np.testing.assert_allclose(raw(model, C, TYPE_4), 3.25, **DIGITS)
    assert sorted(model.recommend_item(C, TYPE_4).neighbor) == [0, 3]


def test_table_1_as_written_counts_zeros_as_ratings(table_1):
    recipe = UserCF(similarity="cosine", k=3, semantics="as_written", means="rated")
    np.testing.assert_allclose(raw(recipe.fit(table_1), C, TYPE_4), 2.4533, **DIGITS)


def test_table_1_item_cosine_over_rated_items(table_1):
    zeros = ItemCF(similarity="cosine", semantics="as_written", k=5).fit(table_1)
    rigorous = ItemCF(similarity="cosine", k=3, shrinkage=0).fit(table_1)
    model = replace(rigorous, weights=zeros.weights)
    np.testing.assert_allclose(raw(model, C, TYPE_4), 3.3440, **DIGITS)


def test_table_1_item_adjusted_cosine_is_undefined_and_falls_back(table_1):
    settings = {"similarity": "adjusted_cosine", "means": "rated", "k": 3}
    assert np.isnan(raw(ItemCF(semantics="as_written", **settings).fit(table_1), C, TYPE_4))
    assert raw(ItemCF(**settings).fit(table_1), C, TYPE_4) == 3.25
