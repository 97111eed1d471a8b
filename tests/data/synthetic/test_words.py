from itertools import chain

import numpy as np
import polars as pl
import pytest

from recweave.data.synthetic import Shop, make_shop
from recweave.data.synthetic.lexicon import (
    ASPECTS,
    BRANDS,
    CATEGORIES,
    COLOURS,
    PRICE_TAGS,
    REMARKS,
    STYLES,
)


@pytest.fixture(scope="module")
def shop():
    return make_shop(Shop(users=600, items=200, views=12_000))


def test_no_word_and_no_brand_belongs_to_two_styles():
    for lexicon in (STYLES, BRANDS):
        words = list(chain.from_iterable(lexicon.values()))
        assert len(set(words)) == len(words)
    assert STYLES.keys() == BRANDS.keys()


def test_titles_name_brand_kind_and_colour(shop):
    dataset, truth = shop
    for row, (title, brand) in enumerate(dataset.items.select("title", "brand").rows()):
        assert brand in title and brand in BRANDS[list(STYLES)[truth.item_group[row]]]
        assert list(CATEGORIES)[truth.category[row]] in title
        assert list(COLOURS)[truth.colour[row]] in title


def test_reviews_say_what_the_truth_says_they_say(shop):
    dataset, truth = shop
    for row, text in enumerate(dataset.reviews["text"].to_list()):
        tags = [tag for tag in PRICE_TAGS if any(remark in text for remark in REMARKS[tag])]
        assert tags == ([PRICE_TAGS[truth.remark[row]]] if truth.remark[row] >= 0 else [])
        praise, blame = (
            ASPECTS[of[row]] if of[row] >= 0 else None for of in (truth.liked, truth.disliked)
        )
        for aspect in ASPECTS:
            praised = f"The {aspect} is great" in text or f"happy with the {aspect}" in text
            blamed = f"The {aspect} let me down" in text or f"not happy with the {aspect}" in text
            assert praised - blamed == (aspect == praise) - (aspect == blame) or (
                praised and blamed
            )
            assert blamed == (aspect == blame)
        assert "{" not in text


def test_remarks_on_prices_follow_the_price_against_its_kind(shop):
    dataset, truth = shop
    item = dataset.item_ids.rows(dataset.reviews["item_id"])
    dear = [truth.dearness[item][truth.remark == tag].mean() for tag in range(3)]
    assert dear[0] < -0.7 and abs(dear[1]) < 0.3 and dear[2] > 0.7
    assert (truth.remark == -1).mean() == pytest.approx(0.4, abs=0.05)


def test_price_tags_follow_the_price_in_the_catalogue(shop):
    dataset, truth = shop
    usual = np.array([price for _, price in CATEGORIES.values()])[truth.category]
    ratio = dataset.items["price"].to_numpy() / usual
    cheap, fair, dear = (ratio[truth.price_tag == tag] for tag in range(3))
    assert cheap.max() < fair.min() < fair.max() < dear.min()
    assert min(len(cheap), len(dear)) > 30


def test_good_reviews_praise_and_bad_ones_blame(shop):
    dataset, truth = shop
    stars = dataset.reviews["rating"].to_numpy()
    assert (
        (truth.liked[stars >= 4] >= 0).mean() > 0.7 > 0.2 > (truth.disliked[stars >= 4] >= 0).mean()
    )
    assert (
        (truth.liked[stars <= 2] >= 0).mean() < 0.3 < 0.6 < (truth.disliked[stars <= 2] >= 0).mean()
    )
    loved = dataset.reviews["text"].str.contains("I love|Just as|Wonderfully").to_numpy()
    np.testing.assert_array_equal(loved, stars >= 4)


def test_the_words_of_a_text_differ_and_are_mostly_of_the_items_style(shop):
    dataset, truth = shop
    styles = {word: style for style, words in enumerate(STYLES.values()) for word in words}
    words = dataset.items["description"].str.replace_all(r"[.,;:]", "").str.split(" ")
    found = words.list.eval(pl.element().filter(pl.element().is_in(list(styles)))).to_list()
    assert all(len(set(words)) == len(words) == 3 for words in found)
    own = [
        styles[word] == truth.item_group[row] for row, words in enumerate(found) for word in words
    ]
    assert np.mean(own) > 0.85
