import json

import polars as pl
import pytest

from recweave.core.errors import BadArtifact, BadInput
from recweave.data.dataset import Dataset
from recweave.data.schema import COLUMNS, empty
from recweave.data.split import Given, LeaveLastOut
from recweave.data.vocabulary import in_hash_order


def small(**changes):
    tables = {
        "events": pl.DataFrame(
            {
                "user_id": ["u2", "u1", "u2", "u3"],
                "item_id": ["b", "a", "a", "x"],
                "behavior": ["view", "purchase", "rating", "view"],
                "value": [1.0, 1.0, 4.5, 1.0],
                "time": [30, 10, 20, 40],
            }
        ),
        "reviews": pl.DataFrame({"user_id": ["u1"], "item_id": ["a"], "text": ["good"]}),
        "items": pl.DataFrame(
            {"item_id": ["a", "b"], "categories": [["cup"], []], "price": [2.5, None]}
        ),
        "users": pl.DataFrame({"user_id": ["u1"], "age": [30]}),
        "links": pl.DataFrame({"item_id": ["a"], "other_id": ["b"], "relation": ["also_buy"]}),
        "impressions": pl.DataFrame(
            {"impression_id": ["1"], "user_id": ["u9"], "shown": [["a", "b"]]}
        ),
    }
    return Dataset("small", **(tables | changes), source="here", licence="CC0", numbering="table")


def test_every_table_has_its_columns_in_order_with_their_types():
    for name, table in small().tables():
        for column, kind in COLUMNS[name].items():
            assert table.schema[column] == kind
        assert table.columns[: len(COLUMNS[name])] == list(COLUMNS[name])
    assert small().users["age"].to_list() == [30]  # users and items may carry more


def test_a_missing_table_is_empty_and_events_are_ratings_of_one_unless_said():
    dataset = Dataset("log", events=pl.DataFrame({"user_id": ["u"], "item_id": ["i"]}))
    assert dataset.items.equals(empty("items"))
    assert dataset.events["behavior"].to_list() == ["rating"]
    assert dataset.events["value"].to_list() == [1.0]
    assert repr(dataset) == "<Dataset log: 1 events>"
    assert repr(Dataset("none")) == "<Dataset none: empty>"


def test_rows_follow_the_catalogue_and_then_the_log():
    dataset = small()
    assert dataset.item_ids.ids.to_list() == ["a", "b", "x"]
    assert dataset.user_ids.ids.to_list() == ["u1", "u2", "u3", "u9"]


def hashed(**tables):
    return small(**tables).replace(numbering="hash")


def test_rows_are_in_hash_order_whatever_the_order_of_the_tables():
    dataset = hashed()
    other = hashed(items=dataset.items.reverse(), events=dataset.events[[2, 0, 3, 1]])
    assert dataset.item_ids.ids.to_list() == in_hash_order(pl.Series(["a", "b", "x"])).to_list()
    assert other.item_ids.ids.to_list() == dataset.item_ids.ids.to_list()
    assert other.user_ids.ids.to_list() == dataset.user_ids.ids.to_list()
    assert set(dataset.user_ids.ids) == {"u1", "u2", "u3", "u9"}


def test_the_numbering_is_saved_and_distinguishes_datasets(tmp_path):
    for one in (small(), hashed()):
        one.save(tmp_path / one.numbering)
        again = Dataset.load(tmp_path / one.numbering)
        assert again.item_ids.ids.to_list() == one.item_ids.ids.to_list()
        assert again.fingerprint == one.fingerprint
    assert small().fingerprint != hashed().fingerprint


def test_a_line_of_the_catalogue_is_found_by_id():
    dataset = hashed()
    assert dataset.items[dataset.listed_items.row("b")]["item_id"].to_list() == ["b"]
    assert "x" not in dataset.listed_items


def test_interactions_are_the_events_in_their_order():
    log = small().interactions()
    assert log.user.tolist() == [1, 0, 1, 2]
    assert log.item.tolist() == [1, 0, 0, 2]
    assert log.behavior.tolist() == [1, 5, 6, 1]
    assert log.value.tolist() == [1, 1, 4.5, 1]
    assert log.time.tolist() == [30, 10, 20, 40]
    assert (log.shape, log.clock) == ((4, 3), "seconds")


def test_without_times_the_sources_order_counts_or_else_the_rows():
    events = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"], "order": [7, 3]})
    log = small(events=events).interactions()
    assert (log.time.tolist(), log.clock) == ([7, 3], "order")
    assert small(events=events.drop("order")).interactions().time.tolist() == [0, 1]


def test_events_of_which_only_some_have_a_time_are_refused():
    events = small().events.with_columns(time=pl.Series([1, None, 3, 4]))
    with pytest.raises(BadInput, match="1 of 4 events have no time"):
        small(events=events).interactions()


def test_a_log_without_events_cannot_be_learned_from():
    with pytest.raises(BadInput, match="none: there are no events"):
        Dataset("none").interactions()


def test_a_split_follows_the_publishers_parts():
    events = small().events.with_columns(part=pl.Series(["train", "test", None, "train"]))
    split = small(events=events).split(Given())
    assert (len(split.train), len(split.test), split.dropped) == (2, 1, 1)


def test_a_split_is_made_of_the_interactions():
    log = pl.DataFrame({"user_id": ["u"] * 4, "item_id": list("abab")})
    split = small(events=log).split(LeaveLastOut())
    assert split.test.time.tolist() == [3]


@pytest.mark.parametrize(
    ("table", "frame", "message"),
    [
        ("events", {"user": ["u"]}, "events have no column 'user_id', only user"),
        ("events", {"user_id": ["u"], "item_id": ["i"], "price": [1]}, "no column called 'price'"),
        ("events", {"user_id": ["u"], "item_id": ["i"], "time": ["noon"]}, "time .noon. in row"),
        ("events", {"user_id": ["u"], "item_id": ["i"], "behavior": ["buy"]}, "do not fit"),
        ("events", {"user_id": ["u", None], "item_id": ["i", "j"]}, "1 of 2 events have no 'user"),
        (
            "events",
            {"user_id": ["u"], "item_id": ["i"], "value": [float("nan")]},
            "an infinite or undefined 'value', the first in row 0",
        ),
        (
            "events",
            {"user_id": ["u"], "item_id": ["i"], "value": pl.Series([None], dtype=pl.Float32)},
            "have no 'value'",
        ),
        ("items", {"item_id": ["a", "b", "a"]}, "an earlier row's 'item_id', the first in row 2"),
        ("items", {"item_id": ["a"], "price": [float("inf")]}, "infinite or undefined 'price'"),
        ("users", {"user_id": ["u", "u"]}, "an earlier row's 'user_id'"),
        ("links", {"item_id": ["a"], "other_id": ["b"]}, "links have no column 'relation'"),
    ],
)
def test_a_table_that_breaks_its_contract_is_refused_with_the_place(table, frame, message):
    with pytest.raises(BadInput, match="^small: .*" + message):
        small(**{table: pl.DataFrame(frame)})


def test_what_is_saved_is_loaded(tmp_path):
    dataset = small()
    dataset.save(tmp_path / "data")
    loaded = Dataset.load(tmp_path / "data")
    for (name, table), (_, other) in zip(dataset.tables(), loaded.tables(), strict=True):
        assert table.equals(other), name
    assert (loaded.name, loaded.source, loaded.licence) == ("small", "here", "CC0")
    assert loaded.fingerprint == dataset.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["data"]  # no draft stays behind


def test_the_fingerprint_is_the_same_on_every_machine():
    assert small().fingerprint == "27f46e2334a31b52"


@pytest.mark.parametrize(
    "changes",
    [
        {"events": small().events.reverse()},
        {"events": small().events.with_columns(value=pl.Series([1.0, 1.0, 4.4, 1.0]))},
        {"users": small().users.drop("age")},
        {"items": small().items.with_columns(categories=pl.Series([["cups"], []]))},
        {"links": empty("links")},
    ],
)
def test_the_fingerprint_changes_with_any_table(changes):
    assert small(**changes).fingerprint != small().fingerprint


def test_a_folder_that_is_there_is_not_written_over(tmp_path):
    small().save(tmp_path / "data")
    with pytest.raises(BadInput, match="exists already"):
        small().save(tmp_path / "data")


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda folder: (folder / "dataset.json").unlink(), "is no dataset folder.*dataset.json"),
        (lambda folder: (folder / "events.parquet").unlink(), "events.parquet"),
        (lambda folder: halve(folder / "events.parquet"), "cannot be read"),
        (lambda folder: halve(folder / "dataset.json"), "cannot be read"),
        (lambda folder: (folder / "dataset.json").write_bytes(b"\xff\xfe"), "cannot be read"),
        (lambda folder: (folder / "dataset.json").write_text("[]"), "cannot be read"),
        (lambda folder: edit(folder / "dataset.json", format=99), "of format 99"),
        (lambda folder: edit(folder / "dataset.json", counts={"events": 3}), "instead of"),
    ],
)
def test_a_broken_folder_is_refused_with_what_is_broken(tmp_path, broken, message):
    small().save(tmp_path / "data")
    broken(tmp_path / "data")
    with pytest.raises(BadArtifact, match=message):
        Dataset.load(tmp_path / "data")


def test_a_file_or_nothing_is_no_dataset_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("file", "nothing"):
        with pytest.raises(BadArtifact, match="is no dataset folder"):
            Dataset.load(tmp_path / name)
