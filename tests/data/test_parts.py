import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadInput
from recweave.data.dataset import Dataset
from recweave.data.split import (
    DROPPED,
    TEST,
    TRAIN,
    VALID,
    GlobalTime,
    LeaveLastOut,
    RatioUser,
)


def impressions(rows):
    """From (user, time, shown, clicked) each."""
    return pl.DataFrame(
        {
            "impression_id": [str(n) for n in range(len(rows))],
            "user_id": [user for user, *_ in rows],
            "time": [time for _, time, *_ in rows],
            "shown": [list(shown) for _, _, shown, _ in rows],
            "clicked": [None if c is None else [i in c for i in s] for _, _, s, c in rows],
        },
        schema_overrides={"time": pl.Int64, "clicked": pl.List(pl.Boolean)},
    )


def news(rows):
    """User u clicks a, b, c, d at 1, 2, 3, 4; user v nothing."""
    events = pl.DataFrame(
        {"user_id": ["u"] * 4, "item_id": list("abcd"), "time": [1, 2, 3, 4], "value": [1.0] * 4}
    ).with_columns(behavior=pl.lit("click"))
    return Dataset("news", events=events, impressions=impressions(rows))


def test_an_impression_has_the_part_of_what_was_clicked_in_it():
    dataset = news([("u", 1, "ax", "a"), ("u", 3, "cx", "c"), ("u", 4, "dx", "d")])
    assert dataset.split(LeaveLastOut()).impressions.tolist() == [TRAIN, VALID, TEST]


def test_an_impression_with_one_held_out_click_is_held_out_under_the_latest_part():
    dataset = news([("u", 1, "abc", "ac"), ("u", 1, "adc", "acd")])
    assert dataset.split(LeaveLastOut()).impressions.tolist() == [VALID, TEST]


def test_impressions_without_a_click_go_by_the_first_held_out_event():
    """u's first held-out event is at 3, and v, who has none, goes by everybody's."""
    rows = [("u", 2, "ax", ""), ("u", 3, "ax", ""), ("v", 2, "ax", ""), ("v", 9, "ax", None)]
    parts = news([*rows, ("v", 2, "ax", "x"), ("v", None, "ax", "")]).split(LeaveLastOut())
    assert parts.impressions.tolist() == [TRAIN, DROPPED, TRAIN, DROPPED, TRAIN, DROPPED]


def test_one_moment_for_everybody_cuts_impressions_too():
    rows = [("u", 2, "ax", "a"), ("v", 3, "ax", "x"), ("v", 4, "ax", ""), ("v", None, "a", "")]
    split = news(rows).split(GlobalTime(valid_from=3, test_from=4))
    assert split.impressions.tolist() == [TRAIN, VALID, TEST, DROPPED]


def test_a_dataset_of_impressions_alone_is_cut_by_its_impressions():
    rows = [("u", 1, "ab", "a"), ("u", 2, "ab", "b"), ("u", 3, "ab", ""), ("v", 2, "ab", "a")]
    dataset = Dataset("news", impressions=impressions(rows))
    split = dataset.split(LeaveLastOut())
    assert split.impressions.tolist() == [TRAIN, VALID, TEST, TRAIN]
    assert len(split.part) == len(split.train) == 0
    late = dataset.split(GlobalTime(valid=0, test_from=3))
    assert late.impressions.tolist() == [TRAIN, TRAIN, TEST, TRAIN]


def test_a_dataset_of_nothing_cannot_be_split():
    with pytest.raises(BadInput, match="no events"):
        Dataset("empty").split(LeaveLastOut())


def test_every_table_is_cut_by_a_random_splitter_too():
    rows = [("u", time, item + "x", item) for time, item in enumerate("abcd", 1)]
    split = news(rows).split(RatioUser(valid=0.25, test=0.25), seed=4)
    assert np.array_equal(split.impressions, split.part)
    assert split.reviews.shape == (0,)
