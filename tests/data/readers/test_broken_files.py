"""Files that are broken, or not what their names say: the right values or a message, never a panic.

Each reader kind (text with separators, JSON lines, JSON documents, Parquet, zip) has its own bad
files here; `test_bad_input` has those that are common.
"""

import io
import os
import zipfile

import polars as pl
import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import examine, read

HEAD = "user_id,item_id,value\n"


def rows(path, **options):
    return read("table", path, **options).events.select("user_id", "item_id", "value").rows()


def test_a_backslash_before_a_quote_never_changes_an_id(tmp_path):
    """Shared case 07: `"say \\"hi\\""` became `say \\hi\\` without a word."""
    path = tmp_path / "log.csv"
    path.write_text(HEAD + '1,"say \\"hi\\"",4\n2,c,4\n')
    with pytest.raises(BadInput, match=r"log\.csv:2: has a backslash before a quote; double the"):
        read("table", path)
    path.write_text(HEAD + '1,"C:\\",4\n2,"a""b\\c",4\n')  # backslashes that are letters
    assert rows(path) == [("1", "C:\\", 4.0), ("2", 'a"b\\c', 4.0)]


def test_a_file_cut_after_an_opening_quote_names_the_line(tmp_path, capfd):
    """Shared case 08: Polars panicked."""
    path = tmp_path / "cut.csv"
    path.write_text(HEAD + '1,a,3\n2,b,"')
    reading = examine("table", path)
    (problem,) = reading.problems
    assert str(problem) == f"{path}:3: has a quote that is not closed; close it or double it"
    assert reading.dataset.events["item_id"].to_list() == ["a"]
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"], ids=["no end of the last line", "with one"])
def test_every_line_end_is_one(tmp_path, end, last):
    path = tmp_path / "log.csv"
    text = end.join([HEAD.strip(), "1,a,3", "2,b,4"]) + (end if last else "")
    path.write_bytes(text.encode())
    assert rows(path) == [("1", "a", 3.0), ("2", "b", 4.0)]
    path.write_bytes(text.replace("3", "x").encode())
    assert [problem.line for problem in examine("table", path).problems] == [2]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be", "utf-16-le"])
def test_a_byte_order_mark_says_the_encoding(tmp_path, encoding):
    path = tmp_path / "log.csv"
    mark = "\ufeff" if encoding.endswith("e") else ""
    path.write_bytes((mark + HEAD + "Zoë,茶,3\n").encode(encoding))
    assert rows(path) == [("Zoë", "茶", 3.0)]
    path = tmp_path / "log.jsonl"
    path.write_bytes((mark + '{"user_id": "Zoë", "item_id": "茶", "value": 3}\n').encode(encoding))
    assert rows(path) == [("Zoë", "茶", 3.0)]


BINARY = {
    "a Parquet file": (b"PAR1\x15\x04\x15", "a Parquet file; end its name in .parquet"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "a PNG picture; give a table"),
    "a workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook; save the sheet as CSV"),
    "a database": (b"SQLite format 3\0\x10\0", "an SQLite database; export the table as CSV"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x58", "compressed with zstd; unpack it, or compress it with"),
    "a document": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document; export the table as CSV"),
}


@pytest.mark.parametrize("end", [".csv", ".jsonl"])
@pytest.mark.parametrize("start, what", BINARY.values(), ids=BINARY)
def test_a_file_that_is_no_text_is_called_what_it_is(tmp_path, end, start, what):
    path = tmp_path / f"log{end}"
    path.write_bytes(start + b"\xff\x01" * 50)
    with pytest.raises(BadInput, match=f"log{end}: is {what}"):
        read("table", path)


LINE = b'{"user_id": "ann", "item_id": "tea", "value": 4}\n'
OK = HEAD.encode() + b"ann,tea,3\n"
LOG = pl.DataFrame({"user_id": ["ann"] * 50, "item_id": ["tea"] * 50, "value": [1.0] * 50})


def parquet(frame):
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def packed(files, **how):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


WHOLE = parquet(LOG)
ZIP = packed({"events.csv": OK * 100}, compression=zipfile.ZIP_DEFLATED)

BAD = {
    "log.csv": {
        "cells too many in columns nobody asks for": (
            b"user_id,item_id,value,note\nann,tea,3,5,x\n",
            r"log\.csv:2: has 5 columns where 4 are named",
        ),
        "a quote left open in the names": (
            b'"user_id,item_id\nann,tea\n',
            r"log\.csv:1: has a quote that is neither around a cell nor doubled",
        ),
        "names alone": (b"user_id item_id value\n", r"log\.csv: holds no rows; fetch or write"),
        "a row with another separator": (
            OK + b"ann\ttea\t3\n",
            r"log\.csv:3: has 1 columns where 3 are named",
        ),
        "a web page": (
            b"<!DOCTYPE html><html><body>Not found</body></html>\n",
            r"log\.csv:1: has no column 'user_id' for user_id, only <!DOCTYPE",
        ),
        "a pointer of Git LFS": (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
            r"log\.csv:1: has no column 'user_id' .*git-lfs",
        ),
        "a comment above the names": (
            b"# exported 2024\n" + OK,
            r"log\.csv:1: has no column 'user_id' for user_id, only #, exported, 2024",
        ),
        "columns without names": (
            b"user_id,item_id,,\nann,tea,3,4\n",
            r"log\.csv:1: names the column '' twice",
        ),
        "the names again within": (
            OK + HEAD.encode(),
            r"log\.csv:3: value 'value' is not a number",
        ),
        "a footer": (OK + b"(1 row)\n", r"log\.csv:3: has 1 columns where 3 are named"),
        "UTF-16 without a mark": (
            OK.decode().encode("utf-16-le"),
            r"log\.csv:1: has a NUL byte at place 2; write the file again",
        ),
        "Excel's line about separators": (
            b"sep=;\nuser_id;item_id;value\nann;tea;3\n",
            r"log\.csv:1: (names the column|has no column 'user_id')",
        ),
    },
    "log.jsonl": {
        "a comma after an object": (
            LINE[:-1] + b",\n" + LINE,
            r"log\.jsonl:1: is not JSON \(Extra",
        ),
        "two objects on a line": (
            LINE + LINE[:-1] + LINE,
            r"log\.jsonl:2: is not JSON \(Extra data",
        ),
        "Python's quotes": (
            LINE + b"{'user_id': 'ann', 'item_id': 'tea'}\n",
            r"log\.jsonl:2: is not JSON \(Expecting property name",
        ),
        "an id that is null": (
            LINE + b'{"user_id": null, "item_id": "tea", "value": 1}\n',
            r"log\.jsonl:2: user_id is missing",
        ),
        "infinity": (
            LINE + b'{"user_id": "a", "item_id": "tea", "value": Infinity}\n',
            r"log\.jsonl:2: value 'Infinity' is not a finite number",
        ),
        "a line cut off": (LINE + LINE[:20], r"log\.jsonl:2: is not JSON \(Unterminated string"),
        "a tail of NULs": (LINE + b"\0" * 30, r"log\.jsonl:2: has a NUL byte at place 1"),
        "one letter of another encoding": (
            LINE + b'{"user_id": "M\xfcller", "item_id": "tea", "value": 4}\n',
            r"log\.jsonl:2: has the byte 0xfc at place 15.*--encoding cp1252, by its look",
        ),
        "objects of something else": (b'{"a": 1}\n', r"log\.jsonl:1: has no column 'user_id'"),
        "a number that is a list": (
            LINE + b'{"user_id": "a", "item_id": "b", "value": [1]}\n',
            r"log\.jsonl:2: value '\[1\]' is not a number",
        ),
    },
    "log.json": {
        "a list cut off": (b"[" + LINE + b"," + LINE[:20], r"log\.json:\d: is not JSON \("),
        "an empty list": (b"[]", r"log\.json: holds no objects with fields"),
        "a list of lists": (b"[[1, 2]]", r"log\.json: holds no list of objects"),
        "a list of words": (b'["a"]', r"log\.json: holds no list of objects"),
        "a list with a number": (b"[" + LINE + b", 5]", r"log\.json: holds no list of objects"),
        "an object without a list": (b'{\n"a": 1\n}', r"log\.json: holds no list of objects"),
        "a bracket too many": (b"[" + LINE + b"]]", r"log\.json:2: is not JSON \(Extra data\)"),
        "a comment": (b"[\n// x\n" + LINE + b"]", r"log\.json:2: is not JSON"),
        "a comma at the end": (b"[" + LINE + b",]", r"log\.json:2: is not JSON"),
        "brackets without end": (b"[" * 100_000, r"log\.json: is not JSON \(maximum recursion"),
        "other bytes": (b'[{"user_id": "\xff"}]', r"log\.json: is not JSON .*can't decode"),
        "an object without the field": (
            b'[{"user_id": "a", "item_id": "b", "value": 1}, {"user_id": "c", "value": 1}]',
            r"log\.json:2: item_id is missing",
        ),
    },
    "log.parquet": {
        "the head cut off": (WHOLE[10:], r"is not a whole Parquet file"),
        "the tail cut off": (WHOLE[:-10], r"is not a whole Parquet file"),
        "a hole": (WHOLE[:100] + WHOLE[200:], r"is not a whole Parquet file"),
        "zeros in it": (WHOLE[:8] + b"\0" * 40 + WHOLE[48:], r"is not a whole Parquet file"),
        "a footer of another length": (
            WHOLE[:-8] + b"\xff\xff\xff\x7f" + WHOLE[-4:],
            r"is not a whole Parquet file",
        ),
        "its letters alone": (b"PAR1PAR1", r"is not a whole Parquet file"),
        "nothing": (b"", r"is not a whole Parquet file"),
        "no rows": (parquet(LOG.head(0)), r"log\.parquet: holds no rows"),
        "ids that are null": (
            parquet(LOG.with_columns(user_id=pl.lit(None, pl.String))),
            r"log\.parquet:1: user_id is missing \(49 more like it\)",
        ),
        "ids that are objects": (
            parquet(LOG.with_columns(item_id=pl.struct("value"))),
            r"has columns of the wrong types \(Struct.* where an id is expected\)",
        ),
        "values that are undefined": (
            parquet(LOG.with_columns(value=pl.lit(float("nan")))),
            r"log\.parquet:1: value 'nan' is not a finite number \(49 more like it\)",
        ),
    },
    "log.zip": {
        "cut off": (ZIP[:-30], r"log\.zip is not a whole zip archive; fetch it again"),
        "damaged": (ZIP[:60] + b"\xff" * 20 + ZIP[80:], r"log\.zip cannot be unpacked"),
        "nothing": (packed({}), r"log\.zip: holds no files"),
        "an empty folder": (packed({"a/": b""}), r"log\.zip: holds no files"),
        "a way out": (packed({"../x.csv": OK}), r"names a place outside its folder"),
        "a path from the root": (packed({"/etc/x.csv": OK}), r"names a place outside its folder"),
        "an archive within": (packed({"a.zip": ZIP}), r"is an archive beside or within others"),
        "a picture": (packed({"a.csv": b"\x89PNG\r\n\x1a\n"}), r"log\.zip: is a PNG picture"),
        "an empty file": (packed({"events.csv": b""}), r"log\.zip: is empty"),
        "two files of a table": (
            packed({"events.csv": OK, "events.tsv": OK}),
            r"several files could be the events: events\.csv, events\.tsv; name",
        ),
        "files without a table's name": (
            packed({"a.csv": OK, "b.csv": OK}),
            r"log\.zip: holds a\.csv, b\.csv and no file named after a table",
        ),
        "a bad row": (packed({"x.csv": OK + b"q,w,e\n"}), r"log\.zip:3: value 'e' is not a number"),
    },
}
CASES = [(name, *case) for name, cases in BAD.items() for case in cases.values()]


@pytest.mark.parametrize(
    "name, content, message",
    CASES,
    ids=[f"{name}: {what}" for name, cases in BAD.items() for what in cases],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read("table", tmp_path / name)


def test_a_carriage_return_within_a_cell_and_very_long_cells_stay(tmp_path):
    path = tmp_path / "log.csv"
    long = "x" * 300_000
    path.write_text(HEAD + f'ann,t\rea,3\nbob,"{long}",3\ncy,{long},3\n', newline="")
    assert [item for _, item, _ in rows(path)] == ["t\rea", long, long]
    path.write_bytes(path.read_bytes() + b',"a",3\n')  # the careful way too
    reading = examine("table", path)
    assert reading.dataset.events["item_id"].to_list() == ["t\rea", long, long]


def test_a_panic_of_polars_is_an_error_like_others_and_prints_nothing(tmp_path, monkeypatch, capfd):
    def panics(*_, **__):
        os.write(2, b"thread 'polars-1' panicked at slice index")
        raise pl.exceptions.PanicException("slice index starts at 1 but ends at 0")

    (tmp_path / "log.parquet").write_bytes(WHOLE)
    monkeypatch.setattr(pl, "scan_parquet", panics)
    with pytest.raises(BadInput, match=r"log\.parquet: is not a whole Parquet file \(Polars pan"):
        read("table", tmp_path / "log.parquet")
    assert "panicked" not in capfd.readouterr().err


def test_damage_anywhere_in_a_parquet_file_is_an_error_that_names_it(tmp_path, capfd):
    times = [1_600_000_000 + 7 * n * n for n in range(50)]
    whole = parquet(LOG.with_columns(time=pl.Series(times)))
    path = tmp_path / "log.parquet"
    refused = 0
    for start in range(4, len(whole) - 8, 13):
        path.write_bytes(whole[:start] + b"\xff" * 6 + whole[start + 6 :])
        try:
            read("table", path)
        except BadInput as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 20
    assert "panicked" not in capfd.readouterr().err
