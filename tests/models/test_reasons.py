"""What each item of a history adds to a score, for the kinds that give reasons."""

import numpy as np
import pytest
from scipy import sparse

from recweave.data.interactions import Interactions
from recweave.models import Query
from recweave.models.blend import Blend
from recweave.models.kinds import Factors, ItemScores, ItemWeights

USERS, ITEMS, DIM = 6, 9, 4
rng = np.random.default_rng(0)
B = rng.standard_normal((ITEMS, ITEMS)).astype(np.float32)
B_SPARSE = sparse.csr_array(np.where(rng.random((ITEMS, ITEMS)) < 0.4, B, 0))
USER = rng.standard_normal((USERS, DIM)).astype(np.float32)
ITEM = rng.standard_normal((ITEMS, DIM)).astype(np.float32)
BEHAVIOR_WEIGHTS = np.array([0.0, 0.5, 1.0, 1.0, 1.0, 2.0, 1.0], np.float32)
WITH_WEIGHTS = np.array([7, 1, 4, 3, 0])

EXACT = {
    "item weights": ItemWeights(B),
    "sparse item weights": ItemWeights(B_SPARSE),
    "item weights with decay": ItemWeights(B, 0.7, BEHAVIOR_WEIGHTS),
    "item weights of some items": ItemWeights(B[:5, :5], 0.9, None, WITH_WEIGHTS),
    "folded factors": Factors(USER, ITEM, 3.0, 0.5),
    "folded factors with decay": Factors(USER, ITEM, 3.0, 0.5, 0.8, BEHAVIOR_WEIGHTS),
}


@pytest.fixture
def query():
    """Six users with repeated items and several behaviours; user 3 has no events."""
    log = Interactions.of(
        [0, 0, 0, 0, 1, 1, 2, 4, 4, 4, 5],
        [1, 4, 1, 7, 0, 8, 3, 2, 4, 7, 6],
        behavior=["view", "cart", "purchase", "view"]
        + ["view", "impression", "click"]
        + ["view"] * 4,
        shape=(USERS, ITEMS),
    )
    return Query.of(log, np.arange(USERS, dtype=np.int32))


def new(query):
    """The same histories, of cold users."""
    return Query(np.full(len(query), -1, np.int32), query.history, query.now)


def every_item(query):
    return np.tile(np.arange(ITEMS), (len(query), 1))


def sums(model, query):
    return model.reasons(query, every_item(query)).sum(axis=1).reshape(len(query), ITEMS)


@pytest.mark.parametrize("name", EXACT)
def test_what_the_history_adds_sums_to_the_score(name, query):
    model = EXACT[name]
    has_history = (
        query.history.lengths > 0
    )  # without a history, a known user keeps the learned vector
    for of_users in (query, new(query)):
        np.testing.assert_allclose(
            sums(model, of_users)[has_history],
            model.scores(of_users)[has_history],
            rtol=1e-4,
            atol=1e-4,
        )
        assert not sums(model, of_users)[~has_history].any()


def test_a_mean_of_vectors_has_reasons_and_a_learned_vector_has_none(query):
    model = Factors(USER, ITEM, decay=0.8)
    np.testing.assert_allclose(sums(model, new(query)), model.scores(new(query)), atol=1e-5)
    assert not sums(model, query).any()


def test_each_column_is_an_item_of_the_history(query):
    """User 2 did item 3 alone; user 1 items 0 and 8, the newer."""
    rows = ItemWeights(B, 0.5).reasons(query, every_item(query)).toarray()
    rows = rows.reshape(USERS, ITEMS, ITEMS)
    np.testing.assert_allclose(rows[2, :, 3], B[3])
    np.testing.assert_allclose(rows[1, :, 0], 0.5 * B[0])
    np.testing.assert_allclose(rows[1, :, 8], B[8])
    assert np.count_nonzero(rows[1]) == 2 * ITEMS


def test_reasons_of_folded_factors_are_those_of_section_5_of_hu_et_al(query):
    """p_ui = Σ_j s_ij c_uj with s_ij = y_iᵀ (Yᵀ C Y + λI)⁻¹ y_j, and c = 1 + weight."""
    rows = Factors(USER, ITEM, 3.0, 0.5).reasons(query, every_item(query)).toarray()
    y, seen = ITEM.astype(float), [0, 8]
    confidence = np.eye(ITEMS)
    confidence[seen, seen] = 4
    inverse = np.linalg.inv(y.T @ confidence @ y + 0.5 * np.eye(DIM))
    expected = y @ inverse @ y[seen].T * 4
    np.testing.assert_allclose(rows.reshape(USERS, ITEMS, ITEMS)[1][:, seen], expected, atol=1e-5)


@pytest.mark.parametrize("name", EXACT)
def test_any_items_can_be_explained_in_any_order(name, query):
    model = EXACT[name]
    whole = model.reasons(query, every_item(query)).toarray().reshape(USERS, ITEMS, ITEMS)
    item = np.array([[8, -1, 0]] * USERS)
    some = model.reasons(query, item).toarray().reshape(USERS, 3, ITEMS)
    np.testing.assert_allclose(some[:, 0], whole[:, 8], rtol=1e-6)
    np.testing.assert_allclose(some[:, 2], whole[:, 0], rtol=1e-6)
    assert not some[:, 1].any()


def test_reasons_of_a_blend_sum_those_of_its_members_on_one_scale(query):
    members = (ItemWeights(B), Factors(USER, ITEM, 3.0, 0.5), ItemScores(B[0]))
    blend = Blend(members, np.array([0.5, 0.3, 0.2], np.float32))
    batch = query.rows(np.array([0, 1, 4]))
    explained = sums(blend, batch)
    other = blend.scores(batch) - 0.2 * (B[0] - B[0].mean()) / B[0].std()
    # Standardizing subtracts the same number from all items of a user.
    shift = other - explained
    np.testing.assert_allclose(shift, np.repeat(shift[:, :1], ITEMS, axis=1), atol=1e-4)


def test_a_blend_of_one_member_gives_its_reasons(query):
    members = (ItemScores(B[0]), ItemWeights(B))
    blend = Blend(members, np.array([0, 1], np.float32))
    np.testing.assert_allclose(sums(blend, query), blend.scores(query), atol=1e-5)
    without_reasons = Blend(members, np.array([1, 0], np.float32))
    assert not sums(without_reasons, query).any()


def test_kinds_know_the_basis_of_their_scores(query):
    assert all(set(model.basis(query)) == {"history"} for model in EXACT.values())
    assert set(ItemScores(B[0]).basis(query)) == {"everybody"}
