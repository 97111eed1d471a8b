"""A shop in which nothing leaks, for one leak to be planted in; and what looks at a run of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from typer.testing import CliRunner

from recweave.cli import app
from recweave.data.dataset import Dataset
from recweave.data.split import LeaveLastOut, Split
from recweave.encode.features import Feature
from recweave.experiment.run import run
from recweave.features.spec import FeatureSpec
from recweave.rank.stages import StageRecipe
from recweave.report.audit import Audit, Finding, audit
from recweave.report.audit.case import Case
from recweave.report.audit.checks import CHECKS
from recweave.runs.spec import Experiment
from recweave.runs.summary import Summary

USERS, ITEMS, EACH = 400, 120, 8
WORDS = np.array([f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in ("ra", "to", "li")])
"""120 made-up words."""


def appeal_of(seed: int = 0, *, count: int = ITEMS) -> np.ndarray:
    """How well each item of `honest_shop` tends to sell, whatever is sold by chance."""
    return np.random.default_rng(seed).exponential(1, count) + 0.1


def honest_shop(seed: int = 0, *, people: int = USERS, count: int = ITEMS) -> Dataset:
    """Users with 8 purchases each, each with a review of 12 random words.

    Some items sell more than others, and most users buy within one of four tastes, so there is
    something to learn. Titles, prices and release years say nothing of who bought what.

    Args:
        seed: Of everything.
        people, count: How many users and items.
    """
    rng = np.random.default_rng(seed)
    appeal = rng.exponential(1, count) + 0.1
    taste = np.where(np.arange(people)[:, None] % 4 == np.arange(count) % 4, 6.0, 1.0) * appeal
    keys = rng.gumbel(size=(people, count)) + np.log(taste)
    items = np.argsort(-keys, axis=1)[:, :EACH].ravel()
    users = np.repeat(np.arange(people), EACH)
    texts = [" ".join(rng.choice(WORDS, 12)) for _ in items]
    events = pl.DataFrame(
        {
            "user_id": [f"buyer-{u:03}" for u in users],
            "item_id": [f"thing-{i:03}" for i in items],
            "behavior": "purchase",
            "time": 1_000_000 + rng.permutation(len(items)) * 60,
        }
    )
    catalogue = pl.DataFrame(
        {
            "item_id": [f"thing-{i:03}" for i in range(count)],
            "title": [" ".join(rng.choice(WORDS, 4)) for _ in range(count)],
            "description": [" ".join(rng.choice(WORDS, 20)) for _ in range(count)],
            "price": rng.lognormal(3, 1, count).round(2),
            "year": rng.integers(1990, 2024, count),
        }
    )
    reviews = events.select("user_id", "item_id", "time", text=pl.Series(texts))
    return Dataset("shop", events=events, items=catalogue, reviews=reviews)


def cut(dataset: Dataset) -> Split:
    """As the recipes below cut it."""
    return dataset.split(LeaveLastOut())


def with_column(dataset: Dataset, **columns: Any) -> Dataset:
    """The shop with a column of the items made or changed."""
    return dataset.replace(items=dataset.items.with_columns(**columns))


def with_copies(shop: Dataset, of: Sequence[str], *, target: bool) -> Dataset:
    """The shop with a copy of some users, who goes on to buy two items more.

    The copy has all that the user has, or all but the user's last two (held-out) events.
    """
    order = shop.events.sort("user_id", "time").with_columns(
        left=pl.len().over("user_id") - pl.int_range(pl.len()).over("user_id")
    )
    copied = order.filter(pl.col("user_id").is_in(of))
    if not target:
        copied = copied.filter(pl.col("left") > 2)
    later = pl.DataFrame(
        {
            "user_id": np.repeat(of, 2),
            "item_id": [f"thing-{(7 * n) % len(shop.items):03}" for n in range(2 * len(of))],
            "time": 10_000_000 + np.arange(2 * len(of)),
        }
    )
    both = pl.concat([copied.select("user_id", "item_id", "time"), later])
    both = both.with_columns(user_id=pl.lit("copy-of-") + pl.col("user_id"))
    both = both.with_columns(
        behavior=pl.lit("purchase").cast(shop.events.schema["behavior"]),
        value=pl.lit(1.0, pl.Float32),
    )
    return shop.replace(events=pl.concat([shop.events, both], how="diagonal"))


def audited(dataset: Dataset, folder: Path, **asked: Any) -> Audit:
    """What the audit says of a run of a recipe on a dataset."""
    if not (folder / "shop").exists():
        dataset.save(folder / "shop")
    given = {"data": "shop", "save": False, "metrics": ["recall@10"], "choose": "recall@10"}
    rows = {"models": [{"name": "popularity"}]}
    run(Experiment.parse(given | rows | asked, "the test"), folder / "run", base_dir=folder)
    return audit(folder / "run")


CONTENT = ("ids in texts", "quotes of held-out reviews", "held-out popularity", "twin accounts")
"""The checks that look at what the data say, and need no finished run."""


def examined(
    dataset: Dataset, folder: Path = Path(), *, checks: Sequence[str] = CONTENT, **asked: Any
) -> Audit:
    """What these checks say of a recipe on a dataset; nothing is trained.

    Args:
        dataset: What it would be run on.
        folder: That relative paths start from.
        checks: Some of them.
        **asked: The recipe.
    """
    rows = {"models": [{"name": "popularity"}]}
    recipe = Experiment.parse({"data": "shop", **rows, **asked}, "the test")
    summary = Summary(recipe, {}, {}, [], folder)
    case = Case(dataset, cut(dataset), folder, summary, folder)
    found = [CHECKS[name](case) for name in checks]
    findings = [finding for one in found for finding in one.findings]
    return Audit(findings, [line for one in found for line in one.checked])


def only(found: Audit, level: str = "leak") -> Finding:
    """The one finding of a level; there is no other finding."""
    assert [finding.level for finding in found.findings] == [level], found.findings
    return found.findings[0]


def exit_code(folder: Path) -> int:
    """Of `recweave audit` on the run."""
    return CliRunner().invoke(app, ["audit", str(folder / "run")]).exit_code


class Silent(FeatureSpec):
    """Vectors without a word of what they were made from."""

    def build(self, context):
        """See `FeatureSpec.build`."""
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((len(context.dataset.item_ids), 3)).astype(np.float32)
        return Feature(vectors, np.ones(len(vectors), bool), "silent/1", "who knows")


class Doubled(FeatureSpec):
    """Twice the vectors of another feature."""

    feature: str

    def made_from(self):
        """See `FeatureSpec.made_from`."""
        return (self.feature,)

    def build(self, context):
        """See `FeatureSpec.build`."""
        other = context.features[self.feature]
        return replace(other, vectors=2 * other.vectors)


class Oracle(FeatureSpec):
    """Counts the test events of each item, and says nothing of it."""

    def build(self, context):
        """See `FeatureSpec.build`."""
        counts = context.split.test.item_counts().astype(np.float32)[:, None]
        return Feature(counts, np.ones(len(counts), bool), "oracle/1", "the catalogue")


@dataclass(frozen=True, eq=False)
class Lifts:
    """A stage: adds a number to the score of each item."""

    lift: np.ndarray

    def __call__(self, ranking):
        """See `Stage`."""
        return ranking.ordered_by(ranking.scaled() + self.lift[ranking.item])


class LiftsHot(StageRecipe):
    """Lifts what sells: in train, or in all events."""

    everything: bool = False

    def fit(self, context):
        """See `StageRecipe.fit`."""
        log = context.dataset.interactions() if self.everything else context.train
        return Lifts(log.item_counts().astype(float))


class Secret(StageRecipe):
    """Hides what it does in a function."""

    def fit(self, context):
        """See `StageRecipe.fit`."""
        return lambda ranking: ranking
