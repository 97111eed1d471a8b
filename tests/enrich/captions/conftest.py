"""A shop with two colours and a broken picture."""

import polars as pl
import pytest

from recweave.core.settings import Settings
from recweave.data.dataset import Dataset

COLOURS = {"red": (200, 30, 40), "blue": (20, 40, 210)}


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", threads=2)


@pytest.fixture
def folder(tmp_path):
    image = pytest.importorskip("PIL.Image")
    place = tmp_path / "pictures"
    place.mkdir()
    for name, colour in COLOURS.items():
        image.new("RGB", (40, 30), colour).save(place / f"{name}.png")
    (place / "empty.png").write_bytes(b"")
    return place


@pytest.fixture
def shop():
    items = {
        "item_id": ["both", "blue", "broken", "none"],
        "images": [["red.png", "blue.png"], ["blue.png"], ["empty.png"], []],
    }
    schema = {"item_id": pl.String, "images": pl.List(pl.String)}
    return Dataset("shop", items=pl.DataFrame(items, schema=schema))
