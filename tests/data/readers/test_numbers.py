"""Numbers as people's exports write them."""

import polars as pl
import pytest

from recweave.core.errors import BadInput, BadSetting
from recweave.data.readers import examine, read


def written(folder, prices, name="items.csv"):
    (folder / "events.csv").write_text("user_id,item_id\nann,1\n")
    lines = [f'{n},"{price}"' for n, price in enumerate(prices, 1)]
    (folder / name).write_text("\n".join(["item_id,price", *lines]) + "\n")
    return folder


def prices(folder, cells, **options):
    reading = examine("table", written(folder, cells), **options)
    return reading.dataset.items["price"].to_list(), [p.what for p in reading.problems]


CLEAR = {
    "a decimal comma": (["3,78", "12,5", "1.299,00", "1.299", "7"], [3.78, 12.5, 1299, 1299, 7]),
    "a decimal point": (["3.78", "$1,299.00", "1,299", "1.299"], [3.78, 1299, 1299, 1.299]),
    "codes after": (["4.99 EUR", "5 eur", "-2.50 EUR"], [4.99, 5, -2.5]),
    "signs before": (["€ 4,99", "€1.000,50", "-€3,00"], [4.99, 1000.5, -3]),
    "gaps between thousands": (["1 299,00", "1\u202f000 000,5", "3,5"], [1299, 1000000.5, 3.5]),
    "apostrophes": (["1'299.00", "CHF 5.50"], [1299, 5.5]),
    "groups of three": (["1,234,567", "1,299"], [1234567, 1299]),
    "words of other scripts": (["12,50 руб.", "3,00 руб"], [12.5, 3]),
    "the lower end of a range": (["$5.00 - $9.99", "3.50-4.00"], [5, 3.5]),
    "both, each clear": (["3,78", "4.99"], [3.78, 4.99]),
}


@pytest.mark.parametrize("cells, expected", CLEAR.values(), ids=CLEAR)
def test_clear_forms_are_converted_and_noted(tmp_path, cells, expected):
    values, notes = prices(tmp_path, cells)
    assert values == pytest.approx(expected)
    assert len(notes) == 1 and "are read as" in notes[0]


def test_plain_numbers_are_read_without_a_word(tmp_path):
    assert prices(tmp_path, ["3.78", "5", "1e2", "-1", "1299.5"]) == (
        [3.78, 5, 100, -1, 1299.5],
        [],
    )


def test_what_is_no_price_is_left_empty_and_noted_with_count_and_first_line(tmp_path):
    values, notes = prices(tmp_path, ["3,78", "ask us", "15 %", "4 stars", "3,78"])
    assert values == [3.78, None, None, None, 3.78]
    assert notes[0].startswith("price: 2 cells like '3,78' are read as 3.78")
    reading = examine("table", tmp_path)
    lines = [line for line in reading.problems.lines() if "ask us" in line]
    assert len(lines) == 1
    assert "items.csv:3: price 'ask us' is not a price (2 more like it)" in lines[0]


def test_a_comma_that_may_be_either_is_refused_with_both_settings(tmp_path):
    values, notes = prices(tmp_path, ["1,299", "2,500"])
    assert values == [None, None]
    assert all("or its comma is unclear; if so give --decimal , or" in what for what in notes)
    assert prices(tmp_path, ["1,299", "2,500"], decimal=".")[0] == [1299, 2500]
    assert prices(tmp_path, ["1,299", "2,500"], decimal=",")[0] == [1.299, 2.5]
    with pytest.raises(BadSetting, match="decimal=';' is neither"):
        read("table", tmp_path, decimal=";")


def test_several_currencies_are_pointed_out(tmp_path):
    _, notes = prices(tmp_path, ["4.99 EUR", "$5.00"])
    assert "they are in several currencies (EUR, $)" in notes[0]


def test_values_and_ratings_are_numbers_too(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id;item_id;value\nann;tea;3,78\nbob;tea;4\n")
    assert read("table", path).events["value"].to_list() == pytest.approx([3.78, 4])
    path.write_text("user_id;item_id;value\nann;tea;3,78\nbob;tea;four\n")
    with pytest.raises(BadInput, match=r"log\.csv:3: value 'four' is not a number"):
        read("table", path)
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"user_id": 1, "item_id": 2, "value": "3,78"}\n{"user_id": 1, "item_id": 2, "value": 4}\n'
    )
    assert read("table", path).events["value"].to_list() == pytest.approx([3.78, 4])
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user_id": [1], "item_id": [2], "value": ["3,78"]}).write_parquet(path)
    assert read("table", path).events["value"].to_list() == pytest.approx([3.78])


def test_the_mark_is_that_of_the_whole_column_not_of_its_first_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("recweave.data.readers.forms.BLOCK", 10)
    cells = ["1,299"] * 30 + ["3,78"]
    values, _ = prices(tmp_path, cells)
    assert values[0] == 1.299 and values[-1] == 3.78


def test_plain_cells_that_a_decimal_comma_makes_thousands_of_are_named(tmp_path):
    values, notes = prices(tmp_path, ["12.125", "4.333", "2,5"])
    assert values == [12125, 4333, 2.5]
    assert "and 2 like '12.125' as 12125" in notes[0]


def test_a_price_that_is_undefined_or_endless_is_left_empty(tmp_path):
    values, notes = prices(tmp_path, ["nan", "inf", "$3.50"])
    assert values == [None, None, 3.5]
    assert any("price 'nan' is not a price" in one for one in notes)
