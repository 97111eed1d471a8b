"""What separates words, read from the first rows of a file."""

import csv
import zipfile

import pytest

from recweave.core.errors import BadInput, BadSetting
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
    expected = [both, tea, tea, both, both, both, None, tea, ["Kitchen", "Pans"]]
    assert categories(tmp_path, cells) == expected
    assert "items.csv: cells of 'categories' like 'Tea, Green' are read as words" in caplog.text


@pytest.mark.parametrize("letter", [",", ";"])
def test_separators_are_distinguished_from_letters_within_words(tmp_path, caplog, letter):
    genres = ["Action, Drama", "Drama", "Action, Comedy", "Comedy, Drama"]
    lists = categories(tmp_path, [cell.replace(",", letter) for cell in genres])
    assert lists == [["Action", "Drama"], ["Drama"], ["Action", "Comedy"], ["Comedy", "Drama"]]
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


def archive(path, **files):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(f"{name}.csv", text)
    return path


def test_notes_of_an_archive_name_the_archive_and_no_folder_that_is_gone(tmp_path, caplog):
    path = archive(
        tmp_path / "shop.zip",
        events="user_id,item_id,time,colour\nu,a,2026-03-01,red\n",
        items='item_id,categories\na,"Tea, Green"\nb,Tea\n',
    )
    read("table", path)
    for note in (
        f"{path}/events.csv: 'time' is read as ISO 8601 dates",
        f"{path}/events.csv: columns not read: colour",
        f"{path}/items.csv: cells of 'categories' like 'Tea, Green'",
    ):
        assert note in caplog.text
    assert "recweave-" not in caplog.text


def test_a_setting_that_lacks_names_the_archive(tmp_path):
    path = archive(tmp_path / "log.zip", log="user_id,item_id,time\nu,a,1/2/2026\n")
    with pytest.raises(
        BadSetting, match=r"log\.zip: time '1/2/2026' may begin with the day"
    ) as error:
        read("table", path)
    assert "recweave-" not in str(error.value)


def test_what_was_inferred_is_noted_where_a_row_is_refused_as_well(tmp_path, caplog):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,time\nu,a,2026-03-01\n,b,2026-03-01\n")
    with pytest.raises(BadInput, match=r"log\.csv:3: user_id is missing"):
        read("table", path)
    assert "'time' is read as ISO 8601 dates" in caplog.text
