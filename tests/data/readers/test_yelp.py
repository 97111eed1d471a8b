import json

import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import read

OLD = {
    "business_id": "b1",
    "name": "Cafe",
    "categories": ["Bakeries", "Food"],
    "city": "Boston",
    "stars": 3.5,
    "hours": {},
    "attributes": {
        "Price Range": 1,
        "Good for Kids": True,
        "Wi-Fi": "no",
        "Parking": {"lot": False},
    },
    "type": "business",
}
NEW = {
    "business_id": "b2",
    "name": "Bar",
    "categories": "Bars, Nightlife",
    "is_open": 1,
    "stars": 4,
    "attributes": {
        "RestaurantsPriceRange2": "2",
        "GoodForKids": "False",
        "WiFi": "u'free'",
        "Alcohol": "None",
        "BusinessParking": "{'lot': True}",
        "HasTV": "True",
    },
}
TIP = {"user_id": "u1", "business_id": "b1", "text": "Try it", "likes": 0, "date": "2011-02-09"}
REVIEW = {
    "review_id": "r",
    "user_id": "u1",
    "business_id": "b2",
    "stars": 4,
    "text": "Good",
    "date": "2016-03-09 01:02:03",
}


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_tips_are_reviews_without_a_rating_and_favourites(tmp_path):
    write(tmp_path / "yelp_academic_dataset_tip.json", TIP)
    write(tmp_path / "yelp_academic_dataset_review.json", REVIEW)
    dataset = read("yelp", tmp_path)
    assert dataset.reviews.select("item_id", "rating", "text", "time").rows() == [
        ("b2", 4.0, "Good", 1457485323),
        ("b1", None, "Try it", 1297209600),
    ]
    assert dataset.events.select("item_id", "behavior", "value").rows() == [
        ("b2", "rating", 4.0),
        ("b1", "favorite", 1.0),
    ]


def test_attributes_old_and_new_are_columns_of_one_name(tmp_path):
    write(tmp_path / "tip.json", TIP)
    write(tmp_path / "business.json", OLD, NEW)
    items = read("yelp", tmp_path).items
    assert items["categories"].to_list() == [["Bakeries", "Food"], ["Bars", "Nightlife"]]
    assert items["price_range"].to_list() == [1, 2]
    assert items["good_for_kids"].to_list() == [True, False]
    assert items["wi_fi"].to_list() == ["no", "free"]
    assert items["has_tv"].to_list() == [None, True]
    assert items["stars"].to_list() == [3.5, 4.0]
    assert {"parking", "business_parking", "hours", "attributes"}.isdisjoint(items.columns)


def test_users_keep_nothing_computed_from_held_out_ratings(tmp_path):
    write(tmp_path / "review.json", REVIEW)
    person = {"user_id": "u1", "name": "Ann", "average_stars": 4.5, "yelping_since": "2010-01-01"}
    write(tmp_path / "user.json", person)
    assert read("yelp", tmp_path).users.rows() == [("u1", "Ann", 1262304000)]


def test_businesses_alone_are_not_enough(tmp_path):
    write(tmp_path / "business.json", OLD)
    with pytest.raises(BadInput, match=r"no \*review\.json or \*tip\.json, only business\.json"):
        read("yelp", tmp_path)
