"""The same recipe gives the same numbers with one thread and with two (docs/models.md)."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import made_impressions
import numpy as np
import pytest
import tiny_llama
from threadpoolctl import threadpool_limits

from recweave.core.errors import MissingExtra
from recweave.data.interactions import Interactions
from recweave.encode import Feature
from recweave.models import RECIPES, Query
from recweave.models.nn.settings import NetworkRecipe
from recweave.models.training import Options, TrainingData

EXACT = {
    "popularity",
    "random",
    "item_knn",
    "user_knn",
    "item_cf",
    "user_cf",
    "markov",
    "recency",
}
"""The same bits; in the others a BLAS, LAPACK or torch may split sums or blocks by threads."""

USERS, ITEMS, EVENTS = 800, 500, 12_000
SHOWN = np.arange(100)
"""Events that an impression is made of."""


@contextmanager
def threads(count: int) -> Iterator[None]:
    """BLAS, OpenMP and torch with so many threads."""
    with threadpool_limits(count):
        if find_spec("torch") is None:
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@pytest.fixture(scope="module")
def log():
    """Large enough that libraries use a second thread if they are allowed to."""
    rng = np.random.default_rng(0)
    user = np.minimum(USERS - 1, (rng.pareto(1.2, EVENTS) * USERS / 10).astype(int))
    item = np.minimum(ITEMS - 1, (rng.pareto(1.0, EVENTS) * ITEMS / 20).astype(int))
    value, time = rng.integers(1, 6, EVENTS), rng.integers(0, 10_000_000, EVENTS)
    return Interactions.of(user, item, value, time, shape=(USERS, ITEMS))


def text():
    vectors = np.random.default_rng(5).standard_normal((ITEMS, 64), dtype=np.float32)
    return {"text": Feature(vectors, np.ones(ITEMS, bool), "made/1", "random")}


def scores(name, log, count):
    recipe = RECIPES[name]()
    if isinstance(recipe, NetworkRecipe):
        recipe = recipe.model_copy(update={"epochs": 1})
    query = Query.of(log).rows(np.arange(50))
    with threads(count):
        try:
            shown = made_impressions.of_log(log[SHOWN])
            data = TrainingData(log, features=text(), positive_from=4.0, impressions=shown)
            return tiny_llama.small(recipe).fit(data, Options(seed=3)).scores(query)
        except MissingExtra as error:
            pytest.skip(str(error))


@pytest.mark.processor
@pytest.mark.parametrize("name", RECIPES)
def test_one_and_two_threads_give_the_same_scores(name, log):
    one, two = (scores(name, log, count) for count in (1, 2))
    if name in EXACT:
        np.testing.assert_array_equal(one, two)
    else:
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4 * np.abs(two).max())
