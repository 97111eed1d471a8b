"""What the audit looks at as a column: numbers, dates, texts of numbers, gaps, words, orders."""

import numpy as np
import polars as pl
import pytest
from planted_shop import ITEMS, cut, examined, honest_shop, only, with_column

from recweave.data.dataset import Dataset
from recweave.data.split import TEST, TRAIN

POPULARITY = ["held-out popularity"]
RANKED = {"features": {"rank": {"kind": "number", "field": "sales"}}}
DESCRIBED = {"features": {"words": {"kind": "items", "fields": ["title"], "encoder": "tfidf"}}}


@pytest.fixture(scope="module")
def shop():
    return honest_shop()


@pytest.fixture(scope="module")
def sold(shop):
    """Test events with each item, in the order of the table of items."""
    rows = np.flatnonzero(cut(shop).part == TEST)
    return np.bincount(shop.listed_items.rows(shop.events["item_id"][rows]), minlength=ITEMS)


def popularity_of(shop, **asked):
    return examined(shop, checks=POPULARITY, **asked)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(lambda sold: pl.Series(sold).cast(pl.String), id="texts of numbers"),
        pytest.param(lambda sold: pl.Series(sold).cast(pl.Date), id="dates"),
        pytest.param(lambda sold: pl.Series(sold * 86_400).cast(pl.Datetime), id="moments"),
        pytest.param(lambda sold: pl.Series(-sold), id="negative numbers"),
        pytest.param(lambda sold: pl.Series(sold >= np.sort(sold)[-30]), id="flags"),
    ],
)
def test_numbers_dates_and_flags_that_know_test_are_found(shop, sold, values):
    found = popularity_of(with_column(shop, sales=values(sold)), **RANKED)
    assert [leak.where for leak in found.of("leak")] == ["the column 'sales' of the items"]


def test_a_column_that_is_empty_where_nothing_sells_in_test_is_found(shop, sold):
    number = np.random.default_rng(0).random(ITEMS).round(3)
    sales = pl.select(pl.when(pl.Series(sold >= np.median(sold))).then(pl.Series(number)))
    found = popularity_of(with_column(shop, sales=sales.to_series()), **RANKED)
    leak = next(one for one in found.findings if one.where == "which items lack 'sales'")
    assert (leak.level, leak.features) == ("leak", ("rank",))
    assert "tenth of the items with the lowest values" in leak.example


def test_a_word_in_the_titles_of_what_sells_in_test_is_found(shop, sold):
    hot = pl.Series(sold >= np.sort(sold)[-30])
    title = pl.when(hot).then(pl.col("title") + " sizzling").otherwise(pl.col("title") + " calm")
    found = popularity_of(with_column(shop, title=title), **DESCRIBED)
    assert {(one.level, one.where) for one in found.findings} == {
        ("leak", "the word 'sizzling' in the column 'title' of the items"),
        ("leak", "the word 'calm' in the column 'title' of the items"),
    }


def test_texts_that_are_long_where_much_sells_in_test_are_found(shop, sold):
    words = pl.Series([" ".join(f"w{n}x{k}" for k in range(sold[n])) for n in range(ITEMS)])
    found = popularity_of(with_column(shop, title=pl.col("title") + " " + words), **DESCRIBED)
    assert only(found).where == "the number of words in the column 'title' of the items"


def test_the_example_names_the_end_that_sells(shop, sold):
    for sales, end in ((sold, "highest"), (-sold, "lowest")):
        leak = only(popularity_of(with_column(shop, sales=pl.Series(sales)), **RANKED))
        best = np.sort(sold)[-12:].mean()
        assert f"with the {end} values has {best:.2f} test events each" in leak.example
        assert f"all items have {sold.mean():.2f}" in leak.example


def test_one_finding_is_given_of_a_column_that_shows_in_test_and_in_validation(shop):
    held_out = np.flatnonzero(cut(shop).part != TRAIN)
    both = shop.listed_items.rows(shop.events["item_id"][held_out])
    sales = np.bincount(both, minlength=ITEMS)
    assert only(popularity_of(with_column(shop, sales=pl.Series(sales)), **RANKED))


def test_columns_that_do_not_vary_are_not_counted(shop):
    lines = [popularity_of(with_column(shop, sales=pl.lit(n)), **RANKED).checked for n in (1, 2)]
    assert lines[0] == lines[1]
    plain = popularity_of(shop).checked
    assert [line.split()[0] for line in lines[0]] == [line.split()[0] for line in plain]


def test_of_a_handful_of_items_nothing_is_said():
    """The counts of ten items follow many a column by chance."""
    users, items = np.divmod(np.arange(200), 10)
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in users],
            "item_id": [f"i{i}" for i in items],
            "time": np.random.default_rng(0).permutation(200),
        }
    )
    few = Dataset("few", events=events, items=pl.DataFrame({"item_id": events["item_id"].unique()}))
    assert popularity_of(few).checked == []
