"""Ratings by a planted taste for what pictures show, and a model that knows nobody."""

import numpy as np
import polars as pl
import pytest

from recweave.core.lists import ndcg
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature
from recweave.models.base import Model
from recweave.models.query import Query
from recweave.rank.ranking import PAD, Ranking
from recweave.rank.recommend import recommend
from recweave.rank.stages import StageContext


def rated(user, item, value, items, users=1):
    log = Interactions.of(user, item, value, np.arange(len(user)), shape=(users, items))
    return Query.of(log)


def listed(query, *lists):
    item = np.array(lists, np.int32)
    score = np.tile(-np.arange(item.shape[1], dtype=np.float32), (len(item), 1))
    return Ranking(query, item, np.where(item == PAD, -np.inf, score))


# A planted taste: half of the users like comic books and dislike cars, half the other way round.
USERS, ITEMS = 120, 80


@pytest.fixture(scope="module")
def planted():
    """Train, valid and test ratings by taste, one object an item, and a model that knows nobody."""
    rng = np.random.default_rng(0)
    kind = rng.permutation(np.arange(ITEMS) % 2)
    shown = np.stack([rng.permutation(ITEMS)[:30] for _ in range(USERS)])
    user, item = np.repeat(np.arange(USERS), 30), shown.ravel()
    value = np.where(kind[item] == user % 2, 5.0, 1.0)
    part = np.tile(np.digitize(np.arange(30), [14, 22]), USERS)
    parts = [
        Interactions.of(user[at], item[at], value[at], np.flatnonzero(at), shape=(USERS, ITEMS))
        for at in (part == 0, part == 1, part == 2)
    ]
    objects = np.zeros((ITEMS, 2), np.float32)
    objects[np.arange(ITEMS), kind] = 0.9
    return (*parts, objects, rng)


class Indifferent(Model):
    """The same order for everybody."""

    def scores(self, query):
        return np.tile(np.linspace(1, 0, ITEMS, dtype=np.float32), (len(query), 1))


def context(planted, objects, valid=True):
    train, held = planted[:2]
    feature = Feature(
        objects, objects.any(axis=1), "objects/made", "made", columns=("comic", "car")
    )
    ids = pl.DataFrame({"item_id": [f"i{n}" for n in range(ITEMS)]})
    return StageContext(
        dataset=Dataset("made", items=ids, numbering="table"),
        train=train,
        valid=held if valid else None,
        features={"objects": feature},
        model=Indifferent(),
    )


def gain(planted, stage):
    """What a stage adds to the NDCG@10 of ratings that neither it nor the model has seen."""
    train, _, test = planted[:3]
    liked = test[test.value > 3]
    base = recommend(Indifferent(), Query.before(train, liked), 60)
    held_out = liked.matrix(values=False)[base.query.user].toarray() > 0
    ranked = stage(base)

    def value(ranking):
        hits = np.take_along_axis(held_out, ranking.item[:, :10].astype(int), axis=1)
        return ndcg(hits, held_out.sum(axis=1)).mean()

    return value(ranked) - value(base)


class Colours:
    """A detector: how red and how blue a picture is, where it is above the threshold."""

    name, dim, side, classes, threshold = "images/objects/colours/0.25", 2, 8, ("red", "blue"), 0.25

    def prepare(self, picture):
        red, _, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))
        return np.array([red, blue], np.float32) / 255

    def encode(self, prepared):
        found = np.array(prepared, np.float32)
        return np.where(found > self.threshold, found, 0)


def colours(settings, threshold):
    """Makes the detector: `detector = "planted_taste:colours"`."""
    return Colours()
