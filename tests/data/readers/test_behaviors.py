import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import examine, read


def test_retailrocket_as_published_counts_milliseconds(tmp_path):
    (tmp_path / "events.csv").write_text(
        "timestamp,visitorid,event,itemid,transactionid\n"
        "1433221332117,257597,view,355908,\n"
        "1433222276276,992329,addtocart,248676,\n"
        "1433193500981,121688,transaction,15335,11117\n"
    )
    dataset = read("behaviors", tmp_path)
    assert dataset.events.select("user_id", "item_id", "behavior", "value", "time").rows() == [
        ("257597", "355908", "view", 1.0, 1433221332),
        ("992329", "248676", "cart", 1.0, 1433222276),
        ("121688", "15335", "purchase", 1.0, 1433193500),
    ]


def test_purchases_held_out_come_last_for_their_user(tmp_path):
    (tmp_path / "events.tsv").write_text(
        "user\titem\tbehaviour\ttimestamp\n1\t10\tview\t50\n2\t10\tbuy\t99\n1\t11\tcart\t70\n"
    )
    (tmp_path / "test_buy.tsv").write_text("user\titem\n1\t11\n3\t10\n")
    reading = examine("behaviors", tmp_path)
    assert reading.dataset.events.select("user_id", "behavior", "time", "part").rows() == [
        ("1", "view", 50, "train"),
        ("2", "purchase", 99, "train"),
        ("1", "cart", 70, "train"),
        ("1", "purchase", 70, "test"),
        ("3", "purchase", 99, "test"),  # a user never seen: the log's last time
    ]
    assert reading.problems.notes == {"purchase without a time": 2}
    assert reading.dataset.clock == "seconds"


def test_taobao_has_no_header_and_gives_categories(tmp_path):
    (tmp_path / "UserBehavior.csv").write_text(
        "1,100,7,pv,1511544070\n1,101,8,fav,1511561733\n2,100,9,buy,1511572885\n"
    )
    dataset = read("behaviors", tmp_path / "UserBehavior.csv")
    assert dataset.events["behavior"].to_list() == ["view", "favorite", "purchase"]
    assert dataset.items.select("item_id", "categories").rows() == [("100", ["7"]), ("101", ["8"])]


def test_an_unknown_behaviour_is_refused(tmp_path):
    (tmp_path / "events.tsv").write_text("user\titem\tbehaviour\ttimestamp\n1\t2\tlook\t5\n")
    with pytest.raises(BadInput, match=r"tsv:2: behaviour 'look' is not one of view, cart, buy"):
        read("behaviors", tmp_path)
