import re

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.encode.tfidf import TfIdf
from recweave.enrich import Extractive, Material

from .conftest import shop_of


@pytest.fixture
def write(encoder, cut):
    """The texts of the writer for a shop, by (kind, id, fold)."""

    def run(shop, *kinds, folds=0, **settings):
        material = Material.of(shop, cut(shop), folds=folds)
        written = Extractive(encoder, **settings).write(material, list(material.tasks(kinds)))
        return {(task.kind, task.id, task.fold): text for task, text in written}

    return run


def test_the_central_sentence_is_chosen_and_none_that_repeats_it(write):
    core = "Strong strap holds camera bag"
    texts = [f"{core} well. Odd{i} thing{i} happened{i}." for i in range(5)]
    shop = shop_of([(f"u{i}", "a", 5.0, text) for i, text in enumerate([*texts, f"{core} well."])])
    summary = write(shop, "summary", length=6)["summary", "a", None]
    assert summary == f"{core} well."
    assert write(shop, "summary", length=80)["summary", "a", None].count("strap") == 1


def test_a_summary_has_at_most_the_given_number_of_words(write):
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{w}" for w in rng.integers(0, 99, 7)) + "." for _ in range(60)]
    shop = shop_of([("u", f"i{i % 2}", 5.0, text) for i, text in enumerate(texts)])
    for text in write(shop, "summary", length=30).values():
        assert 20 < len(text.split()) <= 30


def test_price_labels_come_from_sentences_with_price_words_alone(write, talk):
    found = write(talk, "price")
    assert found == {("price", "a", None): "cheap", ("price", "b", None): "overpriced"}
    silent = shop_of([("u", "a", 5.0, "The strap fits my shoulder."), ("v", "a", 3.0, "")])
    assert write(silent, "price")["price", "a", None] == "unclear"


def test_aspects_follow_the_ratings_of_the_reviews_that_name_them(write, talk):
    found = write(talk, "aspects")
    liked, disliked = found["aspects", "a", None].split("\n")
    assert "cable" in liked and "cable" not in disliked
    assert "plug" in disliked and "plug" not in liked
    assert "handle" in found["aspects", "u0", None].split("disliked")[1]


def test_without_ratings_the_sentences_decide_who_is_pleased(write, talk):
    unrated = talk.replace(reviews=talk.reviews.with_columns(rating=pl.lit(None, pl.Float32)))
    happy = "I love it. Wonderful, I am very happy with it. The strap fits."
    sad = "I hate it. Terrible, the worst there is. The buckle broke."
    texts = pl.Series([happy, happy, sad, happy, happy, happy])
    unrated = unrated.replace(reviews=unrated.reviews.with_columns(text=texts))
    liked, disliked = write(unrated, "aspects")["aspects", "a", None].split("\n")
    assert "strap" in liked and "buckle" in disliked


def test_explanations_are_sentences_of_pleased_people(write, talk):
    text = write(talk, "explanation")["explanation", "a", None]
    assert "The cable is great." in text.split("\n")
    assert "plug" not in text and "Marker2" not in text


def test_categories_come_from_the_catalogue_or_else_from_reviews(write, talk):
    found = write(talk, "categories")
    assert found["categories", "a", None] == "Audio"
    assert "colour" in found["categories", "b", None]


def test_a_closed_set_of_categories_stays_closed(write, talk):
    found = write(talk, "categories", categories=("cable", "lamp", "shoe"))
    assert found["categories", "a", None] == "cable" and found["categories", "b", None] == "lamp"
    assert (
        write(talk, "categories", categories=("Audio", "Pipes"))["categories", "a", None] == "Audio"
    )
    mute = talk.replace(items=talk.items.with_columns(title=pl.lit("???"), categories=None))
    mute = mute.replace(reviews=mute.reviews.with_columns(text=pl.lit("Hmm.")))
    assert write(mute, "categories", categories=("cable", "lamp"))["categories", "a", None] is None


def test_a_profile_names_the_source_of_each_part(write, talk):
    lines = write(talk, "profile")["profile", "a", None].split("\n")
    assert lines[0].startswith("Summary: catalogue: Cable A; reviewers say: ")
    assert lines[1].startswith("Audience: those who look for Audio; those who care about ")
    assert lines[2].startswith("Reasoning: 3 reviews, 3.7 stars on average; praised for ")


def test_an_item_without_reviews_has_the_text_of_the_catalogue(write, talk):
    new = pl.DataFrame({"item_id": ["n"], "title": ["New thing"]})
    shop = talk.replace(items=pl.concat([talk.items, new], how="diagonal"))
    found = write(shop, "profile", "summary", "categories", folds=2)
    assert found["profile", "n", None] == "Summary: catalogue: New thing."
    assert ("summary", "n", None) not in found and ("profile", "n", 0) not in found
    assert found["categories", "n", None] is None


def test_an_item_that_is_only_in_the_log_is_no_error(write, talk):
    shop = talk.replace(items=talk.items[:1])
    assert "Reasoning: 3 reviews" in write(shop, "profile")["profile", "b", None]


def test_interest_is_fitted_from_times_and_from_nothing_else(write, talk):
    assert re.fullmatch(
        r"\w+ \(half-life [\d.e+]+ days\)", write(talk, "interest")["interest", "a", None]
    )
    order = talk.events.with_columns(order=pl.int_range(pl.len()), time=pl.lit(None, pl.Int64))
    assert write(talk.replace(events=order), "interest")["interest", "a", None] is None


def test_vectors_that_depend_on_other_texts_are_refused():
    with pytest.raises(BadSetting, match="tfidf"):
        Extractive(TfIdf())


def test_only_texts_of_the_training_part_are_read(write, talk, encoder):
    late = pl.DataFrame(
        {"user_id": ["u0"], "item_id": ["y"], "rating": [5.0], "text": ["Secret words."]}
    ).with_columns(time=pl.lit(10**9, pl.Int64))
    reviews = pl.concat([talk.reviews, late], how="diagonal_relaxed")
    write(talk.replace(reviews=reviews), *("summary", "profile", "aspects", "explanation"), folds=2)
    assert encoder.asked and not any("Secret" in text for text in encoder.asked)
