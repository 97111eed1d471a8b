"""Quotes of held-out reviews: what a quote is, and how many make a leak."""

import numpy as np
import polars as pl
import pytest
from planted_shop import ITEMS, cut, examined, honest_shop, only, with_column

from recweave.data.reviews import review_parts
from recweave.data.split import TRAIN
from recweave.report.audit.quotes import WORDS, runs_of

QUOTES = ["quotes of held-out reviews"]
DESCRIBED = {
    "features": {"words": {"kind": "items", "fields": ["description"], "encoder": "tfidf"}},
    "models": [{"name": "content_knn", "feature": "words"}],
}


@pytest.fixture(scope="module")
def shop():
    return honest_shop()


def held_out_of(shop):
    """The held-out reviews: item_id and text."""
    parts = review_parts(shop, cut(shop))
    return shop.reviews[np.flatnonzero(parts != TRAIN)].select("item_id", "text")


def quoting(shop, reviews):
    """The shop whose descriptions quote some reviews of the same item."""
    texts = reviews.group_by("item_id").agg(quoted=pl.col("text").str.join(". "))
    joined = shop.items.join(texts, on="item_id", how="left", maintain_order="left")
    added = joined.select(
        pl.concat_str("description", pl.lit(". "), pl.col("quoted").fill_null(""))
    )
    return with_column(shop, description=added.to_series())


def findings(shop):
    return examined(shop, checks=QUOTES, **DESCRIBED).findings


@pytest.mark.parametrize(
    ("share", "levels"), [(0.004, []), (0.03, ["suspicious"]), (0.07, ["leak"])]
)
def test_how_sure_a_finding_is_goes_by_the_share_of_the_reviews(shop, share, levels):
    reviews = held_out_of(shop)
    some = reviews[: max(3, int(share * len(reviews)))]
    assert [found.level for found in findings(quoting(shop, some))] == levels


def test_two_quotes_are_no_finding():
    few = honest_shop(people=20)
    assert findings(quoting(few, held_out_of(few)[:2])) == []
    assert len(findings(quoting(few, held_out_of(few)[:3]))) == 1


def test_words_that_training_reviews_hold_too_are_no_quote(shop):
    """Everybody ends with the words of a form, and so does every description."""
    form = " I received this item for my honest opinion"
    reviews = shop.reviews.with_columns(pl.col("text") + form)
    formal = shop.replace(reviews=reviews)
    assert findings(with_column(formal, description=pl.col("description") + form)) == []


def test_reviews_of_other_items_are_no_quote(shop):
    """Item n has the reviews of item n + 1."""
    names = dict(zip(shop.items["item_id"], np.roll(shop.items["item_id"], 1), strict=True))
    others = held_out_of(shop).with_columns(pl.col("item_id").replace_strict(names))
    assert findings(quoting(shop, others)) == []


def test_capitals_and_marks_do_not_hide_a_quote(shop):
    reviews = held_out_of(shop).with_columns(
        pl.col("text").str.to_uppercase().str.replace_all(" ", ", ")
    )
    leak = only(examined(quoting(shop, reviews), checks=QUOTES, **DESCRIBED))
    assert leak.evidence["share"] == 1


def test_a_run_of_words_does_not_cross_the_end_of_a_text():
    texts = pl.Series(["a b c d", "e f g h", "a b c d e f g"])
    found = runs_of(texts)
    assert found["text"].to_list() == [2, 2]
    assert runs_of(pl.Series(["A, b; C d! E f"]))["run"].to_list() == [found["run"][0]]
    assert len(runs_of(pl.Series([" ".join("x" for _ in range(WORDS - 1))]))) == 0
    assert len(runs_of(pl.Series([None, ""], dtype=pl.String))) == 0


def test_the_share_is_of_the_reviews_that_a_text_could_quote(shop):
    """Half of the items have a text."""
    half = pl.int_range(pl.len()) < ITEMS // 2
    full = quoting(shop, held_out_of(shop))
    some = with_column(full, description=pl.when(half).then("description"))
    assert only(examined(some, checks=QUOTES, **DESCRIBED)).evidence["share"] == 1
