"""The vision re-ranker: what users like and dislike to see moves items of a list up and down.

The events of a user's history are evidence for and against the objects in the items' pictures. From
it items of the list are filtered, put in tiers, or moved by a soft score.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting
from recweave.core.lists import ndcg_of_pairs, pair_keys
from recweave.data.dataset import Dataset
from recweave.data.interactions import Histories, Interactions, behavior_code
from recweave.encode.categories import encode_categories
from recweave.encode.features import find_item_feature
from recweave.models.query import Query
from recweave.rank.ranking import Ranking, Stage, StageCost
from recweave.rank.recommend import recommend
from recweave.rank.stages import StageContext, StageRecipe

BUYS, VIEWS = ("favorite", "cart", "purchase"), ("view", "click")
"""Behaviours that are evidence of a buy, and of a view; ratings are by their value."""

ALSO_BUY = ("also_buy", "also_bought", "bought_together")
ALSO_VIEW = ("also_view", "also_viewed", "buy_after_viewing")
"""Relations in the table of links, under their names of 2018 and of 2014."""

USERS_AT_ONCE = 512
"""Evidence is a number for each user and class."""

JUDGED_AT = 10
"""The strength is chosen by the NDCG of so many items."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What counts for and against the objects of an item, and how much.

    For each relation, the items that a user has it to are averaged, so that many views do not
    outweigh a purchase.

    Attributes:
        bought: Weight of items bought, or rated above `bought_above`.
        liked: Further weight of those rated `liked_from` or more.
        also_bought: Of items that are linked as bought together with those bought.
        viewed: Of items viewed, or linked as viewed together with those bought.
        disliked: Of items rated `disliked_to` or less; below 0.
        bought_above, liked_from, disliked_to: On the scale of the ratings.
    """

    bought: float = 1.0
    liked: float = 0.5
    also_bought: float = 0.5
    viewed: float = 0.25
    disliked: float = -1.0
    bought_above: float = 3.0
    liked_from: float = 4.0
    disliked_to: float = 2.0


@dataclass(frozen=True, eq=False)
class Vision:
    """Re-ranks by what the pictures of items show.

    Attributes:
        weighted: For each item and class: how sure it is that the item's pictures show the class,
            times log((items + 1) / (items with the class + 1)).
        also_buy, also_view: Links of items (rows) to others, 1 each.
        evidence: What counts how much.
        operator: "filter" puts items with negative objects, and no positive ones, behind all
            others, so that they are shown only where too few others are left; "tier" puts items
            with positive objects first and those with negative ones last; "blend" adds to the
            standardised scores of the list `strength` times the soft score.
        strength: Of the blend; at 0 nothing changes.
        label: What explanations call it.
    """

    weighted: Csr
    also_buy: Csr
    also_view: Csr
    evidence: Evidence
    operator: Literal["filter", "tier", "blend"]
    strength: float
    label: str = "vision"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`; lists of users without evidence stay as they are and count as fallbacks."""
        if self.operator == "blend" and not self.strength:
            return ranking
        parts = [
            self._soft_or_tier(ranking, first)
            for first in range(0, max(1, len(ranking)), USERS_AT_ONCE)
        ]
        value = np.concatenate([part[0] for part in parts])
        unknown = int(sum(part[1] for part in parts))
        if self.operator == "blend":
            ordered = ranking.ordered_by(standardised(ranking) + self.strength * value)
        else:
            ordered = ranking.ordered_by(2 * value + ranking.scaled())
        cost = StageCost(self.label, 0.0, len(ranking), fallbacks=unknown)
        return replace(ordered, costs=(*ordered.costs, cost))

    def taste(self, history: Histories) -> Float[Array, "users classes"]:
        """How much each user's history speaks for (above 0) or against (below 0) each class."""
        relations = self._relations(history)
        taste = np.zeros((len(history), self.weighted.shape[1]))
        for weight, items in relations:
            count = np.maximum(np.diff(items.indptr), 1)
            taste += weight * (items @ self.weighted).toarray() / count[:, None]
        return taste

    def _relations(self, history: Histories) -> Sequence[tuple[float, Csr]]:
        e = self.evidence
        rated = history.behavior == behavior_code("rating")
        bought = np.isin(history.behavior, [behavior_code(name) for name in BUYS])
        bought |= rated & (history.value > e.bought_above)
        disliked = _items(history, rated & (history.value <= e.disliked_to))
        own = _items(history, bought)
        viewed = _items(history, np.isin(history.behavior, [behavior_code(v) for v in VIEWS]))
        return [
            (e.bought, own),
            (e.liked, _items(history, rated & (history.value >= e.liked_from))),
            (e.also_bought, _without(own @ self.also_buy, disliked)),
            (e.viewed, _without(own @ self.also_view + viewed, disliked)),
            (e.disliked, disliked),
        ]

    def _soft_or_tier(self, ranking: Ranking, first: int) -> tuple[Float[Array, "users k"], int]:
        """The value of each place of some of the lists, and how many users are without evidence."""
        history = ranking.query.history.between(first, first + USERS_AT_ONCE)
        taste = self.taste(history)
        item = np.maximum(ranking.item[first : first + USERS_AT_ONCE], 0)
        values = self.soft(taste, item) if self.operator == "blend" else self.tiers(taste, item)
        return values, int((~taste.any(axis=1)).sum())

    def soft(
        self, taste: Float[Array, "users classes"], item: Int[Array, "users k"]
    ) -> Float[Array, "users k"]:
        """cos(what is liked, the item's objects) − cos(what is disliked, the item's objects)."""
        place, user, label, weight = self._objects(item)
        length = np.sqrt(_sums(place, weight**2, item.size))
        liked, disliked = np.maximum(taste, 0), np.maximum(-taste, 0)
        value = np.zeros(item.size)
        for sign, side in ((1, liked), (-1, disliked)):
            product = _sums(place, side[user, label] * weight, item.size)
            norms = np.repeat(np.linalg.norm(side, axis=1), item.shape[1]) * length
            value += sign * np.divide(product, norms, out=np.zeros_like(product), where=norms > 0)
        return value.reshape(item.shape)

    def tiers(
        self, taste: Float[Array, "users classes"], item: Int[Array, "users k"]
    ) -> Float[Array, "users k"]:
        """1 for items with positive objects alone, −1 with negative ones alone, 0 for others.

        Positive and negative classes are those whose evidence is at least the median of the user's.
        With the operator "filter" there are no positive ones.
        """
        size = np.abs(taste)
        least = np.zeros(len(taste))
        known = np.flatnonzero(size.any(axis=1))
        least[known] = [np.median(row[row > 0]) for row in size[known]]
        enough = (size >= least[:, None]) & (size > 0)
        place, user, label, _ = self._objects(item)
        found = np.where(enough[user, label], np.sign(taste[user, label]), 0)
        positive = _sums(place, found > 0, item.size) > 0
        negative = _sums(place, found < 0, item.size) > 0
        tier = np.where(negative & ~positive, -1.0, 0.0)
        if self.operator == "tier":
            tier[positive & ~negative] = 1
        return np.asarray(tier.reshape(item.shape))

    def _objects(self, item: Int[Array, "users k"]) -> tuple[Array, Array, Array, Array]:
        """Each object of each place of the lists: the place, the user, the class and its weight."""
        rows = self.weighted[item.ravel()]
        place = np.repeat(np.arange(item.size), np.diff(rows.indptr))
        return place, place // item.shape[1], rows.indices, rows.data


def standardised(ranking: Ranking) -> Float[Array, "users k"]:
    """Scores less the mean of their list, over its standard deviation; 0 where all are equal."""
    there = ranking.filled
    score = np.minimum(ranking.score.astype(np.float64), np.finfo(np.float32).max)
    score = np.where(there, score, 0.0)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centred = np.where(there, score - score.sum(axis=1, keepdims=True) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0))


class VisionRecipe(StageRecipe):
    """Move items by the objects in their pictures, liked and disliked (vision re-ranker).

    Evidence is a user's history: items bought, liked, viewed and disliked, and those linked to the
    ones bought. `filter` removes what shows disliked objects, `tier` puts liked objects first,
    `blend` adds a soft score, of a strength that is chosen on validation.
    """

    kind: Literal["vision"] = "vision"
    feature: str = Field(
        "objects", description="an item feature with a number for each class; or categories"
    )
    operator: Literal["filter", "tier", "blend"] = Field("blend", description="what is done")
    strength: float | None = Field(
        None, ge=0, description="of the blend; chosen among `strengths` on validation if not given"
    )
    strengths: tuple[float, ...] = Field(
        (0.0, 0.05, 0.1, 0.2, 0.5, 1.0), min_length=1, description="tried on validation, by NDCG@10"
    )
    disliked: float = Field(-1.0, le=0, description="weight of items rated `disliked_to` or less")
    viewed: float = Field(0.25, ge=0, description="weight of items viewed")
    liked_from: float = Field(4.0, description="the least rating that is a like")
    disliked_to: float = Field(2.0, description="the largest rating that is a dislike")
    depth: int = Field(100, ge=1, description="items of a list that the choice re-ranks")

    def features_used(self) -> tuple[str, ...]:
        """See `StageRecipe.features_used`; categories are read from the catalogue."""
        return () if self.feature == "categories" else (self.feature,)

    @property
    def learns(self) -> bool:
        """See `StageRecipe.learns`: the strength of a blend, if it is not given."""
        return self.operator == "blend" and self.strength is None

    def settled(self, stage: Stage) -> StageRecipe:
        """See `StageRecipe.settled`: with the strength that was chosen."""
        return (
            self.model_copy(update={"strength": stage.strength})
            if isinstance(stage, Vision)
            else self
        )

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`.

        Raises:
            BadSetting: also if a strength is to be chosen, and there is no validation part.
        """
        evidence = Evidence(
            viewed=self.viewed,
            disliked=self.disliked,
            liked_from=self.liked_from,
            disliked_to=self.disliked_to,
        )
        stage = Vision(
            _weighted(self._confidence(context), context.train),
            _links(context.dataset, ALSO_BUY),
            _links(context.dataset, ALSO_VIEW),
            evidence,
            self.operator,
            self.strength or 0.0,
        )
        if not self.learns:
            return stage
        strength = self._choose(stage, context)
        return replace(stage, strength=strength, label=f"vision {strength:g}")

    def _confidence(self, context: StageContext) -> Float[Array, "items classes"]:
        if self.feature == "categories" and self.feature not in context.features:
            vectors = encode_categories(context.dataset).vectors
        else:
            vectors = find_item_feature(context.features, self.feature).vectors
        if (vectors < 0).any():
            raise BadSetting(
                f"stage 'vision': the feature '{self.feature}' has numbers below 0, and the stage "
                'needs how sure it is of each class; name a feature of kind = "objects"'
            )
        if not vectors.any():
            raise BadSetting(
                f"stage 'vision': nothing was found in the pictures ('{self.feature}'); lower the "
                "threshold, or use another detector"
            )
        return vectors

    def _choose(self, stage: Vision, context: StageContext) -> float:
        valid, model = context.valid, context.model
        if model is None or valid is None or not len(valid):
            raise BadSetting(
                "stage 'vision': there is no validation part to choose the strength on; give "
                "`strength`, such as the one that a run has chosen"
            )
        rating = valid.behavior == behavior_code("rating")
        wanted = valid[~rating | (valid.value > stage.evidence.bought_above)]
        if not len(wanted):
            return 0.0
        query = Query.before(context.train, wanted)
        depth = min(self.depth, context.train.shape[1])
        base = recommend(model, query, depth, pool=context.pool)
        held_out = Histories.of(wanted, query.user)
        items = held_out.items
        relevant = np.unique(pair_keys(held_out.row_numbers(), held_out.item, items))
        row = np.arange(len(query))[:, None]
        lists = [replace(stage, strength=value)(base).top(JUDGED_AT) for value in self.strengths]
        values = [ndcg_of_pairs(pair_keys(row, r.item, items), relevant, items) for r in lists]
        return self.strengths[int(np.argmax([value.mean() for value in values]))]


def _weighted(confidence: Float[Array, "items classes"], train: Interactions) -> Csr:
    """Confidences by how rare each class is among the items of train."""
    known = train.item_counts() > 0
    count = (confidence[known] > 0).sum(axis=0)
    rare = np.log((known.sum() + 1) / (count + 1))
    return sparse.csr_array(confidence * rare)


def _links(dataset: Dataset, names: Sequence[str]) -> Csr:
    size = len(dataset.item_ids)
    links = dataset.links.filter(pl.col("relation").is_in(names))
    rows = [dataset.item_ids.rows(links[column]) for column in ("item_id", "other_id")]
    known = (rows[0] >= 0) & (rows[1] >= 0)
    pairs = rows[0][known], rows[1][known]
    matrix = sparse.csr_array((np.ones(int(known.sum())), pairs), shape=(size, size))
    return _ones(matrix)


def _items(history: Histories, chosen: Array) -> Csr:
    """Users and the distinct items of some of their events, 1 each."""
    pairs = history.row_numbers()[chosen], history.item[chosen]
    shape = len(history), history.items
    return _ones(sparse.csr_array((np.ones(int(chosen.sum())), pairs), shape=shape))


def _without(items: Csr, left_out: Csr) -> Csr:
    kept = _ones(sparse.csr_array(items))
    kept = sparse.csr_array(kept - kept.multiply(left_out))
    kept.eliminate_zeros()
    return kept


def _ones(matrix: Csr) -> Csr:
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.data[:] = 1
    return matrix


def _sums(place: Array, values: Array, size: int) -> Array:
    # Without any, bincount gives integers.
    return np.bincount(place, values, minlength=size).astype(np.float64)
