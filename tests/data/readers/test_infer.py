"""What separates words, read from the first rows of a file."""

import csv

import pytest

from recweave.data.readers import examine, read


def shop(folder, cells):
    (folder / "events.csv").write_text("user_id,item_id\n1,0\n")
    with (folder / "items.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["item_id", "categories"], *enumerate(cells)])
    return folder


def categories(folder, cells, **options):
    return read("table", shop(folder, cells), **options).items["categories"].to_list()


def test_the_shared_case_of_lists(tmp_path, caplog):
    cells = ["['Tea', 'Green']", "[{'id': 1, 'name': 'Tea'}]", '[{"id": 1, "name": "Tea"}]']
    cells += ["Tea, Green", '["Tea","Green"]', "Tea|Green", "", "Tea", "Kitchen > Pans"]
    both, tea = ["Tea", "Green"], ["Tea"]
    wanted = [both, tea, tea, both, both, both, None, tea, ["Kitchen", "Pans"]]
    assert categories(tmp_path, cells) == wanted
    assert "items.csv: cells of 'categories' like 'Tea, Green' are read as words" in caplog.text


@pytest.mark.parametrize("letter", [",", ";"])
def test_letters_that_separate_are_told_from_letters_within_words(tmp_path, caplog, letter):
    genres = ["Action, Drama", "Drama", "Action, Comedy", "Comedy, Drama"]
    made = categories(tmp_path, [cell.replace(",", letter) for cell in genres])
    assert made == [["Action", "Drama"], ["Drama"], ["Action", "Comedy"], ["Comedy", "Drama"]]
    assert f"words separated by '{letter}'" in caplog.text
    caplog.clear()
    amazon = ["Clothing, Shoes & Jewelry|Women", "Clothing, Shoes & Jewelry|Men", "Home, Garden"]
    cells = [cell.replace(",", letter) for cell in amazon]
    assert categories(tmp_path, cells) == [cell.split("|") for cell in cells]
    assert "one word each" in caplog.text


def test_a_separator_that_is_given_is_taken(tmp_path, caplog):
    assert categories(tmp_path, ["Home, Garden|x"], list_separator=",") == [["Home", "Garden|x"]]
    assert categories(tmp_path, ["a/b", "c"], list_separator="/") == [["a", "b"], ["c"]]
    assert not caplog.text


def test_a_list_that_cannot_be_read_is_left_empty_and_noted(tmp_path):
    reading = examine("table", shop(tmp_path, ["['Tea', 'Gre", "Tea", "[]", ""]))
    assert reading.dataset.items["categories"].to_list() == [None, ["Tea"], None, None]
    (note,) = [p for p in reading.problems if p.note]
    assert note.line == 2 and "holds no words that can be read" in note.what
