import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import read
from recweave.data.split import Given


def test_the_files_are_the_parts(tmp_path):
    (tmp_path / "train.txt").write_text("0 10 11\n1 12\n")
    (tmp_path / "test.txt").write_text("0 12\n")
    dataset = read("lightgcn", tmp_path)
    assert dataset.events.select("user_id", "item_id", "part", "time").rows() == [
        ("0", "10", "train", None),
        ("0", "11", "train", None),
        ("1", "12", "train", None),
        ("0", "12", "test", None),
    ]
    split = dataset.split(Given())
    assert (len(split.train), len(split.test)) == (3, 1)


def test_a_missing_part_is_named(tmp_path):
    (tmp_path / "train.txt").write_text("0 10 11\n")
    with pytest.raises(BadInput, match=r"holds no test\.txt, only train\.txt"):
        read("lightgcn", tmp_path)
