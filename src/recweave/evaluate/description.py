"""How well texts are found by items' vectors: the right one's place among all, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, did_you_mean
from recweave.encode.features import Feature
from recweave.evaluate.statistics import Difference, Interval, intervals, paired_bootstrap
from recweave.evaluate.text_map import TextMap, Texts, deal_items

METRICS = ("recall@1", "recall@10", "mrr")


@dataclass(frozen=True)
class Found:
    """How well one kind of vectors finds the texts; higher is better everywhere.

    Attributes:
        values: Metrics over the held-out items, with 95 % intervals over these.
        gains: What they are above the baseline's, paired by item.
        penalty: That validation chose for the map.
    """

    values: Mapping[str, Interval]
    gains: Mapping[str, Difference]
    penalty: float


@dataclass(frozen=True)
class Descriptions:
    """Vectors compared by the texts that they find.

    Attributes:
        texts: Different ones that the right one is looked for among.
        fitted, judged: Items that maps were fitted on (those that chose the penalty not counted),
            and held-out ones that they are judged by.
        chance: The metrics of an order drawn at random.
        found: By the name of the vectors.
    """

    texts: int
    fitted: int
    judged: int
    chance: Mapping[str, float]
    found: Mapping[str, Found]


def judge_descriptions(
    vectors: Mapping[str, Float[Array, "items _"]],
    text: Feature,
    baseline: str,
    *,
    seed: int = 0,
    valid: float = 0.1,
    held: float = 0.2,
) -> Descriptions:
    """Fit a map for each kind of vectors on the same items, judge it on the same others.

    Args:
        vectors: By name; from `learned_vectors`, so that they were not given the texts.
        text: Of the items.
        baseline: The name that gains are counted from.
        seed: Of who is held out.
        valid, held: Shares of the texts.

    Raises:
        BadSetting: if the baseline is not there, or no item is left to fit on or to judge by.
    """
    if baseline not in vectors:
        raise BadSetting(f"there are no vectors '{baseline}'; {did_you_mean(baseline, vectors)}")
    texts = Texts.of_feature(text)
    everywhere = np.all([v.any(axis=1) for v in vectors.values()], axis=0)[:, None]
    parts = deal_items(everywhere.astype(np.float32), texts, valid=valid, held=held, seed=seed)
    fitted, chosen, judged = parts
    if not all(map(len, parts)):
        raise BadSetting(
            f"{everywhere.sum():,} items have a text and events: too few to fit, choose and judge"
        )
    maps = {name: TextMap.fit(v, texts, fitted, chosen) for name, v in vectors.items()}
    table = {n: _table(m.places(vectors[n], texts, judged)) for n, m in maps.items()}
    ones = np.ones((len(judged), len(METRICS)))
    found = {}
    for name, value in table.items():
        values = intervals(value, ones, seed=seed)
        gains = paired_bootstrap((value, ones), (table[baseline], ones), seed=seed)
        found[name] = Found(
            dict(zip(METRICS, values, strict=True)),
            dict(zip(METRICS, gains, strict=True)),
            maps[name].penalty,
        )
    count = len(texts)
    each = _table(np.arange(1, count + 1)).mean(axis=0).tolist()
    chance = dict(zip(METRICS, each, strict=True))
    return Descriptions(count, len(fitted), len(judged), chance, found)


def _table(place: Array) -> Float[Array, "items metrics"]:
    return np.stack([place <= 1, place <= 10, 1 / place], axis=1).astype(np.float64)
