"""Ids that are numbers: one rule, whatever file or frame they come from."""

import json

import polars as pl
import pytest

from recweave.core.errors import BadInput
from recweave.data.dataset import Dataset
from recweave.data.readers import examine, read


def written(path, users, bad=False):
    """A log of these users in the form that the path ends in; `bad` adds a row that is refused."""
    if path.suffix == ".parquet":
        pl.DataFrame({"user_id": users, "item_id": "a", "value": 1.0}).write_parquet(path)
        return path
    if path.suffix == ".jsonl":
        lines = [f'{{"user_id": {user}, "item_id": "a", "value": 1}}' for user in users]
        lines += ['{"user_id": "x", "item_id": "a", "value": "bad"}'] * bad
    else:
        lines = ["user_id,item_id,value", *(f"{user},a,1" for user in users), *["x,a,bad"] * bad]
    path.write_text("\n".join(lines) + "\n")
    return path


def users_of(path, **options):
    reading = examine("table", path, **options)
    return reading.dataset.events["user_id"].to_list(), reading.problems.notes


@pytest.mark.parametrize("bad", [False, True], ids=["the fast way", "the careful way"])
def test_numbers_in_json_are_their_digits_on_both_ways(tmp_path, bad):
    numbers = ["5.0", "5", "1e3", "123456789012345678", "0.5", "1e23", '"007"']
    users, _ = users_of(written(tmp_path / "log.jsonl", numbers, bad))
    digits = ["5", "5", "1000", "123456789012345678", "0.5", "1" + "0" * 23, "007"]
    assert users == digits


@pytest.mark.parametrize("bad", [False, True], ids=["the fast way", "the careful way"])
def test_text_loses_its_point_only_where_all_are_whole_numbers(tmp_path, bad):
    # A row that is refused has no say: its user is x.
    path = written(tmp_path / "log.csv", ["1.0", "2", "-3.0"], bad)
    users, notes = users_of(path)
    assert users == ["1", "2", "-3"]
    assert notes == {"user ids without .0": 1}
    for other in ("A1", "007", "1.5", "1e3"):
        users, notes = users_of(written(path, ["1.0", "2", other], bad))
        assert users == ["1.0", "2", other]
        assert notes == {"user ids that end in .0 stay": 1}


def test_columns_of_floats_are_digits_and_columns_of_whole_numbers_stay(tmp_path):
    path = tmp_path / "log.parquet"
    assert users_of(written(path, [1.0, 2.0])) == (["1", "2"], {})
    assert users_of(written(path, [1.0, 2.5])) == (["1", "2.5"], {})
    assert users_of(written(path, [1, 2])) == (["1", "2"], {})


def test_ids_of_all_tables_are_judged_together(tmp_path):
    (tmp_path / "events.csv").write_text("user_id,item_id\n1,5.0\n2,6.0\n")
    (tmp_path / "items.csv").write_text("item_id,title\n5,Five\n6,Six\n")
    dataset = read("table", tmp_path)
    assert dataset.events["item_id"].to_list() == dataset.items["item_id"].to_list() == ["5", "6"]
    (tmp_path / "items.csv").write_text("item_id,title\n5.0,Five\nA7,Seven\n")
    dataset = read("table", tmp_path)
    assert dataset.events["item_id"].to_list() == ["5.0", "6.0"]
    assert dataset.items["item_id"].to_list() == ["5.0", "A7"]


def test_a_repeated_item_changes_no_id(tmp_path):
    """Shared case 06: reading with care gave "6.0" where reading fast gave "6"."""
    events = [{"user_id": 1.0, "item_id": 5.0}, {"user_id": 2.0, "item_id": 6.0}]
    items = [{"item_id": 5.0, "title": "Five"}, {"item_id": 6.0, "title": "Six"}]
    for name, rows in {"events": events, "items": [*items, items[-1]]}.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text)
    dataset = read("table", tmp_path)
    assert dataset.items["item_id"].to_list() == ["5", "6"]
    assert dataset.events["item_id"].to_list() == ["5", "6"]
    assert dataset.events["user_id"].to_list() == ["1", "2"]


def test_frames_follow_the_rule_and_an_undefined_id_is_refused():
    events = pl.DataFrame({"user_id": [1.0, 2.0], "item_id": [10, 20]})
    assert Dataset("shop", events=events).events["user_id"].to_list() == ["1", "2"]
    shown = pl.DataFrame(
        {
            "impression_id": ["1"],
            "user_id": [7.0],
            "shown": [[1.0, 2.0]],
            "clicked": [[True, False]],
        }
    )
    impressions = Dataset("news", impressions=shown).impressions
    assert (impressions["user_id"][0], impressions["shown"][0].to_list()) == ("7", ["1", "2"])
    with pytest.raises(BadInput, match="1 of 2 events have no 'user_id'"):
        Dataset("shop", events=events.with_columns(user_id=pl.Series([1.0, float("nan")])))
