"""Tables of recommendations, on screen and on disk."""

import polars as pl
import pytest
from planted import ITEMS, T0, USERS, Asked, planted_shop

from recweave.bundle.lists import SCHEMA, Recommendations, write_lists
from recweave.bundle.make import make_bundle
from recweave.bundle.similar import similar_batches
from recweave.core.errors import BadSetting
from recweave.core.tables import SHOWN, html_table
from recweave.models.factors.als import ALS
from recweave.models.factors.ease import EASE


def lines(*rows):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


PARTS = [
    lines(("u1", "a", 1, 0.9, "m"), ("u1", "b", 2, 0.5, "m")),
    lines(("u2", "b", 1, 0.7, "m")),
]


@pytest.mark.parametrize(
    ("name", "read"), [("lists.parquet", pl.read_parquet), ("lists.csv", pl.read_csv)]
)
def test_parts_are_written_one_after_the_other_into_one_file(tmp_path, name, read):
    assert write_lists(iter(PARTS), tmp_path / name) == 3
    found = read(tmp_path / name).cast(SCHEMA)
    assert found.equals(pl.concat(PARTS))
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_stream_that_breaks_leaves_no_file_and_the_older_one_as_it_was(tmp_path):
    def broken():
        yield PARTS[0]
        raise ValueError("the model died")

    (tmp_path / "lists.csv").write_text("older")
    with pytest.raises(Exception, match="died"):
        write_lists(broken(), tmp_path / "lists.csv")
    assert (tmp_path / "lists.csv").read_text() == "older"
    assert len(list(tmp_path.iterdir())) == 1


def test_other_file_endings_and_no_users_are_refused(tmp_path):
    with pytest.raises(BadSetting, match=r"\.parquet or \.csv"):
        write_lists(iter(PARTS), tmp_path / "lists.json")
    with pytest.raises(BadSetting, match="there are no users"):
        write_lists(iter([]), tmp_path / "lists.csv")


def test_titles_follow_the_ids_that_they_belong_to():
    found = Recommendations(pl.concat(PARTS), {"b": "Bee", "x": "Ex"}).with_titles()
    assert found["title"].to_list() == ["", "Bee", "Bee"]
    assert found.columns == ["user_id", "item_id", "title", "rank", "score", "source"]


def test_a_notebook_escapes_texts_of_the_data():
    shown = html_table(lines(("<b>", "a&b", 1, 0.5, "m")), caption="<i>")
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert "&lt;b&gt;" in shown
    assert "a&amp;b" in shown
    assert "0.5000" in shown
    assert "more lines" not in shown


def test_a_notebook_says_how_many_lines_it_leaves_out():
    many = lines(*[("u", "i", n + 1, 1.0, "m") for n in range(SHOWN + 3)])
    shown = html_table(many)
    assert "and 3 more lines" in shown
    assert shown.count("<tr>") == SHOWN + 1
    assert "more lines" not in html_table(many.head(SHOWN))


def test_batches_of_users_come_in_order_and_make_the_same_table(monkeypatch):
    bundle = make_bundle(planted_shop(), Asked([]), name="m")
    whole = bundle.recommend(None, 3).to_frame()
    monkeypatch.setattr("recweave.bundle.bundle.BATCH", 7)
    parts = list(bundle.batches(None, 3))
    assert len(parts) == -(-USERS // 7)
    assert pl.concat(parts).equals(whole)


def test_similar_items_without_vectors_are_the_list_of_a_history_with_the_item():
    """A model without vectors of items gets a query for a new user with that history."""
    model = Asked([])
    found = make_bundle(planted_shop(), model, name="m").similar("t0", 2).to_frame()
    (query,) = model.queries
    assert query.user.tolist() == [-1]
    assert query.history.item.tolist() == [T0]
    assert query.now[0] > query.history.time[0]
    assert found["similar_id"].to_list() == [ITEMS[1], ITEMS[2]]
    assert found["source"].to_list() == ["m", "m"]


@pytest.mark.parametrize("recipe", [ALS(dim=4, epochs=2), EASE(reg=10)])
def test_no_item_is_like_itself(recipe):
    """Asked for all items, by vectors and by scores; its cosine with itself would be the best."""
    bundle = recipe.fit_bundle(planted_shop())
    table = pl.concat(list(similar_batches(bundle, None, 3)))
    assert table["item_id"].n_unique() > 3  # the others have no events, and nothing is like them
    assert not (table["item_id"] == table["similar_id"]).any()
