import numpy as np
import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.data.parts import review_rule
from recweave.data.reviews import review_parts, train_reviews
from recweave.data.split import DROPPED, TEST, TRAIN, VALID, LeaveLastOut


@pytest.fixture
def shop() -> Dataset:
    """One user does a, b, c, d in turn; reviews of each in the opposite order, and one more."""
    events = pl.DataFrame({"user_id": ["u"] * 4, "item_id": list("abcd"), "time": [1, 2, 3, 4]})
    events = events.with_columns(behavior=pl.lit("rating"), value=pl.lit(5.0))
    written = pl.DataFrame({"user_id": ["u"] * 5, "item_id": list("dcbae"), "text": list("dcbae")})
    return Dataset("shop", events=events, reviews=written)


def test_a_review_has_the_part_of_its_event(shop):
    split = shop.split(LeaveLastOut())
    assert review_parts(shop, split).tolist() == [TEST, VALID, TRAIN, TRAIN, DROPPED]
    assert train_reviews(shop, split).tolist() == [2, 3]


def test_a_pair_that_is_held_out_once_is_held_out(shop):
    again = shop.events[:1].with_columns(time=pl.lit(9, pl.Int64))
    shop = shop.replace(events=pl.concat([shop.events, again]))
    parts = review_parts(shop, shop.split(LeaveLastOut()))
    assert parts[3] == TEST


def test_a_split_of_another_log_is_refused(shop):
    split = shop.split(LeaveLastOut())
    fewer = shop.replace(events=shop.events[:3])
    with pytest.raises(ValueError, match="not cut from"):
        review_parts(fewer, split)
    assert np.array_equal(split.part, [TRAIN, TRAIN, VALID, TEST])


def test_what_is_dropped_is_not_train(shop):
    part = shop.split(LeaveLastOut(target=("rating",))).part.copy()
    part[0] = DROPPED
    assert review_rule(shop.events, part, shop.reviews)[3] == DROPPED


def test_with_nothing_held_out_every_review_is_train(shop):
    assert (review_parts(shop, shop.whole()) == TRAIN).all()
