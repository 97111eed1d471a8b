"""Rankings from plain lists."""

import numpy as np
import pytest

from recweave.data.interactions import Interactions
from recweave.models import Query
from recweave.rank import Ranking


@pytest.fixture(scope="session")
def ranking():
    """`ranking([[3, 1], [2, -1]], items=5)`: the lists of users 0 and 1."""

    def make(lists, items, users=None):
        item = np.asarray(lists, np.int32)
        rows = (
            np.arange(len(item), dtype=np.int32) if users is None else np.asarray(users, np.int32)
        )
        log = Interactions.of([], [], shape=(int(rows.max(initial=0)) + 1, items))
        order = np.broadcast_to(-np.arange(item.shape[1], dtype=np.float32), item.shape)
        score = np.where(item >= 0, order, -np.inf).astype(np.float32)
        return Ranking(Query.of(log, rows), item, score)

    return make
