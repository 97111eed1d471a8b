"""What an experiment evaluates, and what it reports if the recipe file does not say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from recweave.evaluate import Metric


@dataclass(frozen=True)
class Defaults:
    """What a task reports and chooses by if the recipe file does not say, and what it can."""

    metrics: tuple[str, ...]
    choose: str
    has: Callable[[Metric], bool]
    slices: tuple[str, ...] = ("popularity", "decile", "item", "history")


Task = Literal["lists", "ratings", "clicks", "impressions"]
TASKS: Mapping[Task, Defaults] = {
    "lists": Defaults(("recall@10", "ndcg@10"), "ndcg@10", lambda m: m.of_lists or m.of_ratings),
    "ratings": Defaults(("rmse", "mae"), "rmse", lambda m: m.of_ratings),
    "clicks": Defaults(("auc", "log_loss"), "auc", lambda m: m.of_clicks),
    "impressions": Defaults(
        ("auc", "mrr", "ndcg@10"),
        "auc",
        lambda m: m.of_impressions,
        ("popularity", "item", "history", "age"),
    ),
}
"""What is evaluated: lists over the catalogue (and ratings with them), predicted ratings,
probabilities of held-out events, or the order of the items in impressions."""
