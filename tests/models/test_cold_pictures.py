"""Cold items found by their pictures, their text and both: planted answers, real encoders."""

import numpy as np
import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.features import FeatureContext
from recweave.features.images import ItemImages
from recweave.features.text import ItemText
from recweave.models import Query
from recweave.models.factors.ease import EASE
from recweave.models.factors.slit import SLIT
from recweave.models.training import TrainingData

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("skimage")

ITEMS, USERS, COLD = 80, 120, 8
PAINTS = ((200, 30, 30), (30, 60, 180))
TOPICS = ("hiking boots mountain trail", "dinner plate kitchen spoon")
RECIPES = [EASE, SLIT]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Red and blue things for hiking and for dinner. Each user wants one colour and one topic.

    The last eight items, two of each kind, are never bought.
    """
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    item = np.arange(ITEMS)
    colour, topic = item % 2, item // 2 % 2
    for row in item:
        paint = np.add(PAINTS[colour[row]], rng.integers(-8, 9, 3))
        picture = Image.new("RGB", (40, 40), (245, 245, 245))
        picture.paste(tuple(paint.tolist()), (9, 9, 31, 31))
        picture.save(folder / f"{row:03}.png")
    words = [TOPICS[t].split() for t in topic]
    items = pl.DataFrame(
        {
            "item_id": [f"{row:03}" for row in item],
            "title": [" ".join(rng.permutation(one)[:3]) for one in words],
            "images": [[str(folder / f"{row:03}.png")] for row in item],
        }
    )
    wants = rng.integers(0, 4, USERS)
    bought = []
    for user in range(USERS):
        kind = np.flatnonzero(colour[:-COLD] + 2 * topic[:-COLD] == wants[user])
        bought += [(f"u{user:03}", f"{row:03}") for row in rng.choice(kind, 8, replace=False)]
    events = pl.DataFrame(bought, schema=["user_id", "item_id"], orient="row")
    events = events.with_columns(behavior=pl.lit("purchase"), time=pl.int_range(pl.len()))
    return Dataset("planted", events=events, items=items, numbering="table"), wants


@pytest.fixture(scope="module")
def made(shop, tmp_path_factory):
    """The features, and the same pictures without those of cold items."""
    dataset = shop[0]
    seen = pl.when(pl.int_range(pl.len()) < ITEMS - COLD).then("images")
    blind = dataset.replace(items=dataset.items.with_columns(images=seen))
    context, less = (FeatureContext(one, one.whole()) for one in (dataset, blind))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECWEAVE_HOME", str(tmp_path_factory.mktemp("home")))
        return {
            "pictures": ItemImages(encoder="colour").build(context),
            "text": ItemText(fields=("title",), encoder="tfidf").build(context),
            "fewer": ItemImages(encoder="colour").build(less),
        }


def shares_found(model, shop):
    """The shares of cold items, best four for each user, of the right colour and of both right."""
    dataset, wants = shop
    scores = model.scores(Query.of(dataset.interactions()))[:, -COLD:]
    order = np.argsort(-scores, axis=1, kind="stable")
    item = np.arange(ITEMS)[-COLD:]
    colour, kind = item % 2, item % 2 + 2 * (item // 2 % 2)
    wanted = wants[np.unique(dataset.interactions().user)]
    right_colour = (colour[order[:, :4]] == wanted[:, None] % 2).mean()
    return float(right_colour), float((kind[order[:, :2]] == wanted[:, None]).mean())


def fitted(recipe, shop, made, *names):
    log = shop[0].interactions()
    return recipe(features=names).fit(TrainingData(log, features=made))


@pytest.mark.parametrize("recipe", RECIPES)
def test_pictures_alone_find_cold_items_of_the_right_look(recipe, shop, made):
    look, both = shares_found(fitted(recipe, shop, made, "pictures"), shop)
    assert look > 0.98
    assert both < 0.7  # pictures do not show the topic


@pytest.mark.parametrize("recipe", RECIPES)
def test_pictures_and_text_together_find_what_neither_finds_alone(recipe, shop, made):
    names = ("pictures", "text")
    alone = [shares_found(fitted(recipe, shop, made, name), shop)[1] for name in names]
    assert shares_found(fitted(recipe, shop, made, *names), shop)[1] > 0.8
    assert max(alone) < 0.6


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_item_without_a_picture_is_placed_by_its_text(recipe, shop, made):
    assert not made["fewer"].present[-COLD:].any()
    model = fitted(recipe, shop, made, "fewer", "text")
    scores = model.scores(Query.of(shop[0].interactions()))[:, -COLD:]
    topic = np.arange(ITEMS)[-COLD:] // 2 % 2
    right = topic[np.argsort(-scores, axis=1, kind="stable")[:, :4]] == shop[1][:, None] // 2
    assert right.mean() > 0.98


def test_the_unified_network_places_cold_items_by_pictures_and_text(shop, made):
    pytest.importorskip("torch")
    from recweave.models.unified.recipe import Unified

    log = shop[0].interactions()
    recipe = Unified(features=("pictures", "text"), dim=32, epochs=20)
    look, both = shares_found(recipe.fit(TrainingData(log, features=made)), shop)
    assert look > 0.95
    assert both > 0.95
