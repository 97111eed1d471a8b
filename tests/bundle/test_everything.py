"""What a bundle is trained on: all events and all impressions, less what training stops by."""

import numpy as np
import polars as pl

from recweave.bundle.make import everything
from recweave.data.dataset import Dataset
from recweave.data.split import GlobalTime
from recweave.models.news.nrms import NRMS
from recweave.models.popularity import Popularity


def news():
    """Two users with three impressions each, one of which nobody knows the clicks of."""
    shown = pl.DataFrame(
        {
            "impression_id": list("abcdefg"),
            "user_id": ["u", "u", "u", "v", "v", "v", "v"],
            "time": [1, 2, 3, 1, 2, 3, 4],
            "history": [[]] * 7,
            "shown": [
                ["1", "2"],
                ["3", "4"],
                ["5", "6"],
                ["1", "2"],
                ["3", "4"],
                ["5", "6"],
                ["1"],
            ],
            "clicked": [[True, False], [False, True], [True, False]] * 2 + [None],
        },
        schema_overrides={"history": pl.List(pl.String)},
    )
    clicks = shown.drop_nulls("clicked").explode("shown", "clicked").filter("clicked")
    return Dataset(
        "news", events=clicks.select("user_id", "time", item_id="shown"), impressions=shown
    )


def times(impressions):
    return sorted(impressions.time.tolist())


def test_a_network_stops_by_the_impressions_of_each_users_last_click():
    data = everything(news(), NRMS(), {})
    assert times(data.impressions) == [1, 1, 2, 2]
    assert times(data.valid_impressions) == [3, 3]
    assert (len(data.train), len(data.valid)) == (4, 2)


def test_or_by_the_test_part_of_the_recipes_split():
    dataset = news()
    split = dataset.split(GlobalTime(valid_from=2, test_from=3))
    data = everything(dataset, NRMS(), {}, split=split)
    assert (times(data.impressions), times(data.valid_impressions)) == ([1, 1, 2, 2], [3, 3])


def test_a_model_that_does_not_stop_learns_from_all():
    data = everything(news(), Popularity(), {})
    assert times(data.impressions) == [1, 1, 2, 2, 3, 3]
    assert data.valid_impressions is None
    assert np.asarray(data.rows).tolist() == list(range(6))
