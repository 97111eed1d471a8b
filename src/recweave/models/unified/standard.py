"""The standard scorers that a unified model may blend, by what the training part has."""

import logging
from collections.abc import Iterator, Mapping

import numpy as np

from recweave.core.errors import MissingExtra, TooLarge
from recweave.models.base import Model
from recweave.models.present import DAY
from recweave.models.scorer import Scorer
from recweave.models.training import Options, TrainingData
from recweave.models.unified.recipe import Unified

log = logging.getLogger(__name__)

WINDOWS = (1000, 100, 10)
"""Half-lives of what is popular now: the length of the log over each of these."""
MOST_ITEMS = 15_000
"""Items of which all pairs are weighed; of a larger catalogue those with the most events."""


def fit_scorers(
    recipe: Unified, data: TrainingData, options: Options
) -> tuple[list[Model], tuple[str, ...]]:
    """The scorers of a recipe, fitted, and their names.

    A standard one that does not fit into memory, or lacks its package, is left out with a
    warning; one that the recipe names raises.
    """
    if recipe.scorers != "auto":
        fitted = [scorer.recipe().fit(data, options) for scorer in recipe.scorers]
        return fitted, tuple(scorer.name for scorer in recipe.scorers)
    found: dict[str, Model] = {}
    for name, scorer in standard_scorers(recipe, data):
        try:
            found[name] = scorer.recipe().fit(data, options)
        except (MissingExtra, TooLarge) as error:
            log.warning("unified: the scorer %s is left out: %s", name, error)
    return list(found.values()), tuple(found)


def standard_scorers(recipe: Unified, data: TrainingData) -> Iterator[tuple[str, Scorer]]:
    """Their names and settings: behaviour, its order, the present, and what features say.

    Without times there is no present.
    """
    train = data.train
    yield "popularity", Scorer(name="popularity")
    if train.clock == "seconds" and len(train):
        days = max(float(np.ptp(train.time)) / DAY, 1e-3)
        for share in WINDOWS:
            window = float(f"{days / share:.2g}")
            settings = {"half_life": window, "at": "query"}
            yield f"popular in {window:g} days", _scorer("recency", settings)
        yield "newest", _scorer("newest", {"at": "query"})
    yield "markov", _scorer("markov", {})
    yield "item_knn", _scorer("item_knn", {"decay": 0.9})
    yield "user_knn", _scorer("user_knn", {})
    yield "als", _scorer("als", {"reg": 3.0, "decay": 0.9})
    counts = np.sort(data.counts)[::-1]
    least = int(counts[MOST_ITEMS]) + 1 if len(counts) > MOST_ITEMS else 0
    pairs = {"min_count": least} if least else {}
    yield "ease", _scorer("ease", {"decay": 0.9, **pairs})
    yield "slit", _scorer("slit", pairs)
    if recipe.features:
        text = {"features": recipe.features, "reg": 50.0, **pairs}
        yield "ease-features", _scorer("ease", {"decay": 0.8, **text})
        yield "slit-features", _scorer("slit", text)
    for name in recipe.features:
        yield f"content_knn {name}", _scorer("content_knn", {"feature": name, "decay": 0.8})


def _scorer(name: str, settings: Mapping[str, object]) -> Scorer:
    return Scorer.model_validate({"name": name, "settings": settings})
