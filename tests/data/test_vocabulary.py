import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.errors import UnknownId
from recweave.data.vocabulary import Vocabulary, in_hash_order

ids = st.lists(st.text(max_size=5), unique=True, max_size=20)


@given(ids, st.lists(st.text(max_size=5), max_size=20))
def test_rows_and_names_are_each_others_inverse_and_unknown_ids_are_minus_one(known, asked):
    vocabulary = Vocabulary("item", known)
    rows = vocabulary.rows(known + asked)
    expected = [known.index(id) if id in known else -1 for id in known + asked]
    assert rows.tolist() == expected
    assert rows.dtype == np.int32
    assert vocabulary.names(rows) == [id for id in known + asked if id in known]


def test_a_few_ids_are_found_as_many_are():
    vocabulary = Vocabulary("item", [f"i{n}" for n in range(50)])
    asked = ["i7", "x", None, "i49", "i0", ""]
    many = vocabulary.rows(pl.Series(asked, dtype=pl.String))
    assert many.tolist() == [7, -1, -1, 49, 0, -1]
    for id, row in zip(asked, many.tolist(), strict=True):
        few = vocabulary.rows(pl.Series([id], dtype=pl.String))
        assert (few.tolist(), few.dtype) == ([row], many.dtype)


def test_a_missing_id_is_a_stranger():
    assert Vocabulary("item", ["a"]).rows(pl.Series([None, "a"], dtype=pl.String)).tolist() == [
        -1,
        0,
    ]


@pytest.mark.parametrize("wrong", [["a", "a"], pl.Series(["a", None])])
def test_ids_must_be_unique_and_present(wrong):
    with pytest.raises(ValueError, match="unique and present"):
        Vocabulary("item", wrong)


def test_a_misspelt_id_is_refused_with_the_nearest_one():
    shop = Vocabulary("item", [f"bottle-{n}" for n in range(10)])
    with pytest.raises(UnknownId, match=r"no item has the id 'botle-7'; did you mean 'bottle-7'"):
        shop.row("botle-7")


def test_a_strange_id_is_refused_with_how_many_there_are():
    with pytest.raises(UnknownId, match="there are 10 known ones"):
        Vocabulary("item", [f"bottle-{n}" for n in range(10)]).row("zzzz")
    with pytest.raises(UnknownId, match="no user has the id 'x'; there are 0 known ones"):
        Vocabulary("user", []).row("x")


def test_its_repr_says_what_it_holds():
    vocabulary = Vocabulary("user", ["b", "a"])
    assert "a" in vocabulary and "c" not in vocabulary and 3 not in vocabulary
    assert vocabulary.row("a") == 1
    assert repr(vocabulary) == "<Vocabulary of 2 users>"


GOLDEN = ["", "10", "sencha", "Grüntee", "2", "紅茶", "1"]
"""By a plain loop over Python's integers."""


@given(ids)
def test_hash_order_holds_each_id_once_whatever_the_order_given(known):
    there = pl.Series("item_id", known, dtype=pl.String)
    ordered = in_hash_order(there)
    assert sorted(ordered) == sorted(known)
    assert in_hash_order(pl.concat([there.reverse(), there])).to_list() == ordered.to_list()


def test_hash_order_is_the_same_on_every_machine_and_in_every_version():
    """A model trained elsewhere, or last year, has its rows in this order."""
    ids = pl.Series(["1", "2", "10", "sencha", "Grüntee", "紅茶", ""])
    assert in_hash_order(ids).to_list() == GOLDEN


def test_ids_of_one_hash_go_by_the_id(monkeypatch):
    monkeypatch.setattr("zlib.crc32", lambda id: 7)
    assert in_hash_order(pl.Series(["b", "a", "c"])).to_list() == ["a", "b", "c"]


@pytest.mark.parametrize("form", ["{}", "item-{:05}", "B00{:07}", "https://a.example/p?id={}"])
def test_hash_order_says_nothing_of_ids_that_count_up(form):
    """Correlations with the number, its last digits and its parity are what chance gives."""
    ids = [form.format(n) for n in range(4_000)]
    rank = {id: n for n, id in enumerate(in_hash_order(pl.Series(ids)))}
    place = np.array([rank[id] for id in ids])
    number = np.arange(len(ids))
    for values in (number, number % 2, number % 10, number % 16, number // 100 % 10):
        assert abs(np.corrcoef(place, values)[0, 1]) < 4 / np.sqrt(len(ids))


@pytest.mark.parametrize("size", [3, 6, 30, 1_000])
def test_rows_are_the_same_by_every_way_of_looking(size):
    """One by one, by the map, and all at once: by how many are asked for."""
    known = [f"i{n}" for n in range(2_000)]
    asked = [*known[:: 2_000 // size][: size - 2], "stranger", None]
    expected = [known.index(id) if id in known else -1 for id in asked]
    assert Vocabulary("item", known).rows(pl.Series(asked)).tolist() == expected
