"""`recweave demo`: do item texts pay? A synthetic shop, and MovieLens 100K where it is here."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from recweave.core.settings import Settings
from recweave.data.catalogue import find
from recweave.data.synthetic import SHOPS
from recweave.experiment.run import run
from recweave.runs.spec import Experiment
from recweave.runs.summary import Summary

SHOP = "synthetic:sparse"
REAL = "ml-100k"
TEXT_ROW = "ease-text"
"""The row whose lists are shown."""

ROWS = {
    "popularity": "the most bought items, the same list for all",
    "item_knn": "items that the same users chose",
    "ease": "a linear model of behaviour, with recency weighting",
    TEXT_ROW: "the same model, which also reads the texts of the items",
    "ease-permuted": "a control: the same texts, but each given to another item",
    "unified": "a network that reads behaviour, its order and the texts",
}
"""What each row is, for somebody who sees them for the first time."""

# TF-IDF needs no weights and takes a second; recipes use MiniLM, which takes a minute for this.
TEXT: dict[str, Any] = {
    "text": {"kind": "items", "fields": ["title", "description", "brand"], "encoder": "tfidf"},
    "permuted": {"kind": "shuffled", "feature": "text"},
}
MOVIE_TEXT: dict[str, Any] = {
    "text": {"kind": "items", "fields": ["title", "categories"], "encoder": "tfidf"}
}

EASE: dict[str, Any] = {"kind": "ease", "decay": 0.9}
WITH_TEXT: dict[str, Any] = EASE | {
    "reg": 100,
    "feature_reg": 300,
    "search": {"prior_weight": [10, 400, 800]},
}
"""A prior weight of 10 is next to none, so a useless text can be given up by validation."""

UNIFIED: dict[str, Any] = {
    "kind": "unified",
    "features": ["text"],
    "epochs": 3,
    "every": 3,
    "patience": 0,
    "schedule": "cosine",
    "lr": 0.004,
    "dropout": 0.3,
    "dim": 32,
    "layers": 1,
    "length": 10,
    "negatives": 256,
    "graph": 0,
    "scorers": [
        EASE | {"features": ["text"], "reg": 100, "feature_reg": 300, "prior_weight": 800},
        {"kind": "content_knn", "k": 200},
    ],
}
"""A small network with two scorers; validation gives their weights. Needs torch."""

BASELINES: tuple[dict[str, Any], ...] = (
    {"kind": "popularity"},
    {"kind": "item_knn", "search": {"shrinkage": [0, 10]}},
    EASE | {"search": {"reg": [100, 200, 400]}},
)

COMMON: dict[str, Any] = {
    "metrics": ["hit@10", "ndcg@10", "coverage@10"],
    "choose": "ndcg@10",
    "baseline": "ease",
}


@dataclass(frozen=True)
class Demo:
    """One table of the demo.

    Attributes:
        summary: Its rows.
        about: What the data is, in one sentence.
    """

    summary: Summary
    about: str


def demo(out: Path) -> Iterator[Demo]:
    """Run the demo into folders below `out`: the synthetic shop, then MovieLens if it is here.

    Nothing is downloaded.
    """
    shop = Experiment.parse(
        COMMON
        | {
            "title": "Do item texts pay? A synthetic shop, next purchase",
            "data": SHOP,
            "split": {"kind": "leave_last_out", "target": ["purchase"], "fresh": True},
            "slices": ["tail", "history"],
            "features": TEXT,
            "models": (
                *BASELINES,
                WITH_TEXT | {"variant": "text", "features": ["text"]},
                WITH_TEXT | {"variant": "permuted", "features": ["permuted"]},
                *([UNIFIED] if find_spec("torch") else []),
            ),
        },
        "the demo",
    )
    size = SHOPS[SHOP]
    about = (
        f"a synthetic shop of {size.users:,} users and {size.items:,} items; titles, descriptions "
        "and brands tell the style of an item, and users buy by style"
    )
    yield Demo(run(shop, out / f"demo-shop-{shop.key()}"), about)
    folder = find(REAL, Settings())
    if folder is None:
        return
    movies = Experiment.parse(
        COMMON
        | {
            "title": "Do item texts pay? MovieLens 100K, next rating",
            "data": REAL,
            "split": {"kind": "leave_last_out"},
            "slices": ["tail", "history"],
            "features": MOVIE_TEXT,
            "models": (*BASELINES, WITH_TEXT | {"variant": "text", "features": ["text"]}),
        },
        "the demo",
    )
    about = f"MovieLens 100K, real ratings, from {folder}; texts are titles and genres"
    yield Demo(run(movies, out / f"demo-{REAL}-{movies.key()}"), about)
