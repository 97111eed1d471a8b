"""A shop of two tastes that only the titles tell apart, and a model that knows nobody."""

import numpy as np
import polars as pl
import pytest

from recweave.core.lists import ndcg
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions, join
from recweave.models.base import Model
from recweave.models.query import Query
from recweave.rank.recommend import recommend
from recweave.rank.stages import StageContext

USERS, ITEMS, EACH = 60, 40, 8
KINDS = ("tea", "car")


class Indifferent(Model):
    """The same order for everybody."""

    def scores(self, query):
        return np.tile(np.linspace(1, 0, ITEMS, dtype=np.float32), (len(query), 1))


@pytest.fixture(scope="package")
def shop():
    """Train, valid and test events by taste, the kind of each item, and titles that name it."""
    rng = np.random.default_rng(3)
    kind = rng.permutation(np.arange(ITEMS) % 2)
    user = np.repeat(np.arange(USERS), EACH)
    item = np.concatenate(
        [rng.permutation(np.flatnonzero(kind == u % 2))[:EACH] for u in range(USERS)]
    )
    part = np.tile(np.r_[[0] * (EACH - 2), 1, 2], USERS)
    parts = [
        Interactions.of(
            user[at], item[at], 1.0, np.flatnonzero(at), behavior="purchase", shape=(USERS, ITEMS)
        )
        for at in (part == 0, part == 1, part == 2)
    ]
    return (*parts, kind, tuple(f"{KINDS[k]} {n:02d}" for n, k in enumerate(kind)))


def dataset(titles):
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": list(titles)})
    users = pl.DataFrame({"user_id": [f"u{n}" for n in range(USERS)]})
    return Dataset("made", items=items, users=users, numbering="table")


def context(shop, titles=None, **changes):
    made = {
        "dataset": dataset(titles or shop[4]),
        "train": shop[0],
        "valid": shop[1],
        "model": Indifferent(),
    }
    return StageContext(**made | changes)


def query_of(shop):
    """The query for the test events, with train alone as history."""
    return Query.before(shop[0], shop[2])


def gain(shop, stage):
    """What a stage adds to the NDCG@10 of events that neither it nor the model has seen."""
    train, valid, test = shop[:3]
    query = Query.before(join(train, valid), test)
    base = recommend(Indifferent(), query, ITEMS)
    held_out = test.matrix(values=False)[base.query.user].toarray() > 0

    def value(ranking):
        hits = np.take_along_axis(held_out, ranking.item[:, :10].astype(int), axis=1)
        return ndcg(hits, held_out.sum(axis=1)).mean()

    return value(stage(base)) - value(base)
