"""Files that are broken, or not what their names say: the right values or a message, never a panic.

Each reader kind (text with separators, JSON lines, JSON documents, Parquet, zip) has its own bad
files here; `test_bad_input` has those that are common.
"""

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
