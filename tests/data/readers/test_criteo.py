import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import examine, read
from recweave.data.split import Given
from recweave.features import FeatureContext
from recweave.features.numbers import Numbers

HEAD = "Id,Label," + ",".join([f"I{n}" for n in range(1, 14)] + [f"C{n}" for n in range(1, 27)])


def line(number, label, first, category):
    return ",".join([number, label, first, *"2" * 12, category, *["ab12"] * 25])


@pytest.fixture
def folder(tmp_path):
    train = [line("10", "0", "-2", "68fd1e64"), line("11", "1", "", "68fd1e64")]
    (tmp_path / "train.tiny.csv").write_text("\n".join([HEAD, *train]) + "\n")
    (tmp_path / "test.tiny.csv").write_text("\n".join([HEAD, line("60", "1", "7", "")]) + "\n")
    return tmp_path


def test_an_impression_is_an_event_of_a_user_and_an_item_of_its_own(folder):
    dataset = read("criteo", folder)
    columns = "user_id", "item_id", "behavior", "value", "part"
    assert dataset.events.select(columns).rows() == [
        ("10", "10", "impression", 0.0, "train"),
        ("11", "11", "click", 1.0, "train"),
        ("60", "60", "click", 1.0, "test"),
    ]
    assert dataset.items.select("item_id", "I1", "I13", "C1", "C26").rows() == [
        ("10", -2.0, 2.0, "68fd1e64", "ab12"),
        ("11", None, 2.0, "68fd1e64", "ab12"),
        ("60", 7.0, 2.0, None, "ab12"),
    ]


def test_the_log_of_a_number_keeps_its_sign_and_missing_ones_have_a_column(folder):
    dataset = read("criteo", folder)
    context = FeatureContext(dataset, dataset.split(Given()))
    made = Numbers(fields=("I1", "I13"), log=True).build(context)
    assert made.columns == ("I1", "I13", "no I1")
    rows = dict(zip(dataset.item_ids.ids, made.vectors.tolist(), strict=True))
    assert rows["10"] == pytest.approx([-1.0986, 1.0986, 0], abs=1e-4)
    assert rows["11"] == pytest.approx([0, 1.0986, 1], abs=1e-4)
    assert Numbers(fields=("I1",)).build(context).vectors[:, 0].tolist().count(-2) == 1


def test_a_test_file_without_clicks_has_no_labels_so_its_rows_are_no_events(folder):
    (folder / "test.tiny.csv").write_text("\n".join([HEAD, line("60", "0", "7", "")]) + "\n")
    reading = examine("criteo", folder)
    dataset = reading.taken()
    assert dataset.events["user_id"].to_list() == ["10", "11"]
    assert dataset.events["part"].null_count() == 2
    assert dataset.items["item_id"].to_list() == ["10", "11", "60"]
    assert any("labels are unknown" in note for note in reading.notes())


def test_a_missing_file_is_named(folder):
    (folder / "test.tiny.csv").unlink()
    with pytest.raises(BadInput, match=r"test\.tiny\.csv"):
        read("criteo", folder)
