"""The fast and the careful way give the same rows, and the careful one knows their lines."""

import csv
import io
import json

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recweave.data.readers import examine, forms, read
from recweave.data.readers.guess import guess

cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)
row = st.tuples(
    cell.filter(bool),
    cell.filter(bool),
    st.integers(1, 5),
    st.integers(0, 2_000_000_000),
)


def csv_of(rows):
    """The rows as CSV, each as its own text: cells with line breaks span lines."""
    texts = []
    for one in rows:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow(one)
        texts.append(buffer.getvalue())
    return texts


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(forms, "BLOCK", 7)


@given(st.lists(row, min_size=1, max_size=40), st.integers(0, 40))
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_one_bad_row_changes_nothing_about_the_others(small_blocks, tmp_path, rows, place):
    path = tmp_path / "log.csv"
    head = "user_id,item_id,value,time\n"
    lines = csv_of(rows)
    path.write_bytes((head + "".join(lines)).encode())
    whole = examine("table", path)
    assert whole.dataset.events.select("user_id", "item_id", "value", "time").rows() == rows
    bad = 'x,"two\nlines",many,5\n'
    before = "".join([head, *lines[:place]])
    path.write_bytes((before + bad + "".join(lines[place:])).encode())
    side = tmp_path / "refused.txt"
    careful = read("table", path, skip_bad=side)
    assert careful.events.equals(whole.dataset.events)
    line = before.count("\n") + 1
    reason = f"# {path}:{line}: value 'many' is not a number\n"
    assert side.read_bytes().endswith((reason + bad).encode())


@pytest.mark.parametrize("bad", [False, True])
def test_rows_keep_their_order_over_many_blocks(tmp_path, monkeypatch, bad):
    monkeypatch.setattr(forms, "BLOCK", 3_000)
    path = tmp_path / "log.csv"
    n = 20_000
    lines = [f"{i},{i % 7},{1 + i % 5},{i}\n" for i in range(n)]
    path.write_text("user_id,item_id,value,time\n" + "".join(lines) + "x,y,z,1\n" * bad)
    events = read("table", path, skip_bad=tmp_path / "refused.txt").events
    assert events["time"].to_list() == list(range(n))
    assert events["user_id"].to_list() == [str(i) for i in range(n)]


@pytest.mark.parametrize("bad", ["", "x,y,many\r\n"])
def test_windows_line_ends_within_a_cell_are_kept(tmp_path, bad):
    path = tmp_path / "reviews.csv"
    text = f'user_id,item_id,rating\r\n1,"a\r\nb",4\r\n2,"c",5\r\n{bad}'
    path.write_bytes(text.encode())
    side = tmp_path / "refused.txt"
    reviews = read("table", path, skip_bad=side).reviews
    assert reviews["item_id"].to_list() == ["a\r\nb", "c"]
    assert side.read_bytes().endswith(bad.encode())


def test_an_open_quote_costs_its_own_row_alone(small_blocks, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('user_id,item_id\n1,"a\n' + "2,b\n" * 30 + '3,"c ""d"""\n')
    reading = examine("table", path)
    assert [problem.line for problem in reading.problems] == [2]
    assert reading.dataset.events["item_id"].to_list() == ["b"] * 30 + ['c "d"']


def test_two_open_quotes_cost_two_rows(small_blocks, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('user_id,item_id\n1,"a\n2,b\n3,"c\n4,d\n')
    reading = examine("table", path)
    assert [problem.line for problem in reading.problems] == [2, 4]
    assert reading.dataset.events["user_id"].to_list() == ["2", "4"]


def test_blank_lines_are_passed_over(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id\n1,a\n\n,\n2,b\n\n")
    reading = examine("table", path)
    assert reading.dataset.events["user_id"].to_list() == ["1", "2"]
    assert not reading.problems.errors


def test_cells_that_lack_at_the_end_are_empty_unless_they_are_needed(tmp_path):
    (tmp_path / "events.csv").write_text("user_id,item_id\n1,a\n")
    (tmp_path / "items.csv").write_text("item_id,title,price\na,Tea\nb,Cup,2\nb,Cup,2\n")
    items = read("table", tmp_path).items
    assert items.select("item_id", "title", "price").rows() == [("a", "Tea", None), ("b", "Cup", 2)]


def test_numbers_may_have_blanks_around_them_and_ids_keep_theirs(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id, item_id, value\n1, a, 4\n")
    assert read("table", path).events.select("user_id", "item_id", "value").row(0) == ("1", " a", 4)


def test_json_keeps_what_text_cannot_hold_as_a_mark(tmp_path):
    path = tmp_path / "reviews.jsonl"
    line = '{"user_id": "1", "item_id": "2", "text": "a\\ud83d\\u0000b"}\n'
    path.write_text(line)
    at_once = read("table", path).reviews["text"].to_list()
    path.write_text(line + '{"user_id": "1"}\n')
    with_care = read("table", path, skip_bad=tmp_path / "r.txt").reviews["text"].to_list()
    assert at_once == with_care == ["a\ufffd\ufffdb"]


def test_ids_may_be_numbers_in_json(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"user_id": 12, "item_id": 9007199254740993}\n')
    assert read("table", path).events.select("user_id", "item_id").row(0) == (
        "12",
        "9007199254740993",
    )


def test_a_json_document_is_parsed_once(tmp_path, monkeypatch):
    parsed = []
    parse = json.loads

    def counting(text, **options):
        parsed.append(text)
        return parse(text, **options)

    path = tmp_path / "log.json"
    rows = [
        {"user": {"id": 7}, "item_id": "a", "time": "2026-03-01", "value": "3,5", "note": "x"},
        {"user": {"id": 8}, "item_id": "b", "time": "2026-03-02", "value": "4", "note": "y"},
    ]
    path.write_text(json.dumps(rows, indent=1))
    monkeypatch.setattr("recweave.data.readers.records.json.loads", counting)
    events = read("table", path, columns={"user_id": "user.id"}).events
    assert events.select("user_id", "value").rows() == [("7", 3.5), ("8", 4.0)]
    assert len(parsed) == 1
    parsed.clear()
    guess(path)
    assert len(parsed) == 1


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("bad", ["", "c,Pot,many,red\n"], ids=["at once", "with care"])
def test_the_last_row_may_end_in_an_empty_cell_and_not_in_one_too_many(tmp_path, end, bad):
    (tmp_path / "events.csv").write_text("user_id,item_id\n1,a\n")
    path = tmp_path / "items.csv"
    head = f"item_id,title,price,colour\na,Tea,1,red\n{bad}"
    path.write_text(f"{head}b,Cup,2,{end}", newline="")
    rows = [("a", "Tea", 1.0, "red"), ("b", "Cup", 2.0, None)]
    items = examine("table", tmp_path).dataset.items
    chosen = items.select("item_id", "title", "price", "colour")
    chosen = chosen.filter(pl.col("item_id") != "c")
    assert chosen.rows() == rows
    path.write_text(f"{head}b,Cup,2,,{end}", newline="")
    errors = [str(problem) for problem in examine("table", tmp_path).problems if not problem.note]
    line = 4 if bad else 3
    assert errors == [f"{path}:{line}: has 5 columns where 4 are named"]
