import zlib

import numpy as np
import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.data.split import LeaveLastOut
from recweave.enrich.sentences import words


class Hashed:
    """Words hashed to 512 dimensions, longer ones with more weight: cosine is overlap of words."""

    name = "hashed/1"
    dim = 512

    def __init__(self):
        self.asked = []

    def encode(self, texts):
        self.asked += texts
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in set(words(text)):
                vectors[row, zlib.crc32(word.encode()) % self.dim] = len(word) ** 2
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(length, 1e-9)


@pytest.fixture
def encoder():
    return Hashed()


def shop_of(reviews, **items):
    """A shop whose log is its reviews, (user, item, rating, text) in order of time.

    Each user also does `x` and `y` afterwards, which are held out.
    """
    written = pl.DataFrame(
        reviews, schema=["user_id", "item_id", "rating", "text"], orient="row"
    ).with_columns(time=pl.int_range(pl.len(), dtype=pl.Int64) * 86_400)
    events = written.select("user_id", "item_id", "time", value="rating")
    users = written["user_id"].unique(maintain_order=True)
    later = [
        pl.DataFrame({"user_id": users, "item_id": item}).with_columns(
            time=pl.lit(10**9 + step), value=pl.lit(5.0)
        )
        for step, item in enumerate("xy")
    ]
    kinds = {"value": pl.Float32, "time": pl.Int64}
    log = pl.concat(
        [frame.cast(kinds) for frame in (events, *[t.select(events.columns) for t in later])]
    )
    ids = written["item_id"].unique(maintain_order=True)
    shown = pl.DataFrame({"item_id": ids, **items})
    return Dataset("shop", events=log, reviews=written, items=shown)


@pytest.fixture
def cut():
    """A dataset with its split: each user's last two events are held out."""
    return lambda shop: shop.split(LeaveLastOut())


@pytest.fixture
def talk():
    """Four users write of two items each; every text has a word of its own."""
    reviews = {
        ("u0", "a"): (5.0, "The cable is great. Marker0 shines. It is very cheap."),
        ("u1", "a"): (5.0, "The cable is great. Marker1 shines. What a bargain."),
        ("u2", "a"): (1.0, "The plug is broken. Marker2 hums. It is very cheap."),
        ("u0", "b"): (2.0, "The handle is loose. Marker3 rattles. The prices are too high."),
        ("u1", "b"): (5.0, "The colour is lovely. Marker4 glows. Really not worth the money."),
        ("u3", "b"): (4.0, "The colour is lovely. Marker5 glows. Far too high, the prices."),
    }
    rows = [(user, item, *review) for (user, item), review in reviews.items()]
    return shop_of(rows, title=["Cable A", "Lamp B"], categories=[["Audio"], None])
