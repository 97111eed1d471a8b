import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.core.errors import UnknownId
from recweave.data.vocabulary import Vocabulary

ids = st.lists(st.text(max_size=5), unique=True, max_size=20)


@given(ids, st.lists(st.text(max_size=5), max_size=20))
def test_rows_and_names_are_each_others_inverse_and_strangers_are_minus_one(known, asked):
    vocabulary = Vocabulary("item", known)
    rows = vocabulary.rows(known + asked)
    expected = [known.index(id) if id in known else -1 for id in known + asked]
    assert rows.tolist() == expected
    assert rows.dtype == np.int32
    assert vocabulary.names(rows) == [id for id in known + asked if id in known]


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


def test_it_tells_what_it_holds():
    vocabulary = Vocabulary("user", ["b", "a"])
    assert "a" in vocabulary and "c" not in vocabulary and 3 not in vocabulary
    assert vocabulary.row("a") == 1
    assert repr(vocabulary) == "<Vocabulary of 2 users>"
