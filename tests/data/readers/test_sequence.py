import pytest

from recweave.core.errors import BadInput, UnknownName
from recweave.data.readers import examine, read


def test_the_order_counts_and_is_the_lines_own(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("u1 a b c\n\nu2  b\ta \n")
    dataset = read("sequence", path, behavior="purchase")
    assert dataset.events.select("user_id", "item_id", "order", "time").rows() == [
        ("u1", "a", 0, None),
        ("u1", "b", 1, None),
        ("u1", "c", 2, None),
        ("u2", "b", 3, None),
        ("u2", "a", 4, None),
    ]
    assert dataset.events["behavior"].unique().to_list() == ["purchase"]
    assert dataset.clock == "order"


def test_what_lies_beside_it_describes_the_items(tmp_path):
    (tmp_path / "Beauty.txt").write_text("1 1 2\n")
    (tmp_path / "items.tsv").write_text(
        "item_id\tasin\ttitle\tcategories\n"
        '1\tB1\t"Salt &amp; ""Pepper"""\t"[[""Food"", ""Salt""], [""Food"", ""Spice""]]"\n'
        "2\tB2\tTea\t\n"
    )
    (tmp_path / "Beauty_item2attributes.json").write_text('{"1": [3, 4]}')
    items = read("sequence", tmp_path).items
    first = items.row(0, named=True)
    assert first["title"] == 'Salt & "Pepper"'
    assert first["categories"] == ["Food", "Salt", "Spice"]
    assert (first["asin"], first["attributes"]) == ("B1", ["3", "4"])
    assert items["attributes"].to_list()[1] is None


def test_a_user_without_items_is_noted(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("u1 a\nu2\nu3 b\n")
    reading = examine("sequence", path)
    assert reading.dataset.events["user_id"].to_list() == ["u1", "u3"]
    assert [str(problem) for problem in reading.problems] == [f"{path}:2: has a user and no items"]
    assert not reading.problems.errors


def test_broken_attributes_are_a_broken_file(tmp_path):
    (tmp_path / "a.txt").write_text("1 1\n")
    (tmp_path / "a_item2attributes.json").write_text('{"1": [3')
    with pytest.raises(BadInput, match=r"a_item2attributes\.json: is no JSON object of lists"):
        read("sequence", tmp_path)


def test_two_logs_in_a_folder_are_one_too_many(tmp_path):
    (tmp_path / "a.txt").write_text("1 1\n")
    (tmp_path / "b.txt").write_text("1 1\n")
    with pytest.raises(BadInput, match=r"several files could be \*\.txt: a\.txt, b\.txt"):
        read("sequence", tmp_path)


@pytest.mark.parametrize("source", ["sequence", "lightgcn"])
def test_a_behaviour_that_there_is_not_is_refused(tmp_path, source):
    for name in ("train.txt", "test.txt"):
        (tmp_path / name).write_text("1 1\n")
    with pytest.raises(UnknownName, match="no behaviour is called 'buy'"):
        read(source, tmp_path, behavior="buy")
