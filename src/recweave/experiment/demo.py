"""The first thing to try: five models on data that is at hand, in a few minutes."""

from dataclasses import dataclass
from pathlib import Path

from recweave.core.errors import Unavailable
from recweave.core.settings import Settings
from recweave.data.catalogue import get
from recweave.experiment.run import run
from recweave.runs.spec import Experiment
from recweave.runs.summary import Summary

DATA = "ml-100k"
FALLBACK = "synthetic"

MODELS = (
    {"name": "random"},
    {"name": "popularity"},
    {"name": "item_knn", "search": {"k": [20, 100], "shrinkage": [0, 10]}},
    {"name": "als", "search": {"reg": [0.01, 0.1], "dim": [32]}},
    {"name": "ease", "search": {"reg": [50, 200, 800], "decay": [0.9, 1.0]}},
)


@dataclass(frozen=True)
class Demo:
    """What the demo did.

    Attributes:
        summary: Its table.
        data: Which data it used and why, in words.
    """

    summary: Summary
    data: str


def demo(out: Path) -> Demo:
    """Run the demo into folders below `out`.

    Real data where it is at hand or can be fetched, else the synthetic shop; which, it says.
    """
    settings = Settings()
    try:
        place = get(DATA, settings)
        data, told = DATA, f"MovieLens 100K, real ratings, from {place}"
    except Unavailable as error:
        data, told = FALLBACK, f"the synthetic shop, as MovieLens 100K is not available: {error}"
    experiment = Experiment.parse(
        {
            "title": f"recweave demo on {data}",
            "data": data,
            "split": {"kind": "leave_last_out", "fresh": True},
            "metrics": ["recall@10", "ndcg@10", "coverage@10", "novelty@10"],
            "choose": "ndcg@10",
            "baseline": "popularity",
            "models": MODELS,
        },
        "the demo",
    )
    return Demo(run(experiment, out / f"demo-{experiment.key()}"), told)
