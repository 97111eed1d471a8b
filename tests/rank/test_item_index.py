"""The search by dot product against the plain way: all scores, sorted."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.models import DotProduct, Query
from recweave.models.kinds import Factors
from recweave.rank import item_index, recommend
from recweave.rank.item_index import ItemIndex

NOTHING = (np.empty(0, np.int64), np.empty(0, np.int32))


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(item_index, "TILE", 8)


def by_sorting(user, item, k, hidden=NOTHING, allow=None):
    scores = user @ item.T
    scores[hidden] = -np.inf
    if allow is not None:
        scores[:, ~allow] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(scores, order, axis=1)
    return np.where(np.isneginf(best), -1, order), best


# Small whole numbers: products are exact in any order, and ties are everywhere.
vectors = st.integers(1, 60).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=n, max_size=n
    ).map(lambda rows: np.array(rows, np.float32))
)


@given(
    user=vectors, item=vectors, k=st.integers(1, 12), seed=st.integers(0, 9), shown=st.booleans()
)
def test_the_lists_are_those_of_all_scores_sorted(user, item, k, seed, shown):
    rng = np.random.default_rng(seed)
    n = rng.integers(0, user.shape[0] * len(item) + 1)
    hidden = rng.integers(0, len(user), n), rng.integers(0, len(item), n).astype(np.int32)
    allow = None if shown else rng.random(len(item)) < 0.7
    k = min(k, len(item))
    found, score = ItemIndex.of(item, allow).best(user, hidden, k)
    expected, best = by_sorting(user, item, k, hidden, allow)
    assert np.array_equal(found, expected)
    assert np.array_equal(score, best)


def test_short_vectors_are_not_multiplied(monkeypatch):
    rng = np.random.default_rng(0)
    item = (
        rng.random((800, 4), dtype=np.float32) * np.logspace(0, -6, 800, dtype=np.float32)[:, None]
    )
    user = rng.random((5, 4), dtype=np.float32)
    scored = []
    real = item_index._reaching
    monkeypatch.setattr(
        item_index, "_reaching", lambda s, *more: scored.append(s.size) or real(s, *more)
    )
    found, _ = ItemIndex.of(item).best(user, NOTHING, 3)
    assert np.array_equal(found, by_sorting(user, item, 3)[0])
    assert sum(scored) < 0.2 * 5 * 800


@pytest.mark.parametrize("where", ["user", "item"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(where, bad):
    given = {"user": np.ones((2, 2), np.float32), "item": np.ones((30, 2), np.float32)}
    given[where][1, 1] = bad
    with pytest.raises(BadSetting, match="smaller lr"):
        ItemIndex.of(given["item"]).best(given["user"], NOTHING, 2)


def test_an_index_with_nothing_to_show_gives_empty_lists():
    index = ItemIndex.of(np.ones((9, 2), np.float32), np.zeros(9, bool))
    found, score = index.best(np.ones((2, 2), np.float32), NOTHING, 3)
    assert (found == -1).all()
    assert np.isneginf(score).all()


def test_recommend_gives_the_same_lists_with_and_without_the_search(monkeypatch):
    module = import_module("recweave.rank.recommend")
    monkeypatch.setattr(module, "SEARCH_FROM", 1)
    rng = np.random.default_rng(1)
    model = Factors(
        rng.integers(-3, 4, (50, 3)).astype(np.float32),
        rng.integers(-3, 4, (90, 3)).astype(np.float32),
    )
    log = Interactions.of(rng.integers(0, 50, 400), rng.integers(0, 90, 400), shape=(50, 90))
    allow = rng.random(90) < 0.8
    query = Query.of(log)
    assert isinstance(model, DotProduct)
    searched = recommend(model, query, 10, allow=allow, hide=log[:100])
    everybody = np.ones((50, 90), bool)  # candidates take the plain way
    plain = recommend(model, query, 10, allow=allow, hide=log[:100], candidates=everybody)
    assert np.array_equal(searched.item, plain.item)
    assert np.array_equal(searched.score, plain.score)


def test_an_index_of_other_items_than_those_allowed_is_refused(monkeypatch):
    """Item 2 is the best; an index that holds it would show it to everybody."""
    monkeypatch.setattr(import_module("recweave.rank.recommend"), "SEARCH_FROM", 1)
    item = np.array([[1], [2], [9], [3]], np.float32)
    model = Factors(np.ones((2, 1), np.float32), item)
    query = Query.of(Interactions.of([], [], shape=(2, 4)))
    allow = np.array([True, True, False, True])
    partial, everything = ItemIndex.of(item, allow), ItemIndex.of(item)
    assert recommend(model, query, 2, allow=allow, index=partial).item.tolist() == [[3, 1]] * 2
    assert recommend(model, query, 2, index=everything).item.tolist() == [[2, 3]] * 2
    for index, mask in ((everything, allow), (partial, None), (partial, ~allow)):
        with pytest.raises(BadSetting, match="the index holds other items"):
            recommend(model, query, 2, allow=mask, index=index)
    with pytest.raises(BadSetting, match="4 of 4, and 3 of 3"):
        ItemIndex.of(item).require_items(3, None)
