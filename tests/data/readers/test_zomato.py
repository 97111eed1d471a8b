import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import examine, read

HEAD = "Restaurant,Reviewer,Review,Rating,Metadata,Time,Pictures\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "reviews.csv").write_text(
        HEAD + 'Paradise,Bob,"Good food,\nslow ""service""",4.5,1 Review,5/25/2019 15:54,0\n'
        "Paradise,,,,,,0\n"
        "Paradise,Ann,Nice,Like,2 Reviews,12/5/2018 9:05,1\n"
    )
    (tmp_path / "restaurants.csv").write_text(
        "Name,Links,Cost,Collections,Cuisines,Timings\n"
        'Paradise,http://z/p,"1,300","Best, Old","Biryani, North Indian",11 AM to 11 PM\n'
    )
    return tmp_path


def test_ratings_likes_and_padding_are_distinguished(folder):
    reading = examine("zomato", folder)
    assert reading.dataset.reviews.select("user_id", "rating", "text", "time").rows() == [
        ("Bob", 4.5, 'Good food,\nslow "service"', 1558799640),
        ("Ann", None, "Nice", 1544000700),
    ]
    assert reading.dataset.events.select("behavior", "value").rows() == [
        ("rating", 4.5),
        ("favorite", 1.0),
    ]
    assert not reading.problems.errors
    assert [problem.line for problem in reading.problems] == [4]  # a cell before it has two lines


def test_restaurants_have_a_price_and_lists(folder):
    item = read("zomato", folder).items.row(0, named=True)
    assert (item["price"], item["categories"]) == (1300.0, ["Biryani", "North Indian"])
    assert item["collections"] == ["Best", "Old"]


def test_a_time_of_another_form_is_refused(folder):
    (folder / "reviews.csv").write_text(HEAD + "Paradise,Bob,Good,5,x,2019-05-25,0\n")
    with pytest.raises(BadInput, match=r"csv:2: Time '2019-05-25' is not of the form %m/%d/%Y"):
        read("zomato", folder)
