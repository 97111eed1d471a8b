import gzip
import json

import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import examine, read

REVIEW_2014 = {
    "reviewerID": "A1",
    "asin": "B1",
    "helpful": [0, 1],
    "reviewText": "Loud &amp; <b>clear</b>.<br />I&#39;d buy",
    "overall": 4.0,
    "summary": "good",
    "unixReviewTime": 1393545600,
}
REVIEW_2018 = REVIEW_2014 | {
    "reviewText": None,
    "image": ["https://x/1.jpg"],
    "overall": 5.0,
    "vote": "3",
}
REVIEW_2023 = {
    "rating": 3.0,
    "title": "Meh",
    "text": "small",
    "images": [{"small_image_url": "https://x/s.jpg", "large_image_url": "https://x/l.jpg"}],
    "asin": "B9",
    "parent_asin": "B1",
    "user_id": "A1",
    "timestamp": 1634275259292,
}
ITEM_2014 = (
    "{'asin': 'B1', 'title': \"Drummer's set\", 'price': 12.5, 'imUrl': 'http://x/1.jpg', "
    "'related': {'also_bought': ['B2', 'B3'], 'also_viewed': ['B2'], 'buy_after_viewing': ['B4']},"
    " 'salesRank': {'Music': 3}, 'brand': 'Tama &amp; Co', 'description': 'Five \\u00e9 drums',"
    " 'categories': [['Music', 'Drums'], ['Music', 'Sets']]}"
)
ITEM_2018 = {
    "asin": "B1",
    "title": "Drums &#39;n&#39; more",
    "category": ["Music", "Drums", "</span></span>"],
    "description": ["<p>Five drums.</p>", "", "Loud."],
    "brand": "Tama",
    "price": "$1,299.00",
    "also_buy": ["B2", "B2"],
    "also_view": [],
    "imageURL": ["https://x/thumb.jpg"],
    "imageURLHighRes": ["https://x/1.jpg"],
}
ITEM_2023 = {
    "parent_asin": "B1",
    "title": "Drums",
    "main_category": "Music",
    "description": [],
    "features": ["loud"],
    "price": "None",
    "images": [{"hi_res": None, "large": "https://x/l.jpg", "thumb": "https://x/t.jpg"}],
    "store": "Tama",
    "categories": ["Music", "Drums"],
    "bought_together": None,
}


def write(path, *records):
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def test_reviews_are_events_too_and_their_text_is_plain(tmp_path):
    write(tmp_path / "reviews.json.gz", REVIEW_2014)
    dataset = read("amazon", tmp_path)
    review = dataset.reviews.row(0, named=True)
    assert review == {
        "user_id": "A1",
        "item_id": "B1",
        "rating": 4.0,
        "text": "Loud & clear . I'd buy",
        "time": 1393545600,
        "images": None,
    }
    event = dataset.events.row(0, named=True)
    assert (event["behavior"], event["value"], event["time"]) == ("rating", 4.0, 1393545600)


def test_a_review_without_text_has_its_headline(tmp_path):
    write(tmp_path / "reviews.json", REVIEW_2018)
    review = read("amazon", tmp_path / "reviews.json").reviews.row(0, named=True)
    assert review["text"] == "good"
    assert review["images"] == ["https://x/1.jpg"]


def test_2023_counts_milliseconds_and_groups_by_parent(tmp_path):
    write(tmp_path / "Beauty.jsonl", REVIEW_2023)
    write(tmp_path / "meta_Beauty.jsonl", ITEM_2023)
    dataset = read("amazon", tmp_path)
    review = dataset.reviews.row(0, named=True)
    assert (review["item_id"], review["time"]) == ("B1", 1634275259)
    assert review["images"] == ["https://x/l.jpg"]
    item = dataset.items.row(0, named=True)
    assert (item["brand"], item["price"], item["description"]) == ("Tama", None, None)
    assert item["images"] == ["https://x/l.jpg"]
    assert item["categories"] == ["Music", "Drums"]


def test_2014_metadata_are_python_literals(tmp_path):
    write(tmp_path / "reviews.json", REVIEW_2014)
    write(tmp_path / "meta.json.gz", ITEM_2014)
    dataset = read("amazon", tmp_path)
    item = dataset.items.row(0, named=True)
    assert item["title"] == "Drummer's set"
    assert item["brand"] == "Tama & Co"
    assert item["description"] == "Five é drums"
    assert item["categories"] == ["Music", "Drums", "Sets"]
    assert item["images"] == ["http://x/1.jpg"]
    assert item["price"] == 12.5
    assert set(dataset.links.rows()) == {
        ("B1", "B2", "also_buy"),
        ("B1", "B3", "also_buy"),
        ("B1", "B2", "also_view"),
        ("B1", "B4", "later_buy"),
    }


def test_python_lines_are_never_run(tmp_path):
    write(tmp_path / "reviews.json", REVIEW_2014)
    trap = tmp_path / "trap"
    write(tmp_path / "meta.json", f"{{'asin': open({str(trap)!r}, 'w').write('x')}}", ITEM_2014)
    with pytest.raises(BadInput, match=r"meta\.json:1: is not a Python literal"):
        read("amazon", tmp_path)
    assert not trap.exists()


def test_2018_metadata_loses_markup_and_repeated_links(tmp_path):
    write(tmp_path / "reviews.json", REVIEW_2018)
    write(tmp_path / "meta.json", ITEM_2018)
    dataset = read("amazon", tmp_path)
    item = dataset.items.row(0, named=True)
    assert item["title"] == "Drums 'n' more"
    assert item["description"] == "Five drums.\nLoud."
    assert item["price"] == 1299.0
    assert item["categories"] == ["Music", "Drums"]
    assert item["images"] == ["https://x/1.jpg"]
    assert dataset.links.rows() == [("B1", "B2", "also_buy")]


def test_of_items_that_stand_twice_the_first_counts_and_is_noted(tmp_path):
    write(tmp_path / "reviews.json", REVIEW_2018)
    write(tmp_path / "meta.json", ITEM_2018, ITEM_2018 | {"title": "Other"}, ITEM_2018)
    reading = examine("amazon", tmp_path)
    assert reading.dataset.items["title"].to_list() == ["Drums 'n' more"]
    assert reading.problems.notes == {"item_id again": 2}
    assert "meta.json:2: item_id 'B1' stands on line 1 already" in str(next(iter(reading.problems)))


def test_a_price_that_is_none_is_left_out_with_a_note(tmp_path):
    write(tmp_path / "reviews.json", REVIEW_2018)
    write(tmp_path / "meta.json", ITEM_2018 | {"price": ".a-box{color:#fff}"})
    reading = examine("amazon", tmp_path)
    assert reading.dataset.items["price"].to_list() == [None]
    assert "meta.json:1: price '.a-box{color:#fff}' is not a price" in str(
        next(iter(reading.problems))
    )


def test_a_price_that_is_none_does_not_excuse_a_missing_id(tmp_path):
    write(tmp_path / "reviews.json", REVIEW_2018)
    write(tmp_path / "meta.json", ITEM_2018, ITEM_2018 | {"asin": "", "price": "cheap"})
    with pytest.raises(BadInput, match=r"json:2: asin is missing; price 'cheap' is not a price"):
        read("amazon", tmp_path)


def test_metadata_alone_are_not_enough(tmp_path):
    write(tmp_path / "meta.json", ITEM_2018)
    with pytest.raises(BadInput, match="no file of reviews"):
        read("amazon", tmp_path)


def test_a_field_that_comes_up_late_is_read(tmp_path):
    plain = {name: value for name, value in REVIEW_2018.items() if name != "image"}
    write(tmp_path / "reviews.json", *[plain] * 150, REVIEW_2018)
    images = read("amazon", tmp_path).reviews["images"].to_list()
    assert images == [None] * 150 + [["https://x/1.jpg"]]
