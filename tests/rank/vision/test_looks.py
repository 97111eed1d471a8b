"""The vision re-ranker by dense vectors: its arithmetic by hand, and a planted taste."""

from dataclasses import replace

import numpy as np
import pytest
from planted_taste import context, gain, listed, rated
from scipy import sparse

from recweave.core.errors import BadSetting
from recweave.encode.features import Feature
from recweave.rank.ranking import PAD
from recweave.rank.vision.evidence import Evidence
from recweave.rank.vision.looks import Looks
from recweave.rank.vision.recipe import VisionRecipe

ROOT = np.sqrt(0.5)
VECTORS = np.array(
    [[1, 0], [0, 1], [ROOT, ROOT], [-1, 0], [0, 0], [0, -1], [ROOT, -ROOT]], np.float32
)


def looks(strength=1.0, **evidence):
    nothing = sparse.csr_array((7, 7), dtype=np.float64)
    return Looks(VECTORS, Evidence(nothing, nothing, **evidence), strength)


LIKES_RIGHT_AND_NO_UP = rated([0, 0], [0, 1], [5.0, 1.0], items=7)


def test_the_value_is_the_cosine_to_what_is_liked_less_that_to_what_is_disliked():
    base = listed(LIKES_RIGHT_AND_NO_UP, [2, 3, 4, 5, 6, PAD])
    value, unknown = looks().values(base)
    np.testing.assert_allclose(value[0, :5], [0, -1, 0, 1, 2 * ROOT], atol=1e-6)
    assert unknown == 0
    np.testing.assert_allclose(
        looks(disliked=-0.5).values(base)[0][0, :5], [ROOT / 2, -1, 0, 0.5, 1.5 * ROOT], atol=1e-6
    )
    z = base.standardized()[0, :5]
    found = looks(2.0)(base)
    score = dict(zip([2, 3, 4, 5, 6], z + 2 * value[0, :5], strict=True))
    assert found.item[0, :5].tolist() == sorted(score, key=lambda i: -score[i])
    assert looks(0.0)(base) is base


def test_what_is_liked_is_the_mean_of_the_relations_by_their_weights():
    # Rated 5: bought and liked, mean of items 0 and 1; rated 3.5: bought alone.
    query = rated([0, 0, 0], [0, 1, 3], [5.0, 5.0, 3.5], items=7)
    liked, disliked = looks(bought=1, liked=0.5).taste(query.history)
    bought = (VECTORS[0] + VECTORS[1] + VECTORS[3]) / 3
    expected = bought + 0.5 * (VECTORS[0] + VECTORS[1]) / 2
    np.testing.assert_allclose(liked[0], expected / np.linalg.norm(expected), rtol=1e-6)
    assert not disliked.any()


def test_lists_of_users_without_evidence_stay_and_are_counted_however_lists_are_batched(
    monkeypatch,
):
    query = rated([0, 0, 2, 3], [0, 1, 4, 3], [5.0, 1.0, 5.0, 5.0], items=7, users=4)
    base = listed(query, *[[2, 3, 4, 5, 6]] * 4)
    whole = looks()(base)
    # User 1 has no events, user 2 likes an item without a picture.
    assert whole.costs[-1].fallbacks == 2
    assert (whole.item[1:3] == base.item[1:3]).all()
    assert (whole.item[[0, 3]] != base.item[[0, 3]]).any()
    monkeypatch.setattr("recweave.rank.vision.looks.BLOCK_BYTES", 1)
    np.testing.assert_array_equal(looks()(base).item, whole.item)
    assert looks()(base).costs[-1].fallbacks == 2


def test_reasons_name_the_items_of_the_history_that_look_most_alike():
    query = rated([0, 0, 0, 0], [0, 2, 3, 1], [5.0, 4.0, 4.0, 1.0], items=7)
    base = listed(query, [6, 5, 4, PAD])
    stage = looks(0.5)
    ((of_6, of_5, of_4, of_none),) = stage.reasons(base, base.item)
    liked, _ = stage.taste(query.history)
    (reason,) = of_6
    assert reason.items == ((0, "liked"),)  # 2 is at a right angle, 3 points away
    assert reason.value == pytest.approx(0.5 * float(liked[0] @ VECTORS[6]))
    assert reason.named
    assert of_5 == of_4 == of_none == []
    ((of_2,),) = stage.reasons(base, np.array([[2]], np.int32))
    for_, against = of_2
    assert [one.items for one in of_2] == [((2, "liked"), (0, "liked")), ((1, "disliked"),)]
    assert for_.value > 0 > against.value == pytest.approx(-0.5 * ROOT)


def dense(planted, rng, sign=1.0):
    """Vectors around one point for each kind of item, far from 0 as encoders give them."""
    kind = planted[3].argmax(axis=1)
    vectors = 5 + np.where(kind[:, None] == 1, sign, -sign) * np.ones(8)
    vectors = (vectors + rng.normal(size=(len(kind), 8))).astype(np.float32)
    return Feature(vectors, np.ones(len(kind), bool), "images/made", "made")


def made(planted, feature, valid=True):
    return replace(context(planted, planted[3], valid), features={"looks": feature})


def test_a_planted_taste_is_found_in_dense_vectors_and_none_in_permuted_ones(planted):
    rng = np.random.default_rng(1)
    feature = dense(planted, rng)
    stage = VisionRecipe(feature="looks").fit(made(planted, feature))
    assert isinstance(stage, Looks)
    assert stage.strength >= 0.5
    assert stage.label == f"vision {stage.strength:g}"
    assert gain(planted, stage) > 0.1
    controls = [
        VisionRecipe(feature="looks").fit(
            made(planted, replace(feature, vectors=rng.permutation(feature.vectors)))
        )
        for _ in range(8)
    ]
    assert abs(np.mean([gain(planted, control) for control in controls])) < 0.03


def test_vectors_are_centred_on_the_items_of_train_that_have_a_picture(planted):
    feature = dense(planted, np.random.default_rng(1))
    present = feature.present.copy()
    present[:5] = False
    some = made(planted, replace(feature, present=present))
    some = replace(some, train=some.train[some.train.item != 7])
    stage = VisionRecipe(feature="looks", strength=0.1).fit(some)
    assert not stage.vectors[:5].any()
    known = np.flatnonzero(present & (np.arange(len(present)) != 7))
    centred = feature.vectors[9] - feature.vectors[known].mean(axis=0)
    np.testing.assert_allclose(stage.vectors[9], centred / np.linalg.norm(centred), rtol=1e-4)


@pytest.mark.parametrize("operator", ["filter", "tier"])
def test_filter_and_tier_need_classes(planted, operator):
    feature = dense(planted, np.random.default_rng(1))
    with pytest.raises(BadSetting, match=rf"'{operator}' needs classes .* operator = 'blend'"):
        VisionRecipe(feature="looks", operator=operator).fit(made(planted, feature))
