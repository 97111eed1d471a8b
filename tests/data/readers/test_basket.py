"""Basket files: a line, many items."""

import gzip

import pytest

from recweave.core.errors import BadInput, BadSetting, UnknownName
from recweave.data.readers import examine, read


def pairs(path, **options):
    return read("basket", path, **options).events.select("user_id", "item_id").rows()


def written(tmp_path, text, name="shop.txt"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_each_line_is_a_basket_called_after_its_line(tmp_path, caplog, separator):
    text = "milk,semi-finished bread\n\ntea,milk,cup\n".replace(",", separator)
    expected = [
        ("1", "milk"),
        ("1", "semi-finished bread"),
        ("3", "tea"),
        ("3", "milk"),
        ("3", "cup"),
    ]
    assert pairs(written(tmp_path, text)) == expected
    assert ("separates the items" in caplog.text) == (separator != ",")


def test_blanks_separate_where_nothing_else_does(tmp_path):
    assert pairs(written(tmp_path, "38 39 47\n38 39 48\n"))[3:] == [
        ("2", "38"),
        ("2", "39"),
        ("2", "48"),
    ]


def test_a_user_may_stand_before_and_have_several_lines(tmp_path):
    path = written(tmp_path, "ann,milk,tea\nbob,cup\nann,pot,\n")
    expected = [("ann", "milk"), ("ann", "tea"), ("bob", "cup"), ("ann", "pot")]
    assert pairs(path, user=True) == expected
    dataset = read("basket", path, user=True, behavior="cart")
    assert set(dataset.events["behavior"]) == {"cart"}
    assert read("basket", tmp_path, user=True).events["behavior"][0] == "purchase"


def test_forms_of_text(tmp_path):
    expected = [("2", "milk"), ("2", "tea"), ("3", "cup"), ("3", "pot")]
    head = "Item 1,Item 2\r\nmilk, tea\r\ncup,pot\r\n"
    assert pairs(written(tmp_path, b"\xef\xbb\xbf" + head.encode()), header=True) == expected
    zipped = written(tmp_path, gzip.compress(head.encode()), "b.csv.gz")
    assert pairs(zipped, header=True) == expected
    quoted = written(tmp_path, 'ann,"bread, white",tea\nbob,"say ""hi""",tea\n', "q.csv")
    assert pairs(quoted, user=True)[::2] == [("ann", "bread, white"), ("bob", 'say "hi"')]


def test_a_split_warns_that_baskets_have_no_order(tmp_path):
    from recweave.data.split import LeaveLastOut

    path = written(tmp_path, "".join(f"u{n},a{n},b{n},c{n},d{n}\n" for n in range(20)))
    remark = read("basket", path, user=True).split(LeaveLastOut()).remark
    assert "no times" in remark and "ratio_user" in remark


BAD = {
    "one item a line": ("milk\ntea\n", {}, "txt:1: has one item a line"),
    "empty": ("", {}, "is empty"),
    "blank lines": ("\n\n", {}, "holds no rows|one item a line"),
    "users alone": ("ann,\nbob,\n", {"user": True}, "holds no rows"),
    "no user": ("ann,tea\n,tea,cup\n", {"user": True}, "txt:2: has no user before its items"),
    "an open quote": ('a,b\nc,"d\n', {}, r"txt:2: has a quote that is neither"),
    "a quote within": ('a,b\nc,d" e,"f\n', {}, r"txt:2: has a quote|holds"),
    "bytes that are no text": (b"a,b\nc,\xff\xfe\n", {}, r"txt:2: has the byte 0xff"),
    "a NUL": (b"a,b\nc,d\0\n", {}, r"txt:2: has a NUL byte"),
    "a header alone": ("Item 1,Item 2\n", {"header": True}, "holds no rows"),
}


@pytest.mark.parametrize(("text", "options", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_with_its_line(tmp_path, text, options, message):
    with pytest.raises(BadInput, match=message):
        pairs(written(tmp_path, text), **options)


def test_a_user_without_items_is_noted(tmp_path):
    reading = examine("basket", written(tmp_path, "ann,tea\nbob,\n"), user=True)
    assert reading.dataset.events["user_id"].to_list() == ["ann"]
    assert reading.problems.notes.total() == 1


def test_wrong_options_are_refused(tmp_path):
    path = written(tmp_path, "a,b\n")
    with pytest.raises(BadSetting, match="must be one letter"):
        pairs(path, separator="::")
    with pytest.raises(UnknownName, match="'bought'"):
        pairs(path, behavior="bought")
