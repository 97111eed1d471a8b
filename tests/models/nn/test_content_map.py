"""New items get the vector that the trained network gives an item without events."""

import numpy as np
import pytest

pytest.importorskip("torch")

from recweave.data.interactions import Interactions
from recweave.encode import Feature
from recweave.models import Query, load_model, save_model
from recweave.models.graph.lightgcn import LightGCN
from recweave.models.graph.pfr import PFR
from recweave.models.sequence.gru4rec import GRU4Rec
from recweave.models.sequence.sasrec import SASRec
from recweave.models.training import TrainingData
from recweave.models.unified.recipe import Unified

ITEMS, COLD, BLANK = 12, 11, 10
"""The last item has no event, the one before has neither event nor content."""
SMALL = {"dim": 8, "epochs": 2, "batch": 64, "lr": 0.01}
FEATURES = {"features": ("text", "kind")}

RECIPES = [
    SASRec(represent="text", **FEATURES, **SMALL),
    SASRec(represent="both", temperature=0.1, **FEATURES, **SMALL),
    GRU4Rec(represent="both", **FEATURES, **SMALL),
    Unified(represent="both", heads=1, numbers=("kind",), **FEATURES, **SMALL),
    Unified(represent="text", heads=1, graph=0, **FEATURES, **SMALL),
    LightGCN(**FEATURES, **SMALL),
    LightGCN(temperature=0.2, **FEATURES, **SMALL),
    *(PFR(join=join, **FEATURES, **SMALL) for join in ("sum", "concat", "text", "align")),
]


@pytest.fixture
def data():
    """60 users with walks over ten of twelve items."""
    rng = np.random.default_rng(0)
    item = rng.integers(0, BLANK, (60, 8))
    log = Interactions.of(np.repeat(np.arange(60), 8), item.ravel(), shape=(60, ITEMS))
    return TrainingData(log, features=features(np.arange(ITEMS)))


def features(rows):
    rng = np.random.default_rng(1)
    result = {}
    for name, dim in (("text", 5), ("kind", 3)):
        vectors = 1 + rng.standard_normal((ITEMS, dim)).astype(np.float32)
        vectors[BLANK] = 0
        result[name] = Feature(vectors[rows], vectors[rows].any(axis=1), "made/1", "made")
    return result


def network(model):
    return model.members[0] if hasattr(model, "members") else model


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: type(recipe).__name__)
def test_a_new_item_gets_the_vector_of_an_equal_item_without_events(recipe, data):
    model = network(recipe.fit(data))
    grown = model.with_items(features([COLD, BLANK]), 2)
    assert np.linalg.norm(model.item[COLD]) > 0.01
    np.testing.assert_allclose(grown.item[ITEMS:], model.item[[COLD, BLANK]], atol=1e-5)
    np.testing.assert_array_equal(grown.item[:ITEMS], model.item)
    assert len(model.item) == ITEMS


def test_the_unified_network_has_the_numbers_and_the_content_share_of_a_new_item(data):
    model = network(RECIPES[3].fit(data))
    grown = model.with_items(features([COLD, BLANK]), 2)
    np.testing.assert_array_equal(grown.numbers[ITEMS:], model.numbers[[COLD, BLANK]])
    np.testing.assert_array_equal(grown.share[ITEMS:], model.share[[COLD, BLANK]])


def test_a_new_item_in_a_history_counts_as_an_equal_item_of_training_does(data):
    model = RECIPES[0].fit(data)
    grown = model.with_items(features([COLD]), 1)
    scores = [
        grown.scores(Query.of(Interactions.of([0, 0], [3, item], shape=(1, ITEMS + 1))))
        for item in (COLD, ITEMS)
    ]
    assert np.abs(scores[0]).max() > 0
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-5)


@pytest.mark.parametrize("recipe", [RECIPES[1], RECIPES[3], RECIPES[5]])
def test_a_loaded_network_still_adds_items(recipe, data, tmp_path):
    model = recipe.fit(data)
    save_model(model, tmp_path / "m")
    loaded, _ = load_model(tmp_path / "m")
    query = Query.of(Interactions.of([0, 0], [3, ITEMS], shape=(1, ITEMS + 1)))
    scores = [each.with_items(features([COLD]), 1).scores(query) for each in (model, loaded)]
    np.testing.assert_array_equal(scores[1], scores[0])


@pytest.mark.parametrize("recipe", [SASRec(**SMALL), LightGCN(**SMALL), Unified(heads=1, **SMALL)])
def test_networks_without_content_cannot_add_items(recipe, data):
    assert recipe.fit(data).with_items(features([COLD]), 1) is None
