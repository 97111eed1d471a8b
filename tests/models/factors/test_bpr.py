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


@pytest.mark.parametrize("drawn", [1, 8])
def test_puts_the_missing_item_of_each_taste_first(two_tastes, drawn):
    model = BPR(dim=8, epochs=200, lr=0.1, drawn=drawn).fit(two_tastes)
    top = recommend(model, Query.of(two_tastes), 1)
    assert (top.item[:, 0] == np.arange(40)).mean() == 1


def test_newcomers_are_shown_what_goes_with_their_history(two_tastes):
    model = BPR(dim=8, epochs=200, lr=0.1).fit(two_tastes)
    query = Query(np.full(40, -1), Histories.of(two_tastes), np.zeros(40, int))
    top = recommend(model, query, 1)
    assert (top.item[:, 0] % 2 == np.arange(40) % 2).all()


def test_one_step_goes_down_the_slope_of_the_loss_on_each_pair():
    """One user with one of two items: the rival is known, so the step can be told by hand."""
    log = Interactions.of([0], [0], shape=(1, 2))
    lr, reg, dim = 0.05, 0.3, 4
    rng = np.random.default_rng(5)
    p = 0.1 * rng.standard_normal((1, dim), dtype=np.float32)[0]
    q, r = 0.1 * rng.standard_normal((2, dim), dtype=np.float32)
    model = BPR(dim=dim, epochs=1, lr=lr, reg=reg, drawn=50).fit(log, Options(seed=5))

    def loss(p, q, r):
        penalty = reg / 2 * (p @ p + q @ q + r @ r)
        return np.log1p(np.exp(-(p @ q - p @ r))) + penalty

    def stepped(at, others):
        slope = np.zeros(dim)
        for d in range(dim):
            ahead, behind = at.astype(float), at.astype(float)
            ahead[d] += 1e-5
            behind[d] -= 1e-5
            slope[d] = (loss(*others(ahead)) - loss(*others(behind))) / 2e-5
        return at - lr * slope / np.sqrt(np.mean(slope**2))

    np.testing.assert_allclose(model.user[0], stepped(p, lambda x: (x, q, r)), rtol=1e-3)
    np.testing.assert_allclose(model.item[0], stepped(q, lambda x: (p, x, r)), rtol=1e-3)
    np.testing.assert_allclose(model.item[1], stepped(r, lambda x: (p, q, x)), rtol=1e-3)


def test_slopes_of_the_same_row_add_up_and_later_steps_are_shorter():
    table = bpr._Table(np.zeros((3, 2), np.float32), np.zeros(3, np.float32), lr=0.1)
    slopes = np.array([[1, 1], [3, 3], [2, 2]], np.float32)
    table.descend(np.array([2, 0, 2]), slopes)
    np.testing.assert_allclose(table.vectors, [[-0.1, -0.1], [0, 0], [-0.1, -0.1]])
    np.testing.assert_allclose(table.squares, [9, 0, 9])
    table.descend(np.array([0]), np.array([[4, 4]], np.float32))
    np.testing.assert_allclose(table.vectors[0], -0.1 - 0.1 * 4 / 5)


def test_a_rival_is_never_what_the_user_has_and_is_the_best_scored_of_those_drawn():
    log = Interactions.of([0, 0, 0], [0, 1, 2], shape=(2, 6))
    known = log.matrix(values=False)
    users = bpr._Table(np.ones((2, 1), np.float32), np.zeros(2, np.float32), 0.1)
    scores = np.array([[9], [8], [7], [1], [3], [2]], np.float32)
    items = bpr._Table(scores, np.zeros(6, np.float32), 0.1)
    rng = np.random.default_rng(0)
    rival, found = BPR(drawn=200)._rivals(known, np.array([0, 1]), users, items, rng)
    assert (rival.tolist(), found.tolist()) == ([4, 0], [True, True])


def test_a_user_who_has_everything_teaches_nothing():
    log = Interactions.of([0, 0, 0], [0, 1, 2], shape=(1, 3))
    few, many = (BPR(dim=4, reg=0, epochs=epochs).fit(log) for epochs in (1, 30))
    np.testing.assert_array_equal(few.item, many.item)


def test_beats_popularity_on_two_tastes_that_are_not_alike_in_size():
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


def test_behaviours_that_weigh_nothing_are_as_if_they_had_not_been():
    rng = np.random.default_rng(0)
    kinds = ["view", "purchase"] * 100
    log = Interactions.of(
        rng.integers(0, 20, 200), rng.integers(0, 15, 200), behavior=kinds, shape=(20, 15)
    )
    told = BPR(dim=4, behaviors=BehaviorWeights(view=0)).fit(log)
    alone = BPR(dim=4).fit(log.only(["purchase"]))
    np.testing.assert_array_equal(told.item, alone.item)
