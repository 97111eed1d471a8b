import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import read


@pytest.fixture
def atomic(tmp_path):
    (tmp_path / "shop.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3.5\t881250949.0\n"
    )
    (tmp_path / "shop.item").write_text(
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\tprice:float"
        "\tweight:float\ttags:token_seq\n"
        "242\tToy Story\t1995\tAnimation Children's\t2.5\t0.25\told good\n"
    )
    (tmp_path / "shop.user").write_text("user_id:token\tage:token\tzip:token\n196\t24\t00501\n")
    return tmp_path


def test_columns_go_by_their_types(atomic):
    dataset = read("recbole", atomic)
    assert dataset.name == "shop"
    event = dataset.events.row(0, named=True)
    assert (event["behavior"], event["value"], event["time"]) == ("rating", 3.5, 881250949)
    item = dataset.items.row(0, named=True)
    assert item["title"] == "Toy Story"
    assert item["categories"] == ["Animation", "Children's"]
    assert item["price"] == 2.5
    assert item["weight"] == 0.25
    assert item["tags"] == ["old", "good"]
    assert item["release_year"] == 1995
    assert dataset.users.row(0) == ("196", 24, "00501")  # a code with a leading 0 is no number


def test_without_ratings_events_are_clicks(tmp_path):
    (tmp_path / "a.inter").write_text("user_id:token\titem_id:token\n1\t2\n")
    dataset = read("recbole", tmp_path / "a.inter")
    assert dataset.events.select("behavior", "value", "time").row(0) == ("click", 1.0, None)


def test_a_header_without_types_is_explained(tmp_path):
    (tmp_path / "a.inter").write_text("user_id\titem_id\n1\t2\n")
    with pytest.raises(BadInput, match=r"a\.inter:1: .*'user_id' without a type; write it as"):
        read("recbole", tmp_path)


def test_a_missing_id_is_named(tmp_path):
    (tmp_path / "a.inter").write_text("user_id:token\tproduct:token\n1\t2\n")
    with pytest.raises(BadInput, match=r"a\.inter:1: has no column 'item_id', only user_id, prod"):
        read("recbole", tmp_path)
