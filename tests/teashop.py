"""Fixtures of several folders: the catalogue and the log of a tea shop."""

import numpy as np
import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.models import Query
from recweave.rank import Ranking
from recweave.rank.stages import StageContext, read_stage

DAY = 86_400


@pytest.fixture(scope="session")
def shop() -> Dataset:
    """Eight items of a tea shop, the last known from the log alone; what is missing varies."""
    items = pl.DataFrame(
        {
            "item_id": ["sencha", "matcha", "assam", "earl", "mint", "mug", "pot"],
            "title": ["Sencha", "Matcha", "Assam", "Earl Grey", "Mint", "Mug", "Pot"],
            "brand": ["Uji", "Uji", "Raj", "Raj", None, "", "Raj"],
            "price": [12.0, 30.0, 8.0, 7.5, 4.0, None, 45.0],
            "categories": [
                ["Tea", "Green"],
                ["Tea", "Green"],
                ["Tea", "Black"],
                ["Tea", "Black"],
                ["Tea", "Herbal"],
                ["Ware"],
                [],
            ],
            "organic": [True, False, False, None, True, None, None],
            "stock": [1, 0, 3, None, 5, 6, 7],
        }
    )
    events = pl.DataFrame(
        {
            "user_id": ["ann", "ann", "bob", "bob", "bob", "cy"],
            "item_id": ["sencha", "mint", "sencha", "pot", "lid", "sencha"],
            "time": [1 * DAY, 5 * DAY, 2 * DAY, 3 * DAY, 4 * DAY, 9 * DAY],
        }
    )
    return Dataset("tea", items=items, events=events, numbering="table")


@pytest.fixture(scope="session")
def train(shop) -> Interactions:
    return shop.interactions()


@pytest.fixture
def ranked(shop):
    """Lists of item ids, by falling scores or by those given, asked at the end of day 10."""

    def make(*lists, scores=None, now=10 * DAY):
        k = max(map(len, lists), default=0)
        item = np.full((len(lists), k), -1, np.int32)
        score = np.full((len(lists), k), -np.inf, np.float32)
        for row, ids in enumerate(lists):
            item[row, : len(ids)] = [shop.item_ids.row(id) for id in ids]
            score[row, : len(ids)] = np.arange(k, k - len(ids), -1)
        if scores is not None:
            score[:] = scores
        return Ranking(query(shop.interactions(), len(lists), now), item, score)

    return make


@pytest.fixture
def ids(shop):
    """The ids in the lists of a ranking."""
    return lambda ranking: [
        [shop.item_ids.ids[int(i)] for i in row if i >= 0] for row in ranking.item
    ]


@pytest.fixture
def staged(shop, train):
    """A stage from its settings."""
    return lambda **settings: read_stage(settings).fit(StageContext(shop, train))


def query(log: Interactions, users: int, now: int) -> Query:
    """Users of the log in turn."""
    rows = np.arange(users, dtype=np.int32) % log.shape[0]
    return Query.of(log, rows, np.full(users, now))
