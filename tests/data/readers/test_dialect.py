"""How a file of one's own holds its rows: found out, or said."""

import gzip
import json
import zipfile

import pytest

from recweave.core.errors import BadInput, BadSetting
from recweave.data.readers import examine, read

WORDS = ["Größe", "Käse", "Mützen", "Öl", "Süßes", "Fußgängerüberweg"]


def rows(path, **options):
    return read("table", path, **options).events.select("user_id", "item_id", "value").rows()


EXPECTED = [("ann", "tea, green", 4.0), ("bob", "a|b", 3.0)]


@pytest.mark.parametrize("end", [".csv", ".txt", ".dat", ".tsv"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::", " "])
def test_a_separator_is_inferred_and_noted(tmp_path, separator, end):
    path = tmp_path / f"log{end}"
    lines = [["user_id", "item_id", "value"], ["ann", "tea", "4"], ["bob", "c;u:p", "3"]]
    if separator == ";":
        lines[2][1] = "c,u:p"
    path.write_text("".join(separator.join(line) + "\n" for line in lines))
    reading = examine("table", path)
    found = reading.dataset.events.select("user_id", "item_id", "value").rows()
    assert found == [("ann", "tea", 4.0), ("bob", lines[2][1], 3.0)]
    own = {".csv": ",", ".tsv": "\t"}.get(end, ",")
    notes = [problem.what for problem in reading.problems]
    assert bool(notes) == (separator != own)
    assert all("is read with the separator" in what for what in notes)
    assert rows(path, separator=separator) == found


def test_the_name_of_the_file_counts_where_several_separators_would_do(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,value\nann,a;b c,4\nbob,c;d e,3\n")
    assert rows(path) == [("ann", "a;b c", 4.0), ("bob", "c;d e", 3.0)]
    path.write_text('user_id;item_id;value\n"ann";"tea, green";4\n"bob";"a|b";3\n')
    assert rows(path) == EXPECTED


def test_a_separator_by_table(tmp_path):
    (tmp_path / "events.csv").write_text("user_id,item_id\nann,tea\n")
    (tmp_path / "items.csv").write_text("item_id/title\ntea/Green\n")
    dataset = read("table", tmp_path, separator={"items": "/"})
    assert dataset.items["title"].to_list() == ["Green"]
    with pytest.raises(BadSetting, match="separator='//' is no single letter and no '::'"):
        read("table", tmp_path, separator="//")


def test_a_file_without_a_header_line(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("ann,tea,4\nbob,cup,3\n")
    found = [("ann", "tea", 4.0), ("bob", "cup", 3.0)]
    assert rows(path, names=["user_id", "item_id", "value"]) == found
    columns = {"user_id": "1", "item_id": "2", "value": "3"}
    assert rows(path, header=False, columns=columns) == found


def test_quotes_that_are_letters_and_quotes_after_backslashes(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('user_id,item_id,value\nann,5" disk,4\n')
    assert rows(path, quoted=False) == [("ann", '5" disk', 4.0)]
    path.write_text('user_id,item_id,value\nann,"say \\"hi\\", you",4\nbob,"c\\\\d",3\n')
    assert rows(path, escaped=True) == [("ann", 'say "hi", you', 4.0), ("bob", "c\\d", 3.0)]


LEGACY = {
    "cp1252": WORDS,
    "cp1251": ["Название", "Чай зеленый", "Кофе черный молотый", "Сахар"],
    "cp932": ["商品名", "緑茶", "コーヒー豆 深煎り", "砂糖のお菓子"],
    "gb18030": ["商品名称", "绿茶", "连衣裙 红色 夏季", "咖啡豆"],
    "cp949": ["상품명", "녹차", "커피 원두", "설탕 과자"],
}


@pytest.mark.parametrize("late", [False, True], ids=["in the first lines", "late in the file"])
@pytest.mark.parametrize("encoding", LEGACY)
def test_an_old_encoding_is_inferred_and_noted(tmp_path, encoding, late):
    words = LEGACY[encoding]
    path = tmp_path / "log.csv"
    plain = [f"user{n},item,1" for n in range(9_000 * late)]
    lines = ["user_id,item_id,value", *plain, *(f"ann,{word},4" for word in words)]
    path.write_bytes("\n".join(lines).encode(encoding))
    reading = examine("table", path)
    assert reading.dataset.events["item_id"].to_list()[-len(words) :] == words
    (note,) = reading.problems
    assert f"is read as {encoding}, as it is not UTF-8" in note.what
    assert read("table", path, encoding=encoding).events["item_id"].to_list()[-1] == words[-1]


def test_a_column_name_in_an_old_encoding(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes("Käufer,Größe,value\nMüller,Süßes Öl für,4\n".encode("cp1252"))
    found = rows(path, columns={"user_id": "Käufer", "item_id": "Größe"})
    assert found == [("Müller", "Süßes Öl für", 4.0)]


def test_an_encoding_that_few_letters_show_is_only_named(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes("user_id,item_id,value\nMüller,tea,4\n".encode("cp1252"))
    with pytest.raises(BadInput, match=r"log\.csv:2: has the byte 0xfc.*\(--encoding cp1252, by"):
        read("table", path)
    assert rows(path, encoding="cp1252") == [("Müller", "tea", 4.0)]
    path.write_bytes("user_id,item_id,value\nMüller,茶,4\n".encode() + b"M\xfcller,tea,4\n")
    with pytest.raises(BadInput, match=r"log\.csv:3: has the byte 0xfc.*not UTF-8"):
        read("table", path)  # the rest is UTF-8, so this row is broken
    with pytest.raises(BadSetting, match="encoding='utf-9' is not known"):
        read("table", path, encoding="utf-9")


def test_json_lists_and_fields_that_lie_deeper(tmp_path):
    path = tmp_path / "log.json"
    events = [
        {"who": {"id": "ann"}, "product": {"name": "tea", "sizes": [{"cm": 4}]}},
        {"who": {"id": "bob"}, "product": {"name": "cup", "sizes": [{"cm": 3.0}]}},
    ]
    columns = {"user_id": "who.id", "item_id": "product.name", "value": "product.sizes.0.cm"}
    found = [("ann", "tea", 4.0), ("bob", "cup", 3.0)]
    documents = [
        json.dumps(events),
        json.dumps(events, indent=2),
        json.dumps({"total": 2, "events": events}, indent=2),
        "".join(json.dumps(event) + "\n" for event in events),
    ]
    for text in documents:
        path.write_text(text)
        assert rows(path, columns=columns) == found
    path.write_text(json.dumps({"events": events, "users": [{"a": 1}]}, indent=1))
    with pytest.raises(BadInput, match=r"holds several lists \(events, users\); save each as a"):
        read("table", path, columns=columns)


def test_a_file_for_each_table_and_the_others_are_named(tmp_path):
    (tmp_path / "orders.csv").write_text("user_id,item_id\nann,tea\n")
    (tmp_path / "products.csv").write_text("item_id,title\ntea,Green tea\n")
    (tmp_path / "prices.csv").write_text("item_id;price\ntea;3,78\n")
    (tmp_path / "pictures").mkdir()
    reading = examine("table", tmp_path, events="orders.csv", items="products.csv")
    assert reading.dataset.items["title"].to_list() == ["Green tea"]
    (note,) = reading.problems
    assert "not read: pictures/, prices.csv; if one of them is a table, say which" in note.what
    with pytest.raises(BadInput, match=r"holds orders\.csv, prices\.csv, products\.csv and no"):
        read("table", tmp_path)
    with pytest.raises(BadInput, match=r"product\.csv is not in .* nor elsewhere; check the path"):
        read("table", tmp_path, events="orders.csv", items="product.csv")


def test_files_are_named_when_a_folder_is_read_as_it_is(tmp_path):
    (tmp_path / "events.csv").write_text("user_id,item_id\nann,tea\n")
    (tmp_path / "products.csv").write_text("item_id,title\ntea,Green tea\n")
    (note,) = examine("table", tmp_path).problems
    assert "not read: products.csv" in note.what


def test_a_zip_archive_is_read_as_the_file_or_the_folder_in_it(tmp_path):
    one = tmp_path / "export.zip"
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("anything.csv", "user_id,item_id,value\nann,tea,4\n,cup,3\n")
    (problem,) = examine("table", one).problems
    assert str(problem) == f"{one}:3: user_id is missing"
    side = tmp_path / "refused.txt"
    assert len(read("table", one, skip_bad=side).events) == 1
    assert side.read_text().splitlines()[1:] == [f"# {one}:3: user_id is missing", ",cup,3"]
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("export/events.csv", "user_id,item_id\nann,tea\n")
        archive.writestr("export/items.csv", "item_id,title\ntea,Tea\n,x\n")
        archive.writestr("export/about.html", "<html>")
    reading = examine("table", one)
    assert reading.dataset.items["title"].to_list() == ["Tea"]
    assert [str(problem) for problem in reading.problems] == [
        f"{one}/items.csv:3: item_id is missing",
        f"{one}: not read: about.html; if one of them is a table, say which (--items FILE, "
        "--users FILE, --reviews FILE …)",
    ]
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("a/u.data", "1\t2\t3\t881250949\n")
    assert len(read("movielens", one).events) == 1  # every source reads archives


def test_a_gzip_file_with_another_separator_and_encoding(tmp_path):
    path = tmp_path / "log.txt.gz"
    lines = ["user_id;item_id;value", *(f"ann;{word};4,5" for word in WORDS)]
    path.write_bytes(gzip.compress("\n".join(lines).encode("cp1252")))
    assert rows(path) == [("ann", word, 4.5) for word in WORDS]
