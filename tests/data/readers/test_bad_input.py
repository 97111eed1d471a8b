"""Files as they should not be: every message says where, what, and what to do."""

import gzip
import json

import polars as pl
import pytest

from recweave.core.errors import BadInput, BadSetting, UnknownName
from recweave.data.readers import examine, read

HEAD = b"user_id,item_id,value,time\n"
GOOD = b"ann,tea,4,1700000000\n"
REMEDY = (
    r"mend these rows, or leave them out with skip_bad=FILE \(on the command line --skip-bad FILE"
)

ROWS = {
    "a rating that is no number": (b"ann,tea,abc,1700000000\n", "value 'abc' is not a number"),
    "a rating with an unclear comma": (
        b'ann,tea,"4,500",1700000000\n',
        "value '4,500' is not a number, or its comma is unclear; if so give --decimal",
    ),
    "a rating that is nan": (b"ann,tea,nan,1700000000\n", "value 'nan' is not a finite number"),
    "a rating that is infinite": (b"ann,tea,-inf,1700000000\n", "value '-inf' is not a finite"),
    "a rating beyond float32": (b"ann,tea,1e39,1700000000\n", "value '1e39' is not a finite"),
    "no rating": (b"ann,tea,,1700000000\n", "value is missing"),
    "no user": (b",tea,4,1700000000\n", "user_id is missing"),
    "a quoted empty user": (b'"",tea,4,1700000000\n', "user_id is missing"),
    "no item": (b"ann,,4,1700000000\n", "item_id is missing"),
    "no time": (b"ann,tea,4,\n", "time is missing"),
    "a time before 1970": (b"ann,tea,4,-5\n", "time '-5' is before 1970"),
    "a time in milliseconds": (
        b"ann,tea,4,1700000000000\n",
        "time '1700000000000' is after the year 2100; give time='ms' if it counts milliseconds",
    ),
    "a time beyond 64 bits": (b"ann,tea,4,99999999999999999999999\n", "time '9+' is not a whole"),
    "a date": (
        b"ann,tea,4,2023-11-14\n",
        r"time '2023-11-14' is not a whole number \(s since 1970\); give time='iso' if it is a",
    ),
    "too many columns": (b"ann,tea,4,1700000000,5\n", "has 5 columns where 4 are named"),
    "too few columns": (b"ann,tea\n", "has 2 columns where 4 are named"),
    "other separators": (b"ann;tea;4;1700000000\n", "has 1 columns where 4 are named"),
    "a byte that is not UTF-8": (
        b"\xe4nn,tea,4,1700000000\n",
        "has the byte 0xe4 at place 1, which is not UTF-8; save the file as UTF-8",
    ),
    "a NUL byte": (b"ann,t\0a,4,1700000000\n", "has a NUL byte at place 6; write the file again"),
    "a block of NULs": (b"\0" * 512 + b"\n", "has a NUL byte at place 1"),
    "a stray quote": (b'ann,"te"a,4,1700000000\n', "has a quote that is neither around a cell nor"),
    "an open quote": (b'ann,"tea,4,1700000000\n', "has a quote that is not closed; close it or"),
    "two faults": (b"ann,tea,x,-1\n", "value 'x' is not a number; time '-1' is before 1970"),
}


@pytest.mark.parametrize("row, what", ROWS.values(), ids=ROWS)
def test_a_bad_row_is_refused_with_file_line_and_remedy(tmp_path, row, what):
    path = tmp_path / "log.csv"
    path.write_bytes(HEAD + GOOD + row + GOOD)
    with pytest.raises(BadInput, match=rf"(?s)1 row cannot .*log\.csv:3: {what}.*{REMEDY}"):
        read("table", path)
    side = tmp_path / "refused.txt"
    dataset = read("table", path, skip_bad=side)
    assert dataset.events["user_id"].to_list() == ["ann", "ann"]
    head, reason, *rows = side.read_bytes().splitlines(keepends=True)
    assert head.startswith(b"# refused by recweave")
    assert reason.startswith(f"# {path}:3: ".encode())
    assert b"".join(rows) == row


JSON_ROWS = {
    "no JSON": (b"ann likes tea", r"is not JSON \(Expecting value\)"),
    "half a line": (b'{"user_id": "ann", "item_', r"is not JSON \(Unterminated string"),
    "a list": (b'["ann", "tea"]', "is a list, not an object with named fields"),
    "a missing field": (b'{"user_id": "ann", "value": 4}', "item_id is missing"),
    "a rating of words": (
        b'{"user_id": "ann", "item_id": "tea", "value": "good"}',
        "value 'good' is not a number",
    ),
    "a rating that is a list": (
        b'{"user_id": "ann", "item_id": "tea", "value": [4]}',
        r"value '\[4\]' is not a number",
    ),
    "NaN": (
        b'{"user_id": "ann", "item_id": "tea", "value": NaN}',
        "value 'NaN' is not a finite number",
    ),
    "nested without end": (b"[" * 100_000, r"is not JSON \(RecursionError\)"),
    "a byte that is not UTF-8": (b'{"user_id": "\xff"}', "has the byte 0xff at place 14"),
}


@pytest.mark.parametrize("row, what", JSON_ROWS.values(), ids=JSON_ROWS)
def test_a_bad_line_of_json_is_refused_with_its_line(tmp_path, row, what):
    good = b'{"user_id": "ann", "item_id": "tea", "value": 4}\n'
    path = tmp_path / "log.jsonl"
    path.write_bytes(good + b"\n" + row + b"\n" + good)
    with pytest.raises(BadInput, match=rf"(?s)log\.jsonl:3: {what}.*{REMEDY}"):
        read("table", path)
    side = tmp_path / "refused.txt"
    assert len(read("table", path, skip_bad=side).events) == 2
    assert side.read_bytes().endswith(b"\n" + row + b"\n")


def _csv(content):
    return lambda path: path.write_bytes(content)


def _half_parquet(path):
    pl.DataFrame({"user_id": ["a"] * 1000, "item_id": ["b"] * 1000}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])


def _damaged(packed):
    middle = len(packed) // 2
    return packed[:middle] + b"\xff" * 20 + packed[middle + 20 :]


FILES = {
    "an empty file": ("log.csv", _csv(b""), r"log\.csv: is empty; fetch or write it again"),
    "a header alone": ("log.csv", _csv(HEAD), r"log\.csv: holds no rows; fetch or write it again"),
    "blank lines alone": ("log.txt", _csv(b"\n \n\n"), r"log\.txt: holds no rows"),
    "a missing column": (
        "log.csv",
        _csv(b"user_id,product\nann,tea\n"),
        r"log\.csv:1: has no column 'item_id' for item_id, only user_id, product; name it in col",
    ),
    "no header": (
        "log.csv",
        _csv(GOOD),
        r"log\.csv:1: has no column 'user_id' for user_id, only ann, tea, 4, 1700000000; name it",
    ),
    "a column named twice": (
        "log.csv",
        _csv(b"user_id,item_id,item_id\n1,2,3\n"),
        r"log\.csv:1: names the column 'item_id' twice; rename one",
    ),
    "UTF-16 that breaks off": (
        "log.csv",
        _csv((HEAD + GOOD).decode().encode("utf-16")[:-1]),
        r"log\.csv:\d: is not whole text of the encoding it begins with \(.*\); write it again",
    ),
    "a gzip file that breaks off": (
        "log.csv.gz",
        _csv(gzip.compress(HEAD + GOOD * 10_000)[:-30]),
        r"log\.csv\.gz:\d+: the gzip stream is broken after this line \(.*\); fetch the file again",
    ),
    "a gzip file with another checksum": (
        "log.csv.gz",
        _csv(gzip.compress(HEAD + GOOD)[:-8] + b"12345678"),
        r"log\.csv\.gz:\d+: the gzip stream is broken .*; fetch the file again",
    ),
    "a gzip file with damage in it": (
        "log.csv.gz",
        _csv(_damaged(gzip.compress(HEAD + bytes(range(48, 58)) * 9 + b"\n" + GOOD * 999))),
        r"log\.csv\.gz:\d+: the gzip stream is broken .*; fetch the file again",
    ),
    "a Parquet file half written": (
        "log.parquet",
        _half_parquet,
        r"log\.parquet: is not a whole Parquet file \(.*\); fetch or write it again",
    ),
    "a Parquet file that is none": (
        "log.parquet",
        _csv(HEAD + GOOD),
        r"log\.parquet: is not a whole Parquet file",
    ),
    "a Parquet file without the column": (
        "log.parquet",
        lambda path: pl.DataFrame({"user_id": [1]}).write_parquet(path),
        r"log\.parquet:1: has no column 'item_id' for item_id, only user_id",
    ),
    "a Parquet column of another kind": (
        "log.parquet",
        lambda path: pl.DataFrame({"user_id": [1], "item_id": [{"a": 1}]}).write_parquet(path),
        r"log\.parquet: has columns of the wrong types \(.*\); convert them, or map others",
    ),
    "JSON lines without JSON": (
        "log.jsonl",
        _csv(b"user_id,item_id\n1,2\n"),
        r"log\.jsonl:1: is not JSON \(Expecting value\); is it the right source and file\?",
    ),
    "a csv given as a sequence": (
        "log.txt",
        _csv(b"user,item\n1,2\n"),
        r"log\.txt: holds no rows",
    ),
}


@pytest.mark.parametrize("name, write, message", FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_read_is_named_and_never_skipped(tmp_path, name, write, message):
    path = tmp_path / name
    write(path)
    source = "sequence" if name.endswith(".txt") else "table"
    for skip_bad in (None, tmp_path / "refused.txt"):
        with pytest.raises(BadInput, match=message):
            read(source, path, skip_bad=skip_bad)
    reading = examine(source, path)
    assert reading.dataset is None
    assert len(reading.problems.broken) == 1


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(
        BadInput, match=r"nowhere: cannot be opened: No such file.*; check the path"
    ):
        read("movielens", tmp_path / "nowhere")


def test_an_empty_folder(tmp_path):
    with pytest.raises(BadInput, match="holds no files; give the folder that the archive was unp"):
        read("movielens", tmp_path)


def test_an_unknown_source(tmp_path):
    with pytest.raises(UnknownName, match="no source is called 'movielense'; did you mean 'moviel"):
        read("movielense", tmp_path)


def test_ids_that_stand_twice_with_other_content_are_refused(tmp_path):
    (tmp_path / "events.csv").write_text("user_id,item_id\n1,tea\n")
    (tmp_path / "items.csv").write_text("item_id,title\ntea,Tea\ncup,Cup\ntea,Coffee\ncup,Cup\n")
    with pytest.raises(BadInput, match=r"items\.csv:4: item_id 'tea' stands on line 2 already"):
        read("table", tmp_path)
    reading = examine("table", tmp_path)
    assert reading.problems.notes == {"item_id again": 1}  # the same row again loses nothing
    assert reading.dataset.items["title"].to_list() == ["Tea", "Cup"]


def test_every_problem_of_every_file_is_found(tmp_path):
    (tmp_path / "events.csv").write_text("user_id,item_id,time\n1,tea,x\n,tea,5\n1,tea,5\n")
    (tmp_path / "items.csv").write_text("item_id,title\n,Nothing\ntea,Tea\n")
    (tmp_path / "users.csv").write_text("")
    problems = examine("table", tmp_path).problems
    assert [(p.file.rsplit("/", 1)[1], p.line) for p in problems if not p.note] == [
        ("users.csv", None)
    ]
    (tmp_path / "users.csv").unlink()
    problems = examine("table", tmp_path).problems
    assert [(p.file.rsplit("/", 1)[1], p.line) for p in problems] == [
        ("events.csv", 2),
        ("events.csv", 3),
        ("items.csv", 2),
    ]
    assert problems.errors.total() == 3


def test_many_problems_are_counted_and_the_first_of_each_kind_listed(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(HEAD + b"ann,tea,x,5\n" * 500 + b"ann,tea,4,-5\n" * 30)
    problems = examine("table", path).problems
    assert problems.errors == {"value is not a number": 500, "time is before 1970": 30}
    assert len(problems.listed) == 130
    with pytest.raises(BadInput) as caught:
        read("table", path)
    message = str(caught.value)
    assert message.startswith("530 rows cannot be taken as they stand:")
    _, first, second, advice = message.splitlines()
    assert first.endswith("log.csv:2: value 'x' is not a number (499 more like it)")
    assert second.endswith("log.csv:502: time '-5' is before 1970 (29 more like it)")
    assert advice.startswith("mend these rows")


def test_a_long_cell_is_cut_in_the_message(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(HEAD + b"ann,tea," + b"x" * 5_000 + b",5\n")
    with pytest.raises(BadInput) as caught:
        read("table", path)
    assert len(str(caught.value)) < 500


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + GOOD + GOOD).replace(b"\n", b"\r\n"))
    assert read("table", path).events["time"].to_list() == [1700000000] * 2
    path.write_bytes(path.read_bytes() + b"ann,tea,x,1\r\n")  # and none on the careful way
    reading = examine("table", path)
    assert reading.dataset.events["time"].to_list() == [1700000000] * 2
    assert reading.problems.errors == {"value is not a number": 1}


def test_the_side_file_never_replaces_a_file_of_the_user(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(HEAD + GOOD)
    with pytest.raises(BadSetting, match=r"skip_bad=.*log\.csv would overwrite a file that is no"):
        read("table", path, skip_bad=path)
    assert path.read_bytes() == HEAD + GOOD
    side = tmp_path / "refused.txt"
    for _ in range(2):  # but an older one of ours it does
        read("table", path, skip_bad=side)
    assert side.read_bytes().count(b"\n") == 1
    with pytest.raises(BadSetting, match="cannot be written: No such file"):
        read("table", path, skip_bad=tmp_path / "no" / "refused.txt")


def test_rows_left_out_are_counted_in_a_warning(tmp_path, caplog):
    path = tmp_path / "log.csv"
    path.write_bytes(HEAD + GOOD + b"ann,tea,x,5\n" * 3)
    read("table", path, skip_bad=tmp_path / "refused.txt")
    assert "log.csv:3: value 'x' is not a number (2 more like it)" in caplog.text
    assert f"3 rows were left out; {tmp_path / 'refused.txt'} keeps them" in caplog.text


def test_problems_as_json(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(HEAD + GOOD + b"ann,tea,x,5\n")
    found = json.loads(json.dumps(examine("table", path).problems.to_json()))
    assert found == {
        "errors": {"value is not a number": 1},
        "notes": {},
        "listed": [
            {"file": str(path), "line": 3, "what": "value 'x' is not a number", "note": False}
        ],
    }
