import gzip
import json
from datetime import date, datetime

import polars as pl
import pytest

from recweave.core.errors import BadInput, BadSetting, UnknownName
from recweave.data.readers import read

MAP = {"user_id": "customer", "item_id": "sku", "time": "when", "behavior": "kind"}
ROWS = [("17", "A-1", 1700000000, "view"), ("17", "A-2", 1700000001, "buy")]
MEANING = {"view": "view", "buy": "purchase"}
EVENTS = [("17", "A-1", "view", 1.0, 1700000000), ("17", "A-2", "purchase", 1.0, 1700000001)]


def events(dataset):
    return dataset.events.select("user_id", "item_id", "behavior", "value", "time").rows()


def written(folder, end):
    """The same log in the form that the end of the name stands for."""
    path = folder / f"log{end}"
    table = pl.DataFrame(ROWS, schema=["customer", "sku", "when", "kind"], orient="row")
    if end == ".parquet":
        table.with_columns(pl.col("customer").cast(pl.Int64)).write_parquet(path)
        return path
    separator = "\t" if ".tsv" in end else ","
    text = table.write_ndjson() if "json" in end else table.write_csv(separator=separator)
    path.write_bytes(gzip.compress(text.encode()) if end.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    "end", [".csv", ".tsv", ".csv.gz", ".tsv.gz", ".jsonl", ".json", ".ndjson.gz", ".parquet"]
)
def test_every_form_gives_the_same_events(tmp_path, end):
    dataset = read("table", written(tmp_path, end), columns=MAP, behaviors=MEANING)
    assert events(dataset) == EVENTS
    assert dataset.name == "log"


@pytest.mark.parametrize(
    ("unit", "cell"),
    [
        ("s", "1700000000"),
        ("s", "1700000000.0"),
        ("ms", "1700000000123"),
        ("us", "1700000000123456"),
        ("ns", "1700000000123456789"),
        ("iso", "2023-11-14T22:13:20Z"),
        ("iso", "2023-11-14T22:13:20"),
        ("iso", "2023-11-14 22:13:20.25"),
        ("iso", "2023-11-15T00:13:20+02:00"),
        ("%d.%m.%Y %H:%M:%S", "14.11.2023 22:13:20"),
    ],
)
def test_times_become_seconds(tmp_path, unit, cell):
    path = tmp_path / "log.csv"
    path.write_text(f"user_id,item_id,time\n1,2,{cell}\n")
    assert read("table", path, time=unit).events["time"].to_list() == [1700000000]


def test_dates_in_parquet_need_no_unit(tmp_path):
    path = tmp_path / "log.parquet"
    moments = [datetime(2023, 11, 14, 22, 13, 20)]
    pl.DataFrame({"user_id": [1], "item_id": [2], "time": moments}).write_parquet(path)
    assert read("table", path).events["time"].to_list() == [1700000000]
    pl.DataFrame({"user_id": [1], "item_id": [2], "time": [date(1970, 1, 2)]}).write_parquet(path)
    assert read("table", path).events["time"].to_list() == [86400]


def test_values_make_ratings_and_nothing_makes_clicks(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,value\n1,2,4.5\n")
    assert read("table", path).events.select("behavior", "value").row(0) == ("rating", 4.5)
    path.write_text("user_id,item_id\n1,2\n")
    assert read("table", path).events.select("behavior", "value").row(0) == ("click", 1.0)
    assert read("table", path, behavior="cart").events["behavior"].to_list() == ["cart"]


def test_a_folder_holds_a_file_for_each_table(tmp_path):
    (tmp_path / "events.csv").write_text("user,product\n1,10\n")
    (tmp_path / "items.jsonl").write_text(
        json.dumps({"sku": 10, "title": "Tea", "categories": ["hot", "drinks"], "stock": 3}) + "\n"
    )
    (tmp_path / "users.csv").write_text("user,age,vip\n1,31,true\n")
    (tmp_path / "links.csv").write_text("item_id,other_id,relation\n10,11,also_buy\n")
    (tmp_path / "reviews.csv").write_text("user,product,text\n1,10,fine\n")
    (tmp_path / "README.md").write_text("ours")
    names = {"user_id": "user", "item_id": "product", "items.item_id": "sku"}
    names |= {"links.item_id": "item_id"}
    dataset = read("table", tmp_path, columns=names, name="shop")
    assert dataset.events.select("user_id", "item_id").rows() == [("1", "10")]
    item = dataset.items.row(0, named=True)
    assert (item["item_id"], item["categories"], item["stock"]) == ("10", ["hot", "drinks"], 3)
    assert dataset.users.row(0) == ("1", 31, True)
    assert dataset.links.row(0) == ("10", "11", "also_buy")
    assert dataset.reviews["text"].to_list() == ["fine"]


def test_lists_are_json_or_words_with_bars_between(tmp_path):
    (tmp_path / "items.csv").write_text(
        'item_id,categories\n1,tea| green |tea\n2,"[""a|b"", ""c""]"\n3,\n4,[Explicit] hits\n'
    )
    (tmp_path / "events.csv").write_text("user_id,item_id\n1,1\n")
    assert read("table", tmp_path).items["categories"].to_list() == [
        ["tea", "green"],
        ["a|b", "c"],
        None,
        ["[Explicit] hits"],
    ]


def test_other_columns_of_items_are_numbers_only_if_every_cell_is_one(tmp_path):
    (tmp_path / "items.csv").write_text(
        "item_id,stock,weight,code,sold,mixed\n1,3,0.5,007,true,1\n2,,1e2,12,False,x\n"
    )
    (tmp_path / "events.csv").write_text("user_id,item_id\n1,1\n")
    items = read("table", tmp_path).items
    assert items["stock"].to_list() == [3, None]
    assert items["weight"].to_list() == [0.5, 100.0]
    assert items["code"].to_list() == ["007", "12"]
    assert items["sold"].to_list() == [True, False]
    assert items["mixed"].to_list() == ["1", "x"]


def test_a_field_that_comes_up_late_in_json_is_read(tmp_path):
    lines = [{"item_id": str(i)} for i in range(300)]
    lines[250] |= {"title": "late", "shelf": "b"}
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "events.csv").write_text("user_id,item_id\n1,1\n")
    item = read("table", tmp_path).items.row(250, named=True)
    assert (item["title"], item["shelf"]) == ("late", "b")


def test_the_publishers_parts_are_kept(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,part\n1,2,train\n1,3,test\n")
    assert read("table", path).events["part"].to_list() == ["train", "test"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"usr_id": "a"}}, "no column is called 'usr_id'; did you mean 'user_id'"),
        ({"time": "sec"}, "time='sec' is not known"),
        ({"table": "event"}, "did you mean 'events'"),
        ({"unit": "ms"}, "the source 'table' has no option 'unit'"),
        ({"columns": "user_id=a"}, "the option columns='user_id=a' of 'table': input should be"),
        ({"time": 5}, "the option time=5 of 'table': input should be a valid string"),
    ],
)
def test_wrong_options_are_explained(tmp_path, options, message):
    (tmp_path / "log.csv").write_text("user_id,item_id\n1,2\n")
    with pytest.raises(BadSetting, match=message):
        read("table", tmp_path / "log.csv", **options)


def test_a_behaviour_that_there_is_not_is_refused(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,behavior\n1,2,view\n")
    with pytest.raises(UnknownName, match="'buy'"):
        read("table", path, behaviors={"view": "buy"})


def test_a_mapped_column_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("customer,sku\n1,2\n")
    with pytest.raises(
        BadInput, match=r"log\.csv:1: has no column 'client' for user_id, only cust"
    ):
        read("table", path, columns={"user_id": "client", "item_id": "sku"})


def test_a_folder_without_tables_says_how_to_name_them(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id\n1,2\n")
    with pytest.raises(BadInput, match=r"holds log\.csv and no file named after a table"):
        read("table", tmp_path)


def test_an_unknown_end_is_refused(tmp_path):
    (tmp_path / "events.doc").write_text("x")
    with pytest.raises(BadInput, match=r"the end '\.doc' is not known"):
        read("table", tmp_path / "events.doc")


def test_columns_that_are_not_read_are_named(tmp_path, caplog):
    file = tmp_path / "log.csv"
    file.write_text("user_id,item_id,stars,timestamp\na,x,5,1600000000\n")
    read("table", file)
    note = "log.csv: columns not read: stars, timestamp; not found: behavior, value, time"
    assert note in caplog.text
    caplog.clear()
    read("table", file, columns={"value": "stars", "time": "timestamp"})
    assert not caplog.text


def test_one_file_is_one_table_and_one_table_is_one_file(tmp_path):
    for name in ("events.csv", "more.csv"):
        (tmp_path / name).write_text("user_id,item_id\nu,a\n")
    log, more = tmp_path / "events.csv", str(tmp_path / "more.csv")
    with pytest.raises(BadInput, match=r"could be the events: events\.csv, more\.csv; name"):
        read("table", log, events=more)
    for path in (log, tmp_path):
        with pytest.raises(BadInput, match=r"more\.csv is given as events and as items"):
            read("table", path, events=more, items=more)
    assert len(read("table", log, items=str(log)).items) == 1  # the option says what the file is


def test_a_letter_that_polars_cannot_separate_by_is_refused(tmp_path):
    (tmp_path / "events.csv").write_text("user_id§item_id\nu§a\n")
    with pytest.raises(BadSetting, match="is no single letter"):
        read("table", tmp_path, separator="§")
