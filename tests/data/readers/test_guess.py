"""A look at people's files: the command that comes out reads them."""

import gzip
import json
import shlex
import zipfile

import polars as pl
import pytest
from typer.testing import CliRunner

from recweave.cli import app
from recweave.core.errors import BadInput
from recweave.data.dataset import Dataset
from recweave.data.readers.guess import guess

RETAIL = """InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country
536365;85123A;HEART;6;01.12.2010 08:26;2,55;17850.0;UK
536366;71053;LANTERN;6;21.12.2010 08:26;3,39;17850.0;UK
536367;84406B;HEARTS;8;22.12.2010 08:28;2,75;13047.0;UK
"""


def run(words):
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def read_as_guessed(path, monkeypatch):
    """The dataset that the command makes when it is pasted, and the guess."""
    monkeypatch.chdir(path.parent)
    found = guess(path.name)
    words = shlex.split(found.command)
    assert words[0] == "recweave"
    run(words[1:])
    return Dataset.load(found.out), found


def events(dataset):
    return dataset.events.select("user_id", "item_id", "behavior", "value", "time").rows()


def test_a_shops_invoices(tmp_path, monkeypatch):
    path = tmp_path / "online retail.csv"
    path.write_text(RETAIL)
    dataset, found = read_as_guessed(path, monkeypatch)
    assert events(dataset)[0] == ("17850", "85123A", "purchase", 1.0, 1291191960)
    assert len(dataset.events) == 3
    (one,) = found.files
    assert one.columns == {"user_id": "CustomerID", "item_id": "StockCode", "time": "InvoiceDate"}
    assert one.others == ("InvoiceNo", "Description", "Quantity", "UnitPrice", "Country")
    assert one.form == "text, separator semicolon, utf-8, with a header line"


FORMS = {
    "amazon.jsonl": (
        '{"reviewerID": "A", "asin": "B1", "overall": 5.0, "unixReviewTime": 1700000000}\n'
        '{"reviewerID": "C", "asin": "B2", "overall": 3.0, "unixReviewTime": 1700000001}\n',
        [("A", "B1", "rating", 5.0, 1700000000), ("C", "B2", "rating", 3.0, 1700000001)],
    ),
    "nested.json": (
        json.dumps(
            [
                {"user": {"id": 1}, "product": {"sku": "a", "name": "A"}, "ts": 1700000000000},
                {"user": {"id": 2}, "product": {"sku": "b", "name": "B"}, "ts": 1700000001000},
            ],
            indent=1,
        ),
        [("1", "a", "click", 1.0, 1700000000), ("2", "b", "click", 1.0, 1700000001)],
    ),
    "u.txt": (
        "196\t242\t3\t881250949\n186\t302\t5\t891717742\n22\t377\t1\t878887116\n",
        [
            ("196", "242", "rating", 3.0, 881250949),
            ("186", "302", "rating", 5.0, 891717742),
            ("22", "377", "rating", 1.0, 878887116),
        ],
    ),
    "clickstream.csv": (
        "visitorid,event,itemid,timestamp\n1,view,a,1700000000000\n1,addtocart,a,1700000001000\n"
        "1,transaction,a,1700000002000\n",
        [
            ("1", "a", "view", 1.0, 1700000000),
            ("1", "a", "cart", 1.0, 1700000001),
            ("1", "a", "purchase", 1.0, 1700000002),
        ],
    ),
    "Book-Ratings.csv": (
        '"User-ID";"ISBN";"Book-Rating"\n"1";"034545104X";"0"\n"2";"0155061224";"5"\n',
        [
            ("1", "034545104X", "rating", 0.0, None),
            ("2", "0155061224", "rating", 5.0, None),
        ],
    ),
    "days.csv": (
        "UserId,ProductId,Score,Date\nann,tea,4,03/04/2023\nbob,cup,2,05/04/2023\n",
        None,  # days or months first: it reads, and says so
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_command_reads_what_people_have(tmp_path, monkeypatch, name):
    text, expected = FORMS[name]
    path = tmp_path / name
    path.write_text(text)
    dataset, found = read_as_guessed(path, monkeypatch)
    if expected is None:
        assert len(dataset.events) == 2
        assert "may begin with the day or with the month; the other is --option" in str(found)
    else:
        assert events(dataset) == expected
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert guess(packed).files[0].columns == found.files[0].columns


def test_parquet_with_other_names(tmp_path, monkeypatch):
    path = tmp_path / "log.parquet"
    pl.DataFrame({"CustomerId": [1, 2], "ProductID": [3, 4]}).write_parquet(path)
    dataset, _ = read_as_guessed(path, monkeypatch)
    assert dataset.events.select("user_id", "item_id").rows() == [("1", "3"), ("2", "4")]


def shop(folder):
    folder.mkdir()
    (folder / "clicks.csv").write_text(
        "CustomerID,ASIN,Event Type,created_at\n1,a,pageview,2023-01-02T10:00:00Z\n"
        "2,b,transaction,2023-01-02T11:00:00Z\n"
    )
    goods = "asin;name;list_price\na;Grün;4,99 EUR\nb;B;5 EUR\n"
    (folder / "products.csv").write_bytes(goods.encode("cp1252"))
    (folder / "customers.csv").write_text("CustomerID,age\n1,30\n2,41\n")
    (folder / "archive.csv").write_text("customer,product\n1,a\n")
    (folder / "README.md").write_text("ours")
    return folder


def test_a_folder_of_several_tables(tmp_path, monkeypatch):
    dataset, found = read_as_guessed(shop(tmp_path / "shop"), monkeypatch)
    assert dataset.events["behavior"].to_list() == ["view", "purchase"]
    assert dataset.items.select("title", "price").rows() == [("Grün", 4.99), ("B", 5.0)]
    assert dataset.users["age"].to_list() == [30, 41]
    assert {one.file: one.table for one in found.files} == {
        "README.md": "",
        "archive.csv": "",
        "clicks.csv": "events",
        "customers.csv": "users",
        "products.csv": "items",
    }


def test_a_zip_archive_is_looked_into(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "retail.zip", "w") as archive:
        archive.writestr("retail.csv", RETAIL)
    dataset, _ = read_as_guessed(tmp_path / "retail.zip", monkeypatch)
    assert len(dataset.events) == 3


def test_a_known_publishers_files_go_to_their_reader(tmp_path):
    (tmp_path / "u.data").write_text("1\t2\t3\t881250949\n")
    assert guess(tmp_path).source == "movielens"


def test_json_for_machines(tmp_path):
    (tmp_path / "log.csv").write_text("user,item\n1,2\n")
    found = json.loads(run(["data", "guess", str(tmp_path / "log.csv"), "--json"]).stdout)
    assert found["command"].startswith("recweave data read table ")
    assert found["files"][0]["columns"] == {"user_id": "user", "item_id": "item"}


def test_files_that_hold_no_table_are_named_with_the_reason(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "b.csv").write_text("colour,size\nred,4\n")
    with pytest.raises(BadInput, match=r"no file looks like a table .*a\.csv: is a PNG picture"):
        guess(tmp_path)


def test_what_one_option_cannot_say_of_all_files_is_doubted(tmp_path):
    (tmp_path / "events.csv").write_text("u1,5,1772359964\nu2,6,1772359965\n")
    (tmp_path / "items.csv").write_text("item_id,title\n5,Five\n6,Six\n")
    found = guess(str(tmp_path))
    assert any("only events.csv has no header line" in doubt for doubt in found.doubts)


BASKETS = {
    "groceries.csv": (
        "citrus fruit,margarine,soup\nyogurt,coffee\nwhole milk\nyogurt,cream,citrus fruit\n"
        "coffee,yogurt,whole milk,soup\n",
        [("1", "citrus fruit"), ("1", "margarine"), ("1", "soup"), ("2", "yogurt")],
    ),
    "retail.dat": (
        "0 1 2 3 4\n30 31 32\n33 34 35\n36 37 38 39 40\n38 39 0 41\n39 30 1\n",
        [("1", "0"), ("1", "1"), ("1", "2"), ("1", "3")],
    ),
    "log.basket": (
        "ann;tea;cup\nbob;cup\ncarl;pot;tea;cup\n",
        [("ann", "tea"), ("ann", "cup"), ("bob", "cup"), ("carl", "pot")],
    ),
    "train.txt": (
        "0 5 6 7\n1 6 5\n2 7 5 6 8\n3 8\n",
        [("0", "5"), ("0", "6"), ("0", "7"), ("1", "6")],
    ),
}


@pytest.mark.parametrize("name", BASKETS)
def test_baskets_are_recognised(tmp_path, monkeypatch, name):
    text, first = BASKETS[name]
    path = tmp_path / name
    path.write_text(text)
    dataset, found = read_as_guessed(path, monkeypatch)
    assert found.source == "basket"
    assert dataset.events.select("user_id", "item_id").rows()[:4] == first
    assert "--option user=true" in str(found)


def test_a_table_with_gaps_at_the_end_of_its_rows_is_no_basket(tmp_path):
    path = tmp_path / "log.csv"
    rows = "".join(f"u{n},i{n % 7},{n % 5}{',x' * (n % 2)}\n" for n in range(40))
    path.write_text(rows)
    assert guess(path).source == "table"
    path.write_text("user_id,item_id,note\n" + rows)
    assert guess(path).source == "table"


def test_recbole_files_are_recognised_whole_or_cut(tmp_path, monkeypatch):
    head = "user_id:token\titem_id:token\n"
    shop = tmp_path / "shop"
    shop.mkdir()
    for part, item in {"train": "a", "valid": "b", "test": "c"}.items():
        (shop / f"shop.{part}.inter").write_text(f"{head}u\t{item}\n")
    dataset, found = read_as_guessed(shop, monkeypatch)
    assert found.source == "recbole"
    assert dataset.events.select("item_id", "part").rows() == [
        ("a", "train"),
        ("b", "valid"),
        ("c", "test"),
    ]
    dataset, found = read_as_guessed(shop / "shop.train.inter", monkeypatch)
    assert found.source == "recbole" and len(dataset.events) == 1


def test_one_file_of_a_folder_is_named_in_the_command(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "orders.csv").write_text("customer,sku\n1,a\n2,b\n")
    dataset, _ = read_as_guessed(tmp_path / "export", monkeypatch)
    assert dataset.events["item_id"].to_list() == ["a", "b"]
