import json
from io import StringIO

import polars as pl
import pytest
from rich.console import Console

from recweave.data.dataset import Dataset
from recweave.data.describe import Description, describe

DAY = 86_400


@pytest.fixture
def shop():
    """Three people and four things, one of them never touched; written so that all can be counted.

    a: 5 events, b: 2, c: 1. u: 6 events, v: 1, w: 1.
    """
    rows = [
        ("u", "a", "rating", 4.0, 0),
        ("u", "a", "rating", 4.0, 0),  # says the same again
        ("u", "a", "rating", 5.0, DAY),  # the same pair
        ("u", "a", "view", 1.0, DAY),  # the same second
        ("u", "b", "view", 1.0, 2 * DAY),
        ("u", "c", "view", 1.0, 3 * DAY),
        ("v", "a", "rating", 3.5, DAY),  # the second of another person
        ("w", "b", "purchase", 1.0, 10 * DAY),
    ]
    columns = ["user_id", "item_id", "behavior", "value", "time"]
    return Dataset(
        "shop",
        events=pl.DataFrame(rows, schema=columns, orient="row"),
        items=pl.DataFrame(
            {
                "item_id": ["a", "b", "c", "d"],
                "title": ["A", "", None, "D"],
                "categories": [["x"], [], None, ["x"]],
                "price": [1.0, None, 2.0, 3.0],
            }
        ),
        reviews=pl.DataFrame(
            {
                "user_id": ["u", "v", "w", "w"],
                "item_id": ["a", "a", "b", "a"],
                "text": ["very  good indeed", "bad", " ", None],
                "rating": [4.0, None, None, None],
                "images": [["1.jpg"], [], None, None],
            }
        ),
        source="here",
        licence="CC0",
    )


def test_everything_is_counted(shop):
    found = describe(shop)
    assert found.tables == {"events": 8, "reviews": 4, "items": 4}
    assert (found.users, found.active_users) == (3, 3)
    assert (found.items, found.active_items) == (4, 3)
    assert found.sparsity == pytest.approx(1 - 5 / 9)
    assert (found.clock, found.first, found.last) == ("seconds", 0, 10 * DAY)
    assert found.behaviors == {"view": 3, "purchase": 1, "rating": 4}
    assert found.ratings == {"3.5": 1, "4": 2, "5": 1}
    assert list(found.ratings) == ["3.5", "4", "5"]


def test_repeated_events_are_counted(shop):
    found = describe(shop)
    assert found.exact_duplicates == 1
    assert found.pair_duplicates == 3
    assert found.same_second == 4


def test_the_spread_of_users_and_items_is_described(shop):
    found = describe(shop)
    assert found.per_user.model_dump() == pytest.approx(
        {
            "mean": 8 / 3,
            "lowest": 1,
            "quarter": 1.0,
            "median": 1.0,
            "three_quarters": 3.5,
            "highest": 6,
            "once": 2 / 3,
        }
    )
    assert (found.per_item.highest, found.per_item.once) == (5, pytest.approx(1 / 3))


def test_head_and_tail_are_described(shop):
    found = describe(shop)
    assert found.head == pytest.approx(5 / 8)  # a fifth of three items is one
    assert found.most == 2  # 7 of 8 events; 5 of 8 are too few


def test_exactly_four_fifths_are_enough():
    events = pl.DataFrame({"user_id": ["u"] * 10, "item_id": list("aaaabbbbcd")})
    assert describe(Dataset("log", events=events)).most == 2


def test_reviews_and_gaps_in_the_catalogue_are_described(shop):
    found = describe(shop)
    words = found.words
    assert (words.reviews, words.with_text, words.with_rating, words.with_images) == (4, 2, 1, 1)
    assert words.median_words == 2.0
    assert found.missing == pytest.approx(
        {
            "title": 0.5,
            "description": 1.0,
            "brand": 1.0,
            "price": 0.25,
            "categories": 0.5,
            "images": 1.0,
        }
    )


def test_a_description_survives_json(shop):
    found = describe(shop)
    assert Description.model_validate_json(found.model_dump_json()) == found
    assert json.loads(found.model_dump_json())["per_user"]["highest"] == 6


def test_its_text_has_every_part(shop):
    text = str(describe(shop))
    for line in (
        "dataset           shop",
        "3, 3 with events",
        "1970-01-01 to 1970-01-11, 10.0 days",
        "3.5: 1, 4: 2, 5: 1",
        "62% of the events on the first 20% of the items; 2 items make up 80%",
        "1 exact, 3 of a user and item",
        "4, 2 with text (median 2 words)",
        "title 50%, description 100%",
    ):
        assert line in text


def test_a_table_says_the_same_whatever_the_names_hold(shop):
    screen = StringIO()
    Console(width=200, file=screen).print(describe(shop.replace(name="[red]shop")))
    text = screen.getvalue()
    assert "[red]shop" in text and "CC0" in text and "head and tail" in text


def test_a_log_without_times_is_described_so():
    events = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"]})
    found = describe(Dataset("log", events=events))
    assert (found.clock, found.first, found.last, found.same_second) == ("order", None, None, 0)
    assert "none; the order of the source counts" in str(found)


def test_a_log_with_gaps_in_its_times_is_described_so(shop):
    time = pl.when(pl.col("user_id") != "w").then("time")
    found = describe(shop.replace(events=shop.events.with_columns(time=time)))
    assert (found.clock, found.last) == ("mixed", 3 * DAY)
    assert "some events have no time" in str(found)


def test_a_dataset_without_events_or_without_anything_is_described():
    photos = describe(Dataset("photos", items=pl.DataFrame({"item_id": ["a"]})))
    assert (photos.items, photos.active_items, photos.head, photos.per_user) == (1, 0, None, None)
    assert "events per user" not in str(photos)
    nothing = describe(Dataset("nothing"))
    assert nothing.tables == {} and nothing.missing == {}
    assert "nothing" in str(nothing)


def test_of_many_different_ratings_the_commonest_are_listed():
    stars = [n / 10 for n in range(100)] + [5.0] * 3
    events = pl.DataFrame({"user_id": ["u"] * 103, "item_id": ["a"] * 103, "value": stars})
    found = describe(Dataset("log", events=events)).ratings
    assert len(found) == 12 and found["5"] == 4
    assert [float(rating) for rating in found] == sorted(map(float, found))
