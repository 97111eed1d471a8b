"""Planted tastes are found again in what people do, and nowhere in what the catalogue says."""

import json

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadInput, BadSetting
from recweave.data.dataset import Dataset
from recweave.data.interactions import behavior_code
from recweave.data.synthetic import PhotoShop, make_photo_shop
from recweave.data.synthetic.photo_shop import data_card
from recweave.data.synthetic.photo_truth import PhotoTruth
from recweave.data.synthetic.visible import COLOURS, PATTERNS

ITEMS = 400
SMALL = PhotoShop(users=500, views=12_000)
PAINTS = ("Black", "Navy Blue", "Red", "White", "Green", "Pink", "Brown", "Multi")


def clothes(items=ITEMS):
    """A made-up catalogue in the form of fashion-photos."""
    rng = np.random.default_rng(5)
    colour = rng.choice(PAINTS, items)
    gender = rng.choice(["Men", "Women", "Unisex"], items, p=[0.45, 0.45, 0.1])
    kind = rng.choice(["Shirts", "Jeans", "Watches", "Shoes", "Bags", "Belts"], items)
    look = rng.choice(["", "Striped ", "Printed "], items)
    aisle = np.where(np.isin(kind, ["Shirts", "Jeans"]), "Apparel", "Accessories")
    words = zip(gender, look, colour, kind, strict=True)
    return Dataset(
        "clothes",
        items=pl.DataFrame(
            {
                "item_id": [str(10_000 + row) for row in range(items)],
                "title": [f"Acme {g} {p}{c} {k}" for g, p, c, k in words],
                "categories": [[a, str(k)] for a, k in zip(aisle.tolist(), kind, strict=True)],
                "images": [[f"photos.zip!/{10_000 + row}.jpg"] for row in range(items)],
                "gender": gender,
                "baseColour": colour,
            }
        ),
        source="made up",
        licence="CC0",
    )


@pytest.fixture(scope="module")
def shop():
    return make_photo_shop(clothes(), SMALL)


@pytest.fixture(scope="module")
def blind():
    return make_photo_shop(clothes(), SMALL.model_copy(update={"look": 0.0}))


def shares(shop, chosen, marks):
    """The share of purchases whose item has what is marked of its user."""
    dataset, truth = shop
    log = dataset.interactions()
    rows = (log.behavior == behavior_code("purchase")) & ~truth.noise
    return float((marks(truth)[log.user[rows]] == chosen(truth)[log.item[rows], None]).mean())


def colour(truth):
    return truth.item_colour


def test_the_same_seed_gives_the_same_shop(shop):
    assert make_photo_shop(clothes(), SMALL)[0].fingerprint == shop[0].fingerprint
    assert make_photo_shop(clothes(), SMALL, seed=1)[0].fingerprint != shop[0].fingerprint


def test_the_order_of_the_catalogue_does_not_matter(shop):
    catalogue = clothes()
    turned = catalogue.replace(items=catalogue.items.reverse())
    again, truth = make_photo_shop(turned, SMALL)
    assert again.events.equals(shop[0].events)
    np.testing.assert_array_equal(truth.item_colour, shop[1].item_colour)


def test_rows_of_the_truth_are_those_of_the_dataset(shop):
    dataset, truth = shop
    assert dataset.item_ids.ids.to_list() == truth.item_ids.to_list()
    assert dataset.user_ids.ids.to_list() == truth.user_ids.to_list()
    label = dict(clothes().items.select("item_id", "baseColour").iter_rows())
    group = {"Navy Blue": "blue", "Multi": None}
    named = [group.get(label[id], label[id].lower()) for id in truth.item_ids]
    assert truth.items["colour"].to_list() == named


def test_people_buy_the_colours_they_like_and_not_those_they_dislike(shop, blind):
    liked = [shares(one, colour, lambda t: t.liked_colours) for one in (shop, blind)]
    disliked = [shares(one, colour, lambda t: t.disliked_colours) for one in (shop, blind)]
    assert liked[0] > 1.8 * liked[1]
    assert disliked[0] < 0.4 * disliked[1]


def test_without_tastes_for_looks_colours_are_bought_as_they_come(blind):
    _, truth = blind
    by_chance = (truth.liked_colours[:, :, None] == truth.item_colour).any(axis=1).mean()
    assert shares(blind, colour, lambda t: t.liked_colours) * 2 == pytest.approx(by_chance, abs=0.1)


def test_people_buy_types_they_like_and_hardly_anything_made_for_others(shop):
    dataset, truth = shop
    log = dataset.interactions()
    rows = (log.behavior == behavior_code("purchase")) & ~truth.noise
    user, item = log.user[rows], log.item[rows]
    places = np.array(truth.departments)
    gender = dict(dataset.items.select("item_id", "gender").iter_rows())
    made_for = np.array([gender[id] for id in truth.item_ids])[item]
    suits = (made_for == "Unisex") | (made_for == places[truth.user_department[user]])
    assert suits.mean() > 0.97
    category = dict(dataset.items.select("item_id", pl.col("categories").list.last()).iter_rows())
    kind = np.array([truth.types.index(category[id]) for id in truth.item_ids])[item]
    assert (truth.liked_types[user] == kind[:, None]).any(axis=1).mean() > 0.75  # half by chance


def test_those_who_mind_prices_buy_what_is_cheap(shop):
    dataset, truth = shop
    log = dataset.interactions()
    rows = (log.behavior == behavior_code("purchase")) & ~truth.noise
    minds = truth.tastes.sensitivity[log.user[rows]]
    dear = truth.tastes.dearness[log.item[rows]]
    assert dear[minds > 0.7].mean() < dear[minds < 0.3].mean() - 0.2


def test_an_eighth_of_the_purchases_is_regretted(shop):
    dataset, truth = shop
    log = dataset.interactions()
    share = truth.noise[log.behavior == behavior_code("purchase")].mean()
    assert share == pytest.approx(SMALL.noise * SMALL.behaviour(ITEMS).regret, abs=0.002)


def test_ratings_are_low_where_the_look_is_disliked(shop):
    dataset, truth = shop
    log = dataset.interactions()
    rated = log.behavior == behavior_code("rating")
    user, item, stars = log.user[rated], log.item[rated], log.value[rated]
    seen = truth.item_colour[item, None]
    liked = (truth.liked_colours[user] == seen).any(axis=1)
    disliked = (truth.disliked_colours[user] == seen).any(axis=1)
    assert stars[liked].mean() > stars[disliked].mean() + 1
    assert (stars[disliked] <= 2).mean() > 0.3


def test_neither_catalogue_nor_users_nor_reviews_name_a_look(shop):
    dataset, _ = shop
    names = {word for group in [*COLOURS.values(), *PATTERNS.values()] for word in group}
    said = pl.concat([dataset.items["title"], dataset.reviews["text"]]).str.to_lowercase()
    words = set(said.str.extract_all(r"\w+").explode())
    assert not names & words
    assert "baseColour" not in dataset.items.columns
    assert dataset.users.columns == ["user_id"]


def test_a_shop_that_names_looks_keeps_the_catalogue_as_it_was():
    named, _ = make_photo_shop(clothes(), SMALL.model_copy(update={"named": True}))
    there = named.items.sort("item_id")
    assert there["title"].to_list() == clothes().items["title"].to_list()
    assert there["baseColour"].to_list() == clothes().items["baseColour"].to_list()


def test_pictures_titles_and_types_are_those_of_the_catalogue(shop):
    there = shop[0].items.sort("item_id")
    for column in ("images", "categories", "gender"):
        assert there[column].to_list() == clothes().items[column].to_list()
    assert there["title"][0].startswith("Acme ")


def test_reviews_say_that_a_look_is_liked_only_where_it_is(shop, blind):
    dataset, truth = shop
    log = dataset.interactions()
    rated = log.behavior == behavior_code("rating")
    user, item = log.user[rated], log.item[rated]
    liked = (truth.liked_colours[user] == truth.item_colour[item, None]).any(axis=1)
    praised = dataset.reviews["text"].str.contains("looks wonderful|just what I like").to_numpy()
    assert praised[liked].mean() == pytest.approx(0.5, abs=0.05)
    assert not praised[~liked].any()
    assert not blind[0].reviews["text"].str.contains(r"\blooks?\b").any()


def test_the_truth_is_written_in_words(shop, tmp_path):
    _, truth = shop
    truth.save(tmp_path / "truth")
    users = pl.read_parquet(tmp_path / "truth" / "users.parquet")
    assert users["user_id"].to_list() == truth.user_ids.to_list()
    first = users.row(0, named=True)
    assert first["likes_colours"] == [list(COLOURS)[c] for c in truth.liked_colours[0]]
    assert not set(first["likes_colours"]) & set(first["dislikes_colours"])
    assert first["likes_pattern"] != first["dislikes_pattern"]
    settings = json.loads((tmp_path / "truth" / "settings.json").read_text())
    assert settings == {"seed": 0, **SMALL.model_dump()}


def test_the_truth_without_tastes_for_looks_lists_none(blind):
    assert blind[1].users.columns == ["user_id", "department", "likes_types", "minds_prices"]


def test_the_best_ranking_puts_what_was_bought_far_ahead(shop):
    dataset, truth = shop
    assert isinstance(truth, PhotoTruth)
    log = dataset.interactions()
    rows = np.flatnonzero((log.behavior == behavior_code("purchase")) & ~truth.noise)[:500]
    liking = truth.liking(log.user[rows])
    bought = liking[np.arange(len(rows)), log.item[rows]]
    assert (liking < bought[:, None]).mean() > 0.9


def test_the_data_card_says_what_is_simulated(shop, blind):
    assert "photographs are real; SIMULATED are users" in shop[0].source
    assert "tastes for colours and patterns of strength 1 (500 users" in shop[0].source
    assert "no tastes for looks" in blind[0].source
    assert data_card(SMALL, 3).endswith("seed 3)")


def test_bad_settings_and_catalogues_are_refused():
    with pytest.raises(BadSetting, match="fewer than two"):
        PhotoShop.parse({"users": 10, "views": 12}, "the shop")
    with pytest.raises(BadInput, match="two items"):
        make_photo_shop(Dataset("none"))
