"""How models are compared on a dataset, and which: the split, the features, the candidates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.data.split import Given, GlobalTime, LeaveLastOut, RatioUser, Splitter
from recweave.experiment.auto.climb import Knob, Ladder, Steps
from recweave.experiment.auto.look import ENOUGH, Look
from recweave.models.present import DAY

TEXT = "text"
"""What the feature of the items' texts is called in the recipe."""
DECAYS = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0)
NEXT_DECAYS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Of SLIT, which learns from the events before the next one."""
START = {
    ("ease", False): {"reg": 100.0, "decay": 0.9},
    ("slit", False): {"reg": 100.0, "decay": 0.6},
    ("ease", True): {"reg": 60.0, "decay": 0.6, "prior_weight": 240.0, "feature_reg": 3.0},
    ("slit", True): {"reg": 30.0, "decay": 0.6, "prior_weight": 120.0, "feature_reg": 2.0},
}
"""Where the search of a closed form begins, without texts and with them: settings that were chosen
on Amazon Beauty (recipes/beauty.toml) and did well on shops that nobody had tuned them for."""
NEIGHBOURS = (20, 50, 100, 200, 500)
SHRINKAGE = (0.0, 10.0, 50.0)
INVERSE = 1.5
"""A closed form over n items takes about so many times n³ floating-point operations (measured)."""


@dataclass(frozen=True)
class Candidate:
    """A model that may be tried.

    Attributes:
        row: Its name in the recipe.
        kind: The model.
        why: The reason why it is tried.
        knobs: The settings that are searched.
        settings: Those that are not.
        work: Floating-point operations of a fit, where they are many; else 0.
    """

    row: str
    kind: str
    why: str
    knobs: Mapping[str, Knob] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    work: float = 0.0


def splitter(look: Look) -> tuple[Splitter, str]:
    """How the data are cut, and why so."""
    several = len(look.behaviors) > 1
    last = LeaveLastOut(target=look.target, fresh=several)
    if look.published:
        inner: Splitter = RatioUser(valid=0, test=0.1)
        how = "a tenth of each user's train events, drawn at random, as there is no order"
        if look.ordered:
            inner, how = last.model_copy(update={"valid": 0}), "each user's last train event"
        return Given(valid=inner), f"the publisher's own test part; validation is {how}"
    if look.ordered and look.long_users >= ENOUGH:
        reason = "each user's last event is for test and the one before for validation"
        if several:
            reason += "; what a user did with a held-out item before is dropped"
        return last, reason
    if look.timed and look.ordered:
        return GlobalTime(target=look.target), (
            f"only {look.long_users:,} users have three events, so the last tenth of the time is "
            "for test and the tenth before for validation"
        )
    return RatioUser(), "a tenth of each user's events, drawn at random, as there is no order"


def candidates(
    look: Look, counts: Int[Array, " items"], span: float, allowance: float
) -> Iterator[Candidate]:
    """The standard set of models for a dataset, the quickest first.

    Args:
        look: What the dataset has.
        counts: Training events of each item.
        span: Seconds from the first training event to the last.
        allowance: Floating-point operations that one fit may take.
    """
    sequences = look.timed or look.ordered
    decay = {"decay": Ladder(DECAYS, 0.9)} if sequences else {}
    yield Candidate("popularity", "popularity", "the same list for everybody: the least to reach")
    if look.timed:
        start = max(span / DAY / 50, 0.01)
        half_life = {"half_life": Steps(float(f"{start:.2g}"), 4.0)}
        yield Candidate(
            "popular-now",
            "recency",
            "there are times: what was popular right before each query",
            half_life,
            {"at": "query"},
        )
        yield Candidate(
            "newest-now",
            "newest",
            "there are times: what was new at each query",
            settings={"at": "query"},
        )
    if sequences:
        yield Candidate(
            "markov",
            "markov",
            "there is an order: what follows what",
            {"decay": Ladder((0.0, 0.3, 0.5, 0.7, 0.9), 0.5)},
        )
    similarity = Ladder(("cosine", "tfidf", "bm25"), "cosine")
    near = {"k": Ladder(NEIGHBOURS, 100), "shrinkage": Ladder(SHRINKAGE, 10.0)}
    yield Candidate(
        "item_knn",
        "item_knn",
        "items that the same users have",
        {**near, **decay, "similarity": similarity},
    )
    yield Candidate(
        "user_knn",
        "user_knn",
        "what similar users have",
        {**near, "similarity": similarity},
    )
    if look.texts:
        yield Candidate(
            "content_knn",
            "content_knn",
            "items have texts: those that read alike",
            {"k": Ladder(NEIGHBOURS, 100), **decay},
            {"feature": TEXT},
        )
    yield Candidate(
        "als",
        "als",
        "factors of users and items",
        {
            "dim": Steps(64, 2.0, low=8, high=1024),
            "weight": Steps(10.0, 3.0),
            "reg": Steps(3.0, 3.0),
            **decay,
        },
    )
    yield Candidate(
        "gf_cf",
        "gf_cf",
        "the graph of users and items, in closed form",
        {
            "dim": Steps(256, 2.0, low=16, high=min(1024, min(look.users, look.items) - 1)),
            "alpha": Ladder((0.0, 0.1, 0.3, 0.5, 0.8), 0.3),
            **decay,
        },
    )
    yield from _closed_forms(look, counts, allowance)


def _closed_forms(
    look: Look, counts: Int[Array, " items"], allowance: float
) -> Iterator[Candidate]:
    """EASE, and SLIT where there is an order, without and with texts."""
    least, items = _items_that_fit(counts, allowance)
    some = {"min_count": least} if least else {}
    limit = f" (of the {items:,} items with {least} or more events, for time)" if least else ""
    work = INVERSE * float(items) ** 3
    sequences = look.timed or look.ordered
    whys = {"ease": "each item from a user's others, in closed form"}
    if sequences:
        whys = {"slit": "the next item from those before, in closed form", **whys}
    for text in (True, False) if look.texts else (False,):  # the most promising first
        for kind, why in whys.items():
            start = START[kind, text]
            knobs: dict[str, Knob] = {"reg": Steps(start["reg"], 3.0)}
            if sequences:
                knobs["decay"] = Ladder(NEXT_DECAYS if kind == "slit" else DECAYS, start["decay"])
            if not text:
                yield Candidate(kind, kind, why + limit, knobs, some, work)
                continue
            knobs["prior_weight"] = Steps(start["prior_weight"], 2.5)
            knobs["feature_reg"] = Steps(start["feature_reg"], 3.0)
            reads = f"{why}, drawn to what the texts say{limit}"
            settings = {"features": [TEXT], **some}
            yield Candidate(f"{kind}-text", kind, reads, knobs, settings, 1.2 * work)


def _items_that_fit(counts: Int[Array, " items"], allowance: float) -> tuple[int, int]:
    """The least number of events for which an inverse over the items is affordable; 0 for all."""
    items = int((counts > 0).sum())
    for least in range(1, 1000):
        items = int((counts >= least).sum())
        if INVERSE * float(items) ** 3 <= allowance:
            return (0 if least == 1 else least), items
    return 1000, items


def network(look: Look) -> Candidate | None:
    """The unified network alone; None without torch."""
    if find_spec("torch") is None:
        return None
    settings: dict[str, Any] = {
        "dropout": 0.3,
        "lr": 0.002,
        "schedule": "cosine",
        "patience": 0,
        "target": list(look.target),
    }
    if look.texts:
        settings["features"] = [TEXT]
    if not look.timed:
        settings["gaps"] = "none"
    if not (look.ordered or look.timed):
        settings["layers"] = 0
    why = "a network of behaviour, its order and the texts; its epochs fill the time that is left"
    return Candidate("network", "unified", why, settings=settings)


def span_of(time: Int[Array, " n"]) -> float:
    """Seconds from the first event to the last."""
    return float(np.ptp(time)) if len(time) else 0.0
