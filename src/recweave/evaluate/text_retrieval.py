"""Text retrieval from item vectors: the rank of an item's own text among all texts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, did_you_mean
from recweave.encode.features import Feature
from recweave.evaluate.statistics import Difference, Interval, intervals, paired_bootstrap
from recweave.evaluate.text_map import TextMap, Texts, split_items

METRICS = ("recall@1", "recall@10", "mrr")


@dataclass(frozen=True)
class RetrievalResult:
    """Text retrieval with one kind of vectors; for all metrics higher is better.

    Attributes:
        values: Metrics over the held-out items, with 95 % intervals over items.
        gains: Differences from the baseline, paired by item.
        penalty: The penalty of the map that validation chose.
    """

    values: Mapping[str, Interval]
    gains: Mapping[str, Difference]
    penalty: float


@dataclass(frozen=True)
class TextRetrieval:
    """Kinds of vectors compared by text retrieval.

    Attributes:
        texts: Number of distinct texts that are ranked.
        fitted, tested: Number of items that maps were fitted on (without validation items), and of
            held-out items.
        chance: The metrics of a random order.
        results: By the name of the vectors.
    """

    texts: int
    fitted: int
    tested: int
    chance: Mapping[str, float]
    results: Mapping[str, RetrievalResult]


def evaluate_text_retrieval(
    vectors: Mapping[str, Float[Array, "items _"]],
    text: Feature,
    baseline: str,
    *,
    seed: int = 0,
    valid: float = 0.1,
    test: float = 0.2,
) -> TextRetrieval:
    """Fit a map for each kind of vectors on the same items, and evaluate it on the same others.

    Args:
        vectors: By name; from `learned_vectors`, so that they were not trained on the texts.
        text: The texts of the items.
        baseline: The name of the vectors that the others are compared with.
        seed: Of the split of items.
        valid, test: Shares of the texts.

    Raises:
        BadSetting: if the baseline does not exist, or a part of the split is empty.
    """
    if baseline not in vectors:
        raise BadSetting(f"there are no vectors '{baseline}'; {did_you_mean(baseline, vectors)}")
    texts = Texts.of_feature(text)
    in_all = np.all([v.any(axis=1) for v in vectors.values()], axis=0)[:, None]
    parts = split_items(in_all.astype(np.float32), texts, valid=valid, test=test, seed=seed)
    fitted, chosen, tested = parts
    if not all(map(len, parts)):
        raise BadSetting(f"{in_all.sum():,} items have a text and events: too few for three parts")
    maps = {name: TextMap.fit(v, texts, fitted, chosen) for name, v in vectors.items()}
    table = {n: _table(m.ranks(vectors[n], texts, tested)) for n, m in maps.items()}
    ones = np.ones((len(tested), len(METRICS)))
    results = {}
    for name, value in table.items():
        values = intervals(value, ones, seed=seed)
        gains = paired_bootstrap((value, ones), (table[baseline], ones), seed=seed)
        results[name] = RetrievalResult(
            dict(zip(METRICS, values, strict=True)),
            dict(zip(METRICS, gains, strict=True)),
            maps[name].penalty,
        )
    count = len(texts)
    each = _table(np.arange(1, count + 1)).mean(axis=0).tolist()
    chance = dict(zip(METRICS, each, strict=True))
    return TextRetrieval(count, len(fitted), len(tested), chance, results)


def _table(rank: Array) -> Float[Array, "items metrics"]:
    return np.stack([rank <= 1, rank <= 10, 1 / rank], axis=1).astype(np.float64)
