import json

import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import read

REVIEW = {
    "business_id": "b1",
    "user_id": "u1",
    "rating": 5,
    "review_text": "Great",
    "pics": [{"id": "AF1", "url": ["https://x/1.jpg"]}],
    "history_reviews": [["b2", "ok"]],
}


def test_a_document_of_parts_keeps_them(tmp_path):
    parts = {
        "train": [REVIEW],
        "val": [REVIEW | {"pics": ["AF2"]}],
        "test": [REVIEW | {"rating": 1}],
    }
    (tmp_path / "filter_all_t.json").write_text(json.dumps(parts))
    dataset = read("google_restaurants", tmp_path)
    assert dataset.events.select("user_id", "item_id", "value", "part").rows() == [
        ("u1", "b1", 5.0, "train"),
        ("u1", "b1", 5.0, "valid"),
        ("u1", "b1", 1.0, "test"),
    ]
    assert dataset.reviews["images"].to_list()[:2] == [["https://x/1.jpg"], ["AF2"]]
    assert dataset.clock == "order"


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_and_lines_read_alike(tmp_path, indent):
    (tmp_path / "list.json").write_text(json.dumps([REVIEW, REVIEW], indent=indent))
    (tmp_path / "lines.json").write_text(2 * (json.dumps(REVIEW) + "\n"))
    a, b = (read("google_restaurants", tmp_path / f"{name}.json") for name in ("list", "lines"))
    assert a.reviews.equals(b.reviews)
    assert len(a.events) == 2


def test_csv_reads_too(tmp_path):
    (tmp_path / "reviews.csv").write_text(
        'user_id,business_id,rating,review_text,pics\nu1,b1,4,"Good, quick","[""AF1""]"\n'
    )
    review = read("google_restaurants", tmp_path).reviews.row(0, named=True)
    assert (review["rating"], review["text"], review["images"]) == (4.0, "Good, quick", ["AF1"])


def test_a_bad_object_of_a_document_is_numbered(tmp_path):
    rows = [REVIEW, REVIEW | {"rating": 9}]
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=1))
    with pytest.raises(BadInput, match=r"a\.json:2: rating '9' is not from 1 to 5"):
        read("google_restaurants", tmp_path)


def test_a_document_that_breaks_off_is_a_broken_file(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([REVIEW, REVIEW], indent=1)[:-40])
    with pytest.raises(BadInput, match=r"a\.json:\d+: is not JSON"):
        read("google_restaurants", tmp_path)
