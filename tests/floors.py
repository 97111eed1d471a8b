"""Fixtures of several folders: a small shop on disk, and a recipe file beside it."""

import numpy as np
import polars as pl
import pytest

from recweave.data.dataset import Dataset


@pytest.fixture
def shop(tmp_path):
    """A dataset folder: 150 users with 6 purchases each among 30 items, a few far more popular."""
    rng = np.random.default_rng(0)
    weight = 1 / np.arange(1, 31) ** 1.5
    bought = [rng.choice(30, 6, replace=False, p=weight / weight.sum()) for _ in range(150)]
    events = pl.DataFrame(
        {
            "user_id": [f"u{user}" for user in range(150) for _ in range(6)],
            "item_id": [f"i{item}" for row in bought for item in row],
            "behavior": "purchase",
            "time": list(range(900)),
        }
    )
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(30)],
            "title": [f"Item <b>{item}</b>" for item in range(30)],
            "categories": [["even" if item % 2 == 0 else "odd"] for item in range(30)],
            "price": [float(item) for item in range(30)],
        }
    )
    folder = tmp_path / "shop"
    Dataset("shop", events=events, items=items).save(folder)
    return folder


@pytest.fixture(autouse=True)
def without_pictures(request, monkeypatch):
    """Drawing takes seconds; only the report's own tests need it."""
    if request.module.__name__.rpartition(".")[2] != "test_page":
        monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})


RECIPE = """
title = "Two floors"
data = "shop"
metrics = ["recall@5", "ndcg@5", "coverage@5"]
choose = "ndcg@5"
baseline = "random"

[[models]]
name = "popularity"

[[models]]
name = "random"
"""


@pytest.fixture
def recipe(shop):
    """A recipe file beside the shop."""
    path = shop.parent / "floors.toml"
    path.write_text(RECIPE)
    return path
