"""Impressions in tables of anybody's."""

import polars as pl
import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import examine, read


def read_text(folder, text):
    (folder / "impressions.csv").write_text(text)
    return read("table", folder).impressions


def test_clicks_by_id(tmp_path):
    text = 'user_id,history,shown,clicked\nu,"a b","[\'a\', \'c\']",c\nv,,"a;b;c","a c"\n'
    assert read_text(tmp_path, text).rows() == [
        ("1", "u", None, ["a", "b"], ["a", "c"], [False, True]),
        ("2", "v", None, [], ["a", "b", "c"], [True, False, True]),
    ]


def test_clicks_as_yes_or_no(tmp_path):
    text = "user_id,shown,clicked\nu,a|c,1|0\nv,a b c,0 0 1\n"
    shown = read_text(tmp_path, text)
    assert shown["clicked"].to_list() == [[True, False], [False, False, True]]


def test_clicks_as_labels(tmp_path):
    shown = read_text(tmp_path, "user_id,shown\nu,a-1 c-0\nv,a-0 b-0\n")
    assert shown["shown"].to_list() == [["a", "c"], ["a", "b"]]
    assert shown["clicked"].to_list() == [[True, False], [False, False]]


def test_nothing_said_of_clicks_is_unknown(tmp_path):
    shown = read_text(tmp_path, "user_id,shown,clicked\nu,a b,b\nv,a b,\n")
    assert shown["clicked"].to_list() == [[False, True], None]


def test_an_item_shown_twice_is_clicked_twice(tmp_path):
    shown = read_text(tmp_path, "user_id,shown,clicked\nu,a b a,a\n")
    assert shown["clicked"].to_list() == [[True, False, True]]


@pytest.mark.parametrize("clicked", [[[True, False]], [[1, 0]], [["x"]]])
def test_lists_of_parquet(tmp_path, clicked):
    frame = pl.DataFrame({"user_id": [1], "shown": [["x", "y"]], "clicked": clicked})
    frame.write_parquet(tmp_path / "impressions.parquet")
    dataset = read("table", tmp_path)
    assert dataset.impressions["clicked"].to_list() == [[True, False]]
    assert dataset.events.select("user_id", "item_id", "behavior").rows() == [("1", "x", "click")]


def test_labels_in_lists_of_json(tmp_path):
    line = '{"user_id": "u", "shown": ["a-0", "b-1"]}\n'
    (tmp_path / "impressions.jsonl").write_text(line)
    assert read("table", tmp_path).impressions["clicked"].to_list() == [[False, True]]


def test_a_click_on_what_was_not_shown_makes_the_clicks_of_its_impression_unknown(tmp_path):
    text = "user_id,shown,clicked\nu,a b,b\nv,a b,z a\nw,a b,\n"
    (tmp_path / "impressions.csv").write_text(text)
    reading = examine("table", tmp_path)
    assert reading.taken().impressions["clicked"].to_list() == [[False, True], None, None]
    (note,) = (line for line in reading.notes() if "clicked" in line)
    assert "impression '2' says that 'z' was clicked, and did not show it" in note


def test_clicks_of_another_kind_are_refused(tmp_path):
    with pytest.raises(BadInput, match="says that 'x' was clicked, and did not show it, as all"):
        read_text(tmp_path, "user_id,shown,clicked\nu,a b,x\nv,a b,z\n")


def test_half_labelled_lists_are_refused_with_their_line(tmp_path):
    with pytest.raises(BadInput, match=r"csv:3: shown 'a-1 b' is not a list of ids in which all"):
        read_text(tmp_path, "user_id,shown\nu,a-1 c-0\nv,a-1 b\n")


def test_a_repeated_id_of_an_impression_is_refused(tmp_path):
    with pytest.raises(BadInput, match="csv:3: impression_id '1' stands on line 2 already"):
        read_text(tmp_path, "impression_id,user_id,shown,clicked\n1,u,a b,a\n1,v,a b,b\n")


def test_ids_that_end_as_labels_do_are_kept_where_clicks_have_a_column(tmp_path):
    shown = read_text(tmp_path, "user_id,shown,clicked\nu,sku-0 sku-1,sku-1\nv,a sku-1,a\n")
    assert shown["shown"].to_list() == [["sku-0", "sku-1"], ["a", "sku-1"]]
    assert shown["clicked"].to_list() == [[False, True], [True, False]]


def test_ids_that_look_like_yes_and_no_are_ids(tmp_path):
    shown = read_text(tmp_path, "user_id,shown,clicked\nu,1 2 0,1\nv,0 1,0 1\n")
    assert shown["clicked"].to_list() == [[True, False, False], [True, True]]


def test_clicks_that_come_up_late_in_json_count(tmp_path):
    lines = ['{"user_id": "u", "shown": ["a-0", "b-1"]}'] * 3
    lines.append('{"user_id": "v", "shown": ["a-0", "b-1"], "clicked": ["a-0"]}')
    (tmp_path / "impressions.jsonl").write_text("\n".join(lines) + "\n")
    found = read("table", tmp_path).impressions
    assert found["shown"].to_list() == [["a-0", "b-1"]] * 4
    assert found["clicked"].to_list() == [None, None, None, [True, False]]


def test_an_empty_list_was_shown(tmp_path):
    frame = pl.DataFrame(
        {"user_id": ["u", "v"], "shown": [[], ["x", "y"]], "clicked": [[], ["y"]]},
        schema_overrides={"shown": pl.List(pl.String), "clicked": pl.List(pl.String)},
    )
    frame.write_parquet(tmp_path / "impressions.parquet")
    found = read("table", tmp_path).impressions
    assert found["clicked"].to_list() == [[], [False, True]]
