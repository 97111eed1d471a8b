import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadArtifact, BadInput
from recweave.data.dataset import Dataset
from recweave.data.profiles import Profiles


def row(id, fold, text, reviews, entity="item", kind="summary", events=()):
    return {
        "entity": entity,
        "id": id,
        "kind": kind,
        "fold": fold,
        "text": text,
        "writer": "test/1",
        "reviews": list(reviews),
        "events": list(events),
    }


@pytest.fixture
def profiles() -> Profiles:
    """Item a was reviewed in rows 0, 1, 2 (folds 0, 1, 0), item b in row 5 alone."""
    rows = [
        row("a", None, "a whole", [0, 1, 2]),
        row("a", 0, "a without 0 and 2", [1]),
        row("a", 1, "a without 1", [0, 2]),
        row("b", None, "b whole", [5]),
        row("b", 0, None, []),
        row("u", None, "u whole", [0], entity="user"),
    ]
    return Profiles(pl.DataFrame(rows), dataset="f00", split="{}")


def test_texts_come_in_the_order_of_the_request_and_are_null_where_there_are_none(profiles):
    assert profiles.texts("summary", "item", ["b", "x", "a", "b"]).to_list() == [
        "b whole",
        None,
        "a whole",
        "b whole",
    ]
    assert profiles.texts("summary", "item", ["a", "b"], fold=0).to_list() == [
        "a without 0 and 2",
        None,
    ]
    assert profiles.texts("summary", "item", ["a", "a", "a"], fold=[None, 1, 0]).to_list() == [
        "a whole",
        "a without 1",
        "a without 0 and 2",
    ]


def test_a_row_is_led_to_the_text_it_had_no_part_in(profiles):
    assert profiles.folds("summary", "item", [2, 1, 0, 5, 99], "reviews").to_list() == [
        0,
        1,
        0,
        0,
        None,
    ]


def test_a_row_that_no_variant_leaves_out_is_refused(profiles):
    with pytest.raises(BadInput, match=r"summary of user 'u' was written with row 0.*--folds"):
        profiles.folds("summary", "user", [0], "reviews")


def test_an_event_is_one_with_the_reviews_of_its_pair(profiles):
    """Rows 0, 1, 2, 5 are the reviews of a by u, v, w and of b by u; x has none, z is not read."""
    written = pl.DataFrame(
        {"user_id": list("uvwzzu"), "item_id": list("aaaabb"), "text": ["."] * 6}
    )
    done = pl.DataFrame({"user_id": list("xwvuuz"), "item_id": list("aaaaba")})
    shop = Dataset("shop", events=done, reviews=written)
    own = Profiles(profiles.table, dataset=shop.fingerprint, split="{}")
    found = own.folds_of_events("summary", "item", shop, np.arange(6))
    assert found.to_list() == [None, 0, 1, 0, 0, None]
    assert own.folds_of_events("summary", "item", shop, np.array([0])).to_list() == [None]
    with pytest.raises(BadInput, match="fingerprint f00"):
        profiles.folds_of_events("summary", "item", shop, np.arange(6))


def test_what_was_used_is_a_matrix_of_ids_by_rows(profiles):
    used = profiles.used("summary", "item", ["b", "x", "a"], "reviews", 8)
    expected = np.zeros((3, 8))
    expected[0, 5] = expected[2, :3] = 1
    np.testing.assert_array_equal(used.toarray(), expected)
    assert profiles.used("summary", "item", ["a"], "events", 4).nnz == 0


def test_saved_and_loaded_is_the_same(profiles, tmp_path):
    profiles.save(tmp_path / "p.parquet")
    again = Profiles.load(tmp_path / "p.parquet")
    assert again.table.equals(profiles.table)
    assert (again.dataset, again.split) == ("f00", "{}")


def test_a_file_that_is_none_of_ours_is_refused(tmp_path):
    with pytest.raises(BadArtifact, match="cannot be read"):
        Profiles.load(tmp_path / "nothing.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(BadArtifact, match="holds no profiles"):
        Profiles.load(tmp_path / "other.parquet")


def test_an_unknown_kind_is_refused_with_a_hint(profiles):
    with pytest.raises(BadInput, match="did you mean 'summary'"):
        profiles.texts("summry", "item", ["a"])


def test_two_texts_under_one_key_are_refused():
    with pytest.raises(BadInput, match="one key"):
        Profiles(pl.DataFrame([row("a", None, "x", [0])] * 2), dataset="", split="")
