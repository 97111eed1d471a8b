import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from recweave.data.interactions import Histories, Interactions
from recweave.models import Query
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors.als import ALS
from recweave.models.training import Options
from recweave.rank import recommend


@pytest.fixture
def log():
    """60 users, 40 items, histories from none to long; some pairs twice."""
    rng = np.random.default_rng(0)
    return Interactions.of(
        rng.geometric(0.06, 900) % 59, rng.geometric(0.08, 900) % 40, shape=(60, 40)
    )


def cold_users(log):
    return Query(np.full(log.shape[0], -1), Histories.of(log), np.zeros(log.shape[0], int))


def objective(log, model, weight, reg):
    """The objective of ALS (Hu et al. 2008, equation 3), over every pair."""
    seen = log.matrix(values=False).toarray()
    error = (seen - model.user.astype(float) @ model.item.T) ** 2
    penalty = (model.user**2).sum() + (model.item**2).sum()
    return ((1 + weight * seen) * error).sum() + reg * penalty


def test_puts_the_missing_item_of_each_taste_first(two_tastes):
    model = ALS(dim=4).fit(two_tastes)
    for query in (Query.of(two_tastes), cold_users(two_tastes)):
        top = recommend(model, query, 1)
        np.testing.assert_array_equal(top.item[:, 0], np.arange(40))


@pytest.mark.parametrize("dim", [3, 30], ids=["most histories longer", "most histories shorter"])
def test_item_vectors_are_those_of_implicit_from_the_same_start(log, dim):
    implicit = pytest.importorskip("implicit.als")
    mine = ALS(dim=dim, weight=5.0, reg=0.7, epochs=4).fit(log, Options(seed=3))
    with threadpool_limits(1, user_api="blas"):
        # Its confidence of an event is alpha, ours 1 + weight.
        theirs = implicit.AlternatingLeastSquares(
            factors=dim, regularization=0.7, alpha=6.0, iterations=4, use_cg=False, num_threads=1
        )
        start = np.random.default_rng(3).standard_normal((40, dim), dtype=np.float32)
        theirs.item_factors = 0.1 * start
        theirs.user_factors = np.zeros((60, dim), np.float32)
        seen = sparse.csr_matrix(log.matrix(values=False))
        theirs.fit(seen, show_progress=False)
        users = theirs.recalculate_user(np.arange(60), seen)
    np.testing.assert_allclose(mine.item, theirs.item_factors, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(mine.user, users, rtol=1e-3, atol=1e-4)


def test_every_epoch_lowers_the_objective(log):
    losses = [
        objective(log, ALS(dim=5, epochs=epochs).fit(log), weight=10, reg=1)
        for epochs in range(1, 8)
    ]
    assert (np.diff(losses) < 0).all()


def test_no_user_or_item_vector_can_be_moved_to_lower_the_objective_at_the_end(log):
    model = ALS(dim=3, epochs=100).fit(log)
    least = objective(log, model, weight=10, reg=1)
    rng = np.random.default_rng(1)
    for vectors in (model.user, model.item):
        for row in range(0, len(vectors), 9):
            before = vectors[row].copy()
            vectors[row] += 0.05 * rng.standard_normal(3)
            assert objective(log, model, weight=10, reg=1) > least
            vectors[row] = before


def test_fold_in_of_the_training_history_gives_the_vector_of_training(log):
    model = ALS(dim=8).fit(log)
    np.testing.assert_allclose(model.vectors(cold_users(log)), model.user, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.vectors(Query.of(log)), model.user, rtol=1e-4, atol=1e-5)


def test_events_of_a_known_user_after_training_count(two_tastes):
    model = ALS(dim=4).fit(two_tastes)
    turned = Interactions.of(np.zeros(15), np.arange(1, 31, 2), shape=two_tastes.shape)
    top = recommend(model, Query.of(turned, np.array([0])), 5, hide_history=False)
    assert (top.item % 2 == 1).all()


def test_recent_events_can_count_more(two_tastes):
    # First twelve odd items, then three even ones.
    items = [*range(1, 25, 2), 0, 2, 4]
    both = Interactions.of(np.zeros(15), items, shape=(1, 40))
    for decay, parity in ((1.0, 1), (0.5, 0)):
        model = ALS(dim=4, decay=decay).fit(two_tastes)
        query = Query(np.array([-1]), Histories.of(both), np.array([15]))
        assert (recommend(model, query, 5).item % 2 == parity).all()


def test_behaviours_of_weight_zero_are_ignored(log):
    kinds = np.where(np.arange(len(log)) % 3, "purchase", "view").tolist()
    mixed = Interactions.of(log.user, log.item, behavior=kinds, shape=log.shape)
    weighted = ALS(dim=4, behaviors=BehaviorWeights(view=0)).fit(mixed)
    alone = ALS(dim=4).fit(mixed.only(["purchase"]))
    np.testing.assert_array_equal(weighted.item, alone.item)
    np.testing.assert_allclose(
        weighted.scores(Query.of(mixed)), alone.user @ alone.item.T, atol=1e-4
    )
