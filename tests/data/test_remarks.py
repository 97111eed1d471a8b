"""What an owner should know of a log: returned goods, ids that stand for nobody."""

import polars as pl
import pytest

from recweave.data.check import check
from recweave.data.dataset import Dataset
from recweave.data.describe import describe
from recweave.data.readers import examine
from recweave.data.remarks import remarks


def log(users, items=None, **columns):
    items = items or [f"i{n % 7}" for n in range(len(users))]
    return Dataset("shop", events=pl.DataFrame({"user_id": users, "item_id": items} | columns))


def kinds(dataset):
    return [(remark.kind, remark.rows.sum()) for remark in remarks(dataset)]


def test_the_online_retail_case_is_pointed_out_everywhere(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(
        "InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID\n"
        "1,A,6,2010-12-01 08:26:00,41.0\n2,B,2,2010-12-02 08:26:00,41.0\n"
        "C3,A,-6,2010-12-03 08:26:00,41.0\n4,A,1,2010-12-01 09:00:00,0.0\n"
        "5,C,1,2010-12-01 10:00:00,0.0\n"
    )
    columns = {"user_id": "CustomerID", "item_id": "StockCode", "value": "Quantity"}
    columns["time"] = "InvoiceDate"
    reading = examine("table", path, columns=columns, behavior="purchase")
    dataset = reading.taken()
    value = "1 of 5 events (20.0%) of behaviour purchase have a value below 0"
    user = "2 of 5 events (40.0%) have the user_id '0'"
    notes = [(p.line, p.what) for p in check(dataset) if p.note]
    assert [line for line, what in notes if what.startswith((value, user))] == [3, 4]
    for lines in (
        reading.messages(),
        describe(dataset).remarks,
        str(describe(dataset)).split("note"),
    ):
        text = "\n".join(lines)
        assert value in text and 'filters = [{ kind = "drop_value_below", value = 0 }]' in text
        assert user in text and 'filters = [{ kind = "drop_ids", users = ["0"] }]' in text


@pytest.mark.parametrize("id", ["-1", "nan", "NULL", "unknown", "Guest", "0.0", "(not set)"])
def test_placeholders_with_many_events_are_pointed_out(id):
    found = kinds(log([*"abcdefgh", id, id]))
    assert found == [("user_id that may stand for unknown users", 2)]
    found = kinds(log([*"abcdefghij"], items=[*"stuvwxyz", id, id]))
    assert found == [("item_id that may stand for unknown items", 2)]


def test_real_ids_are_left_alone():
    numbers = [str(n % 20) for n in range(400)]  # 0 is one of twenty, as busy as the others
    assert kinds(log(numbers)) == []
    assert kinds(log([*numbers, *["0"] * 300])) == [
        ("user_id that may stand for unknown users", 320)
    ]
    assert kinds(log([*(f"u{n}" for n in range(5_000)), "unknown"])) == []  # one in five thousand
    assert kinds(log(["Nancy", "Noneto", "guesthouse", "-12", "00"])) == []


def test_a_scale_below_0_is_no_return_and_a_few_ratings_below_0_are():
    scale = log(["a"] * 10, value=[-9.0, -3, -1, 2, 5, 9, 1, 1, 1, 1], behavior="rating")
    assert kinds(scale) == []
    few = log(["a"] * 10, value=[-1.0, *[1.0] * 9], behavior="rating")
    assert kinds(few) == [("rating below 0", 1)]
    assert kinds(log(["a"] * 3, value=[0.0, 1, 2], behavior="purchase")) == []


def test_in_a_long_log_placeholders_are_looked_for_in_a_sample_and_counted_in_all(monkeypatch):
    monkeypatch.setattr("recweave.data.remarks.SAMPLE", 2_000)
    users = [f"u{n}" for n in range(19_900)]
    assert kinds(log(users)) == []
    found = kinds(log([*users, *["unknown"] * 100]))
    assert found == [("user_id that may stand for unknown users", 100)]


def test_a_placeholder_that_comes_up_at_every_nth_event_is_not_missed(monkeypatch):
    monkeypatch.setattr("recweave.data.remarks.SAMPLE", 2_000)
    for every, first in ((23, 1), (29, 1), (500, 3)):  # 20 events a step: the primes are 23 and 29
        users = [f"u{n}" for n in range(20_000)]
        users[first::every] = ["unknown"] * len(users[first::every])
        count = len(users[first::every])
        assert kinds(log(users)) == [("user_id that may stand for unknown users", count)]
