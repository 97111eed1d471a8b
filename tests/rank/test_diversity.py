from importlib import import_module

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature
from recweave.models import Query
from recweave.rank import Ranking
from recweave.rank.diversity import MMR
from recweave.rank.stages import StageContext, read_stage


def by_hand(item, score, vectors, trade, k):
    """MMR of one list, word for word."""
    there = [i for i in item if i >= 0]
    worth = {i: s for i, s in zip(item, score, strict=True) if i >= 0}
    low, high = min(worth.values()), max(worth.values())
    scaled = {i: (s - low) / (high - low) for i, s in worth.items()}
    taken = []
    while there and len(taken) < k:
        best, best_value = None, -np.inf
        for i in there:
            nearest = max((float(vectors[i] @ vectors[j]) for j in taken), default=0.0)
            value = trade * scaled[i] - (1 - trade) * nearest
            if value > best_value:
                best, best_value = i, value
        taken.append(best)
        there.remove(best)
    return taken + [-1] * (k - len(taken))


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def crowd():
    """60 lists of up to 12 of 40 items, and the items' vectors in four dimensions."""
    rng = np.random.default_rng(5)
    item = np.array([rng.permutation(40)[:12] for _ in range(60)], np.int32)
    score = -np.sort(-rng.standard_normal((60, 12)).astype(np.float32), axis=1)
    short = np.arange(12) >= rng.integers(2, 13, 60)[:, None]
    item[short], score[short] = -1, -np.inf
    query = Query.of(Interactions.of([], [], shape=(60, 40)))
    return Ranking(query, item, score), unit(rng.standard_normal((40, 4)))


@pytest.mark.parametrize("trade", [0.0, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("k", [1, 5, 12])
def test_greedy_as_written_in_the_paper(crowd, trade, k, monkeypatch):
    ranking, vectors = crowd
    monkeypatch.setattr(import_module("recweave.rank.diversity"), "BLOCK_BYTES", 7 * 4 * 12 * 4)
    found = MMR(vectors, trade, k)(ranking)
    rows = zip(ranking.item.tolist(), ranking.score.astype(float).tolist(), strict=True)
    assert found.item.tolist() == [by_hand(*row, vectors, trade, k) for row in rows]


def test_without_a_length_every_item_stays(crowd):
    ranking, vectors = crowd
    found = MMR(vectors, 0.2)(ranking)
    np.testing.assert_array_equal(np.sort(found.item), np.sort(ranking.item))


def test_a_twin_gives_way_to_what_is_different(staged, ranked, ids):
    """Sencha and Matcha share both categories; the mug shares none with either."""
    before = ranked(["sencha", "matcha", "mug", "lid"], scores=[[10, 9, 8, 0]])
    after = staged(kind="mmr", trade=0.6)(before)
    assert ids(after) == [["sencha", "mug", "matcha", "lid"]]
    # .6 · 1; .6 · .8 - .4 · 0; .6 · .9 - .4 · 1; .6 · 0 - .4 · 0
    np.testing.assert_allclose(after.score, [[0.6, 0.48, 0.14, 0]], atol=1e-6)
    assert ids(staged(kind="mmr", trade=0.95)(before)) == ids(before)
    assert ids(staged(kind="mmr", trade=0.6, k=2)(before)) == [["sencha", "mug"]]


def test_features_say_what_is_alike_whatever_their_length(shop, train, ranked, ids):
    vectors = np.zeros((8, 2), np.float32)
    vectors[:4] = [[5, 0], [0, 3], [7, 0], [0, 9]]  # sencha, matcha, assam, earl
    features = {"taste": Feature(vectors, vectors.any(axis=1), "test", "test")}
    recipe = read_stage({"kind": "mmr", "trade": 0.5, "feature": "taste"})
    after = recipe.fit(StageContext(shop, train, features=features))(
        ranked(["sencha", "assam", "matcha", "earl"])
    )
    assert ids(after) == [["sencha", "matcha", "assam", "earl"]]


def test_a_missing_feature_is_named(shop, train):
    features = {"text": Feature(np.ones((8, 2), np.float32), np.ones(8, bool), "test", "test")}
    with pytest.raises(BadSetting, match=r"no feature is called 'txt', only categories, text"):
        read_stage({"kind": "mmr", "feature": "txt"}).fit(
            StageContext(shop, train, features=features)
        )
    bare = shop.replace(items=shop.items.drop("categories"))
    with pytest.raises(BadSetting, match=r"no item has categories; name another feature"):
        read_stage({"kind": "mmr"}).fit(StageContext(bare, train))
