import numpy as np
import pytest

from recweave.data.interactions import Histories, Interactions
from recweave.models import Query
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors import bpr
from recweave.models.factors.bpr import BPR
from recweave.models.popularity import Popularity
from recweave.models.training import Options
from recweave.rank import recommend


@pytest.mark.parametrize("negatives", [1, 8])
def test_puts_the_missing_item_of_each_taste_first(two_tastes, negatives):
    model = BPR(dim=8, epochs=200, lr=0.1, negatives=negatives).fit(two_tastes)
    top = recommend(model, Query.of(two_tastes), 1)
    assert (top.item[:, 0] == np.arange(40)).mean() == 1


def test_cold_users_get_items_that_fit_their_history(two_tastes):
    model = BPR(dim=8, epochs=200, lr=0.1).fit(two_tastes)
    query = Query(np.full(40, -1), Histories.of(two_tastes), np.zeros(40, int))
    top = recommend(model, query, 1)
    assert (top.item[:, 0] % 2 == np.arange(40) % 2).all()


def test_one_step_follows_the_gradient_of_the_loss_of_each_pair():
    """One user with one of two items: the negative is known, so the step can be computed."""
    log = Interactions.of([0], [0], shape=(1, 2))
    lr, reg, dim = 0.05, 0.3, 4
    rng = np.random.default_rng(5)
    p = 0.1 * rng.standard_normal((1, dim), dtype=np.float32)[0]
    q, r = 0.1 * rng.standard_normal((2, dim), dtype=np.float32)
    model = BPR(dim=dim, epochs=1, lr=lr, reg=reg, negatives=50).fit(log, Options(seed=5))

    def loss(p, q, r):
        penalty = reg / 2 * (p @ p + q @ q + r @ r)
        return np.log1p(np.exp(-(p @ q - p @ r))) + penalty

    def stepped(at, others):
        gradient = np.zeros(dim)
        for d in range(dim):
            ahead, behind = at.astype(float), at.astype(float)
            ahead[d] += 1e-5
            behind[d] -= 1e-5
            gradient[d] = (loss(*others(ahead)) - loss(*others(behind))) / 2e-5
        return at - lr * gradient / np.sqrt(np.mean(gradient**2))

    np.testing.assert_allclose(model.user[0], stepped(p, lambda x: (x, q, r)), rtol=1e-3)
    np.testing.assert_allclose(model.item[0], stepped(q, lambda x: (p, x, r)), rtol=1e-3)
    np.testing.assert_allclose(model.item[1], stepped(r, lambda x: (p, q, x)), rtol=1e-3)


def test_gradients_of_the_same_row_are_summed_and_later_steps_are_shorter():
    table = bpr._Table(np.zeros((3, 2), np.float32), np.zeros(3, np.float32), lr=0.1)
    gradients = np.array([[1, 1], [3, 3], [2, 2]], np.float32)
    table.descend(np.array([2, 0, 2]), gradients)
    np.testing.assert_allclose(table.vectors, [[-0.1, -0.1], [0, 0], [-0.1, -0.1]])
    np.testing.assert_allclose(table.squares, [9, 0, 9])
    table.descend(np.array([0]), np.array([[4, 4]], np.float32))
    np.testing.assert_allclose(table.vectors[0], -0.1 - 0.1 * 4 / 5)


def test_the_negative_is_the_best_scored_of_the_sampled_items_without_an_event():
    log = Interactions.of([0, 0, 0], [0, 1, 2], shape=(2, 6))
    known = log.matrix(values=False)
    users = bpr._Table(np.ones((2, 1), np.float32), np.zeros(2, np.float32), 0.1)
    scores = np.array([[9], [8], [7], [1], [3], [2]], np.float32)
    items = bpr._Table(scores, np.zeros(6, np.float32), 0.1)
    rng = np.random.default_rng(0)
    negative, valid = BPR(negatives=200)._sample_negatives(
        known, np.array([0, 1]), users, items, rng
    )
    assert (negative.tolist(), valid.tolist()) == ([4, 0], [True, True])


def test_a_user_with_events_of_all_items_changes_nothing():
    log = Interactions.of([0, 0, 0], [0, 1, 2], shape=(1, 3))
    few, many = (BPR(dim=4, reg=0, epochs=epochs).fit(log) for epochs in (1, 30))
    np.testing.assert_array_equal(few.item, many.item)


def test_beats_popularity_on_two_tastes_of_different_size():
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(90), 12)
    minority = user % 3 == 0
    item = rng.integers(0, 30, len(user)) + 30 * minority
    log = Interactions.of(user, item, shape=(90, 60))
    query = Query.of(log, np.arange(0, 90, 3))
    model, popular = BPR(dim=8, epochs=100).fit(log), Popularity().fit(log)
    shares = [(recommend(m, query, 5).item >= 30).mean() for m in (model, popular)]
    assert shares[0] > 0.95
    assert shares[1] < 0.05


def test_behaviours_of_weight_zero_are_ignored():
    rng = np.random.default_rng(0)
    kinds = ["view", "purchase"] * 100
    log = Interactions.of(
        rng.integers(0, 20, 200), rng.integers(0, 15, 200), behavior=kinds, shape=(20, 15)
    )
    weighted = BPR(dim=4, behaviors=BehaviorWeights(view=0)).fit(log)
    alone = BPR(dim=4).fit(log.only(["purchase"]))
    np.testing.assert_array_equal(weighted.item, alone.item)
