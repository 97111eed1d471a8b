"""Text retrieval from vectors of behaviour: planted texts are found, permuted ones are not."""

import numpy as np
import polars as pl
import pytest

from recweave.chat.item_text import describe_item, nearest_items
from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode import Feature
from recweave.evaluate.text_map import (
    TextMap,
    Texts,
    learned_vectors,
    split_items,
    svd_vectors,
)
from recweave.evaluate.text_retrieval import evaluate_text_retrieval
from recweave.models.factors.als import ALS
from recweave.models.popularity import Popularity
from recweave.models.training import TrainingData


def planted(items=400, seed=0):
    """Texts are a fixed turn of the vectors' directions, with a little noise and a common part."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((items, 8), dtype=np.float32)
    turn = rng.standard_normal((8, 12), dtype=np.float32)
    direction = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    text = direction @ turn + 0.05 * rng.standard_normal((items, 12), dtype=np.float32) + 3
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    return vectors, Feature(text, np.ones(items, bool), "made", "up")


def test_texts_that_follow_from_the_vectors_are_found_and_permuted_ones_are_not():
    vectors, text = planted()
    permuted = vectors[np.random.default_rng(1).permutation(len(vectors))]
    result = evaluate_text_retrieval({"true": vectors, "permuted": permuted}, text, "permuted")
    assert result.texts == 400
    assert result.results["true"].values["recall@10"].mean > 0.9
    assert result.results["true"].gains["mrr"].low > 0.5
    by_chance = result.results["permuted"].values["mrr"]
    assert by_chance.low < result.chance["mrr"] * 1.5 and by_chance.mean < 0.05
    assert result.chance["recall@10"] == pytest.approx(10 / 400)


def test_the_map_is_ridge_regression_of_centred_directions():
    vectors, text = planted(60)
    texts = Texts.of_feature(text)
    rows = np.arange(50)
    made = TextMap.fit(vectors, texts, rows, np.arange(50, 60), penalties=(0.5,))
    x = vectors[rows] / np.linalg.norm(vectors[rows], axis=1, keepdims=True)
    x = (x - x.mean(0)).astype(float)
    y = text.vectors[rows] - text.vectors[rows].mean(0)
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    penalty = 0.5 * np.trace(x.T @ x) / 8
    expected = np.linalg.solve(x.T @ x + penalty * np.eye(8), x.T @ y)
    np.testing.assert_allclose(made.weight, expected, atol=1e-5)
    first = made.nearest(vectors[50:], texts, 5)
    ranks = made.ranks(vectors, texts, np.arange(50, 60))
    np.testing.assert_array_equal(first[:, 0] == np.arange(50, 60), ranks == 1)


def test_a_vector_without_information_ranks_last_not_first():
    vectors, text = planted(60)
    texts = Texts.of_feature(text)
    made = TextMap.fit(vectors, texts, np.arange(50), np.arange(50, 60))
    constant = TextMap(made.shift, np.zeros_like(made.weight), made.centre, 1.0)
    assert (constant.ranks(vectors, texts, np.arange(5)) == 60).all()


def test_items_of_one_text_stay_together_and_those_without_vector_or_text_are_out():
    vectors, text = planted(90)
    same = text.vectors[np.arange(90) // 3]
    text = Feature(same, np.arange(90) != 7, "made", "up")
    vectors[20] = 0
    texts = Texts.of_feature(text)
    assert len(texts) == 30 and texts.of[7] == -1
    parts = split_items(vectors, texts, valid=0.2, test=0.3, seed=0)
    kinds = [set(texts.of[part].tolist()) for part in parts]
    assert not (kinds[0] & kinds[1] or kinds[0] & kinds[2] or kinds[1] & kinds[2])
    assert sorted(np.concatenate(parts)) == [i for i in range(90) if i not in (7, 20)]


def test_a_network_trained_with_the_texts_is_refused(two_tastes):
    pytest.importorskip("torch")
    from recweave.models.unified.recipe import Unified

    text = {"text": Feature(np.eye(40, dtype=np.float32), np.ones(40, bool), "made", "up")}
    small = {"dim": 8, "epochs": 1, "negatives": 8, "heads": 2}
    read = Unified(features=("text",), **small).fit(TrainingData(two_tastes, features=text))
    with pytest.raises(BadSetting, match=r"features text, .* circular"):
        learned_vectors(read)
    plain = Unified(represent="id", **small).fit(two_tastes)
    assert learned_vectors(plain).shape == (40, 8)
    with_graph = Unified(represent="id", features=("text",), graph=1, **small)
    with pytest.raises(BadSetting, match="circular"):
        learned_vectors(with_graph.fit(TrainingData(two_tastes, features=text)))
    unread = Unified(represent="id", features=("text",), graph=0, **small)
    assert learned_vectors(unread.fit(TrainingData(two_tastes, features=text))).shape == (40, 8)


def test_a_model_without_its_recipe_is_refused(two_tastes):
    with pytest.raises(BadSetting, match="no vectors"):
        learned_vectors(Popularity().fit(two_tastes))
    pytest.importorskip("implicit")
    model = ALS(dim=4).fit(two_tastes)
    with pytest.raises(BadSetting, match="recipe="):
        learned_vectors(model)
    assert learned_vectors(model, ALS(dim=4)).shape == (40, 4)


def test_svd_puts_items_of_one_taste_together(two_tastes):
    vectors = svd_vectors(two_tastes, 2)
    assert set(nearest_items(vectors, 0, 10) % 2) == {0}
    np.testing.assert_array_equal(vectors, svd_vectors(two_tastes, 2))
    with pytest.raises(BadSetting, match="must be less"):
        svd_vectors(two_tastes, 40)


ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c", "d"],
        "title": ["Green  tea\n", "Mug", None, "Pot"],
        "brand": ["Uji", None, None, None],
        "price": [12.5, None, None, None],
        "categories": [["Tea", "Green"], [], None, []],
    }
)
LOG = Interactions.of(
    [0, 0, 1, 1, 1, 2],
    [0, 1, 0, 1, 1, 0],
    behavior=["purchase", "view", "purchase", "view", "view", "view"],
    shape=(3, 4),
)


def test_a_description_says_what_is_known_and_no_more():
    shop = Dataset("tea", items=ITEMS, numbering="table")
    vectors = np.array([[1, 0], [0.5, 1], [1, 0.1], [0, 0]], np.float32)
    assert describe_item(shop, LOG, 0, vectors) == (
        "Green tea, by Uji, in Tea > Green, for 12.50. 1 person viewed it and 2 people bought it. "
        "Of 3 people who had to do with it, 2 also with Mug. "
        "People's behaviour puts it next to c and Mug."
    )
    assert describe_item(shop, LOG, 2, vectors).startswith(
        "c. Nobody had to do with it yet. People's"
    )
    assert describe_item(shop, LOG, 3, vectors) == "Pot. Nobody had to do with it yet."
