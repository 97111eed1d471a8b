"""RecBole's logs that were cut: train, valid and test keep their parts."""

import gzip

import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import read
from recweave.data.split import Given

HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


def parts(folder, **rows):
    for name, lines in rows.items():
        text = HEAD + "".join(f"{user}\t{item}\t5\t{time}\n" for user, item, time in lines)
        (folder / f"shop.{name}.inter").write_text(text)
    return folder


TRIO = {
    "train": [("a", "x", 5), ("a", "y", 6), ("b", "x", 5)],
    "valid": [("a", "z", 7)],
    "test": [("a", "w", 8), ("b", "z", 9)],
}


def test_the_split_of_the_three_files_is_kept(tmp_path, caplog):
    dataset = read("recbole", parts(tmp_path, **TRIO))
    assert dataset.name == "shop"
    assert sorted(dataset.events["part"].value_counts().rows()) == [
        ("test", 2),
        ("train", 3),
        ("valid", 1),
    ]
    split = dataset.split(Given())
    names = dataset.item_ids.names
    assert sorted(names(split.train.item)) == ["x", "x", "y"]
    assert names(split.valid.item) == ["z"]
    assert sorted(names(split.test.item)) == ["w", "z"]
    assert "shop.train.inter, shop.valid.inter, shop.test.inter are kept" in caplog.text
    assert 'split = { kind = "given" }' in caplog.text


def test_two_files_and_other_names_of_validation_do_too(tmp_path):
    two = {"train": TRIO["train"], "test": TRIO["test"]}
    assert set(read("recbole", parts(tmp_path, **two)).events["part"]) == {"train", "test"}
    parts(tmp_path, val=TRIO["valid"])
    assert set(read("recbole", tmp_path).events["part"]) == {"train", "valid", "test"}


def test_they_may_be_compressed_and_have_items_beside_them(tmp_path):
    parts(tmp_path, **TRIO)
    for file in list(tmp_path.glob("*.inter")):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    (tmp_path / "shop.item").write_text("item_id:token\ttitle:token_seq\nx\tTea\n")
    dataset = read("recbole", tmp_path)
    assert len(dataset.events) == 6 and dataset.items["title"].to_list() == ["Tea"]


def test_one_of_them_alone_is_a_log(tmp_path):
    parts(tmp_path, **TRIO)
    events = read("recbole", tmp_path / "shop.test.inter").events
    assert len(events) == 2 and not events["part"].count()


def test_a_whole_log_beside_them_is_named_as_not_read(tmp_path, caplog):
    parts(tmp_path, **TRIO)
    (tmp_path / "shop.inter").write_text(f"{HEAD}a\tx\t5\t5\n")
    assert len(read("recbole", tmp_path).events) == 6
    assert "not read: shop.inter" in caplog.text


BAD = {
    "no train": ({"valid": TRIO["valid"], "test": TRIO["test"]}, {}, r"has a \.train\.inter"),
    "no test": ({"train": TRIO["train"], "valid": TRIO["valid"]}, {}, r"and a \.test\.inter"),
    "two validations": (TRIO | {"val": TRIO["valid"]}, {}, "two files of the part valid"),
    "an empty part": (TRIO | {"test": []}, {}, r"test\.inter: holds no rows"),
    "no bytes": (TRIO, {"shop.valid.inter": ""}, r"valid\.inter.* is empty"),
    "no types": (TRIO, {"shop.test.inter": "user_id\titem_id\na\tx\n"}, r"test\.inter:1: .*type"),
    "no item": (
        TRIO,
        {"shop.valid.inter": "user_id:token\trating:float\na\t5\n"},
        r"valid\.inter:1: has no column 'item_id'",
    ),
    "no rating in a row": (
        TRIO,
        {"shop.test.inter": f"{HEAD}a\tx\tgood\t5\n"},
        r"test\.inter:2: rating:float 'good' is not a number",
    ),
    "histories": (
        TRIO,
        {"shop.train.inter": "user_id:token\titem_id_list:token_seq\titem_id:token\na\tx y\tz\n"},
        r"train\.inter:1: holds a history in each row \(item_id_list\)",
    ),
    "two datasets": (TRIO, {"other.train.inter": f"{HEAD}a\tx\t5\t5\n"}, "several files could be"),
}


@pytest.mark.parametrize(("rows", "texts", "message"), BAD.values(), ids=BAD)
def test_a_bad_trio_is_refused(tmp_path, rows, texts, message):
    parts(tmp_path, **rows)
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=message):
        read("recbole", tmp_path)
