"""Work given to a pool must not depend on shared memory: processes and Ray send copies."""

import pickle

import numpy as np
import pytest

from recweave.data.catalogue import load
from recweave.data.split import LeaveLastOut
from recweave.evaluate import evaluate_model
from recweave.models import RECIPES, Query
from recweave.models.learn_blend import learn_blend
from recweave.models.training import Options, TrainingData
from recweave.parallel import Serial
from recweave.rank import recommend


class Serialising:
    """A pool that hands copies to the work and copies of the results back, as processes do."""

    def __init__(self):
        self.calls = 0

    def map(self, function, items):
        for item in items:
            self.calls += 1
            copied, given = pickle.loads(pickle.dumps((function, item)))
            yield pickle.loads(pickle.dumps(copied(given)))


@pytest.fixture(scope="module")
def split():
    return load("synthetic:small").split(LeaveLastOut(target=("purchase",), fresh=True))


@pytest.fixture(scope="module")
def ratings():
    return load("synthetic:small").interactions().only(["rating"])


USES = {
    "als": {"epochs": 2, "dim": 8},
    "biased_mf": {"epochs": 2, "dim": 4},
    "item_knn": {"k": 5},
    "slit": {"decay": 0.5},
}


@pytest.mark.parametrize("name", USES)
def test_training_gives_the_same_numbers_where_work_is_copied(name, split, ratings):
    recipe, pool = RECIPES[name](**USES[name]), Serialising()
    log = ratings if name == "biased_mf" else split.train
    query = Query.of(log)
    plain, copied = (
        recipe.fit(TrainingData(log), Options(pool=one)).scores(query) for one in (Serial(), pool)
    )
    assert pool.calls > 0
    assert plain.any()
    np.testing.assert_array_equal(plain, copied)


def test_no_other_recipe_uses_a_pool(split):
    """A recipe that begins to must be added to `USES`."""
    quick = ("popularity", "random", "user_knn", "ease", "gf_cf", "markov", "recency", "bpr")
    for name in quick:
        pool = Serialising()
        RECIPES[name]().fit(split.train, Options(pool=pool))
        assert not pool.calls, name


def test_lists_are_the_same_where_work_is_copied(split):
    for name in ("ease", "als"):  # scored whole, and searched
        model, pool = RECIPES[name]().fit(split.train), Serialising()
        query = Query.of(split.train)
        plain, copied = (recommend(model, query, 10, pool=one) for one in (Serial(), pool))
        assert pool.calls > 0
        np.testing.assert_array_equal(plain.item, copied.item)
        np.testing.assert_array_equal(plain.score, copied.score)


def test_a_blend_is_the_same_where_work_is_copied(split):
    members = [RECIPES[name]().fit(split.train) for name in ("ease", "popularity")]
    query, pool = Query.of(split.train), Serialising()
    plain, copied = (learn_blend(members, query, split.valid, pool=one) for one in (Serial(), pool))
    assert pool.calls > 0
    np.testing.assert_array_equal(plain.weights, copied.weights)


def test_an_evaluation_is_the_same_where_work_is_copied(split):
    model, pool = RECIPES["ease"]().fit(split.train), Serialising()
    plain, copied = (
        evaluate_model(model, split, ["ndcg@10"], pool=one) for one in (Serial(), pool)
    )
    assert pool.calls > 0
    assert plain.per_user.equals(copied.per_user)
