"""What models give, stages change and metrics read: a ranked list for each query user."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.tables import html_table
from recweave.data.dataset import Dataset
from recweave.models.query import Query

PAD = -1
"""The item that fills a list which is shorter than k; its score is -inf."""

LEFT = "left: "
"""Before the reason for lists that a stage left as they were, in `StageCost.usage`."""


@dataclass(frozen=True)
class StageCost:
    """What a stage took and how often it could not do its work.

    Attributes:
        stage: Its label.
        seconds: Wall-clock time for all lists.
        lists: How many lists it was given.
        fallbacks: Lists that it left as they were because it could not do its work on them (a
            language model that refused, a picture that is missing).
        usage: What else it used, such as tokens and calls of a language model; and how many of
            the fallbacks have which reason, by `LEFT` and the reason.
    """

    stage: str
    seconds: float
    lists: int
    fallbacks: int = 0
    usage: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {**vars(self), "seconds": round(self.seconds, 4), "usage": dict(self.usage)}


@dataclass(frozen=True, eq=False)
class Ranking:
    """Lists of items, best first.

    Attributes:
        query: The query users; row r of the lists belongs to row r of the query.
        item: Rows of items, filled with -1 at the end.
        score: What ordered them, never rising along a list; -inf where there is no item. Not
            comparable between models.
        costs: One for each stage that was applied, in order.
    """

    query: Query
    item: Int[Array, "users k"]
    score: Float[Array, "users k"]
    costs: tuple[StageCost, ...] = ()

    def __len__(self) -> int:
        return len(self.item)

    def to_frame(self, dataset: Dataset | None = None) -> pl.DataFrame:
        """A line for each item of each list: user, item, rank (from 1), score.

        Args:
            dataset: Whose ids are given, as user_id and item_id; rows without it. A user who is
                not in the dataset is null.
        """
        row, position = np.nonzero(self.filled)
        user, item = self.query.user[row], self.item[row, position]
        columns: dict[str, Any] = {"user": user, "item": item}
        if dataset is not None:
            known = pl.Series(user).replace(-1, None).cast(pl.UInt32)
            columns = {
                "user_id": dataset.user_ids.ids.gather(known),
                "item_id": dataset.item_ids.ids.gather(item),
            }
        ranks = {"rank": position.astype(np.int32) + 1, "score": self.score[row, position]}
        return pl.DataFrame(columns | ranks)

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), f"{len(self):,} lists of up to {self.k}")

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.item.shape[1])

    @property
    def filled(self) -> Bool[Array, "users k"]:
        """Where there is an item."""
        return np.asarray(self.item != PAD)

    def top(self, k: int) -> "Ranking":
        """The first k of each list."""
        return replace(self, item=self.item[:, :k], score=self.score[:, :k])

    def rows(self, rows: Int[Array, " n"]) -> "Ranking":
        """The lists of some of the users."""
        return Ranking(self.query.rows(rows), self.item[rows], self.score[rows], self.costs)

    def only(self, kept: Bool[Array, "users k"]) -> "Ranking":
        """Keeps some of the positions; what is left moves up and the ends are filled."""
        order = np.argsort(~kept, axis=1, kind="stable")
        item = np.where(kept, self.item, PAD)
        score = np.where(kept, self.score, -np.inf)
        return replace(
            self,
            item=np.take_along_axis(item, order, axis=1),
            score=np.take_along_axis(score, order, axis=1),
        )

    def ordered_by(self, score: Float[Array, "users k"]) -> "Ranking":
        """The same items by other scores, largest first; equal ones keep the order they had."""
        score = np.where(self.filled, score, -np.inf)
        order = np.argsort(-score, axis=1, kind="stable")
        return replace(
            self,
            item=np.take_along_axis(self.item, order, axis=1),
            score=np.take_along_axis(score, order, axis=1).astype(np.float32),
        )

    def scaled(self) -> Float[Array, "users k"]:
        """Scores on one scale: 1 for the first of a list, 0 for its last, in between in proportion.

        All are 1 where they are equal. What is not there has 0.
        """
        # An infinite score is above all others, but a proportion needs numbers.
        score = np.minimum(self.score.astype(np.float64), np.finfo(np.float32).max)
        low = np.where(self.filled, score, np.inf).min(axis=1, keepdims=True, initial=np.inf)
        above_lowest = np.where(self.filled, score - low, 0.0)
        largest = above_lowest.max(axis=1, keepdims=True, initial=0.0)
        level = np.where(self.filled, 1.0, 0.0)
        return np.asarray(np.divide(above_lowest, largest, out=level, where=largest > 0))

    def standardized(self) -> Float[Array, "users k"]:
        """Scores less the mean of their list, over its standard deviation; 0 where all are equal.

        What is not there has 0.
        """
        score = np.minimum(self.score.astype(np.float64), np.finfo(np.float32).max)
        count = np.maximum(self.filled.sum(axis=1, keepdims=True), 1)
        mean = np.where(self.filled, score, 0.0).sum(axis=1, keepdims=True) / count
        centred = np.where(self.filled, score - mean, 0.0)
        deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
        level = np.zeros_like(centred)
        return np.asarray(np.divide(centred, deviation, out=level, where=deviation > 0))


Stage = Callable[[Ranking], Ranking]
"""A step after retrieval: re-rank, filter or diversify. It may drop items but not add any.

A stage that can fail on a list, or that costs more than time, appends a `StageCost` of its own to
`costs`; the seconds are filled in by `apply_stages`.
"""


def apply_stages(ranking: Ranking, stages: Sequence[Stage]) -> Ranking:
    """The lists after all stages, in order, with what each of them cost."""
    for stage in stages:
        start = time.perf_counter()
        before = ranking.costs
        ranking = stage(ranking)
        seconds = time.perf_counter() - start
        own = ranking.costs[len(before) :] or (StageCost(stage_label(stage), 0.0, len(ranking)),)
        ranking = replace(ranking, costs=(*before, replace(own[0], seconds=seconds)))
    return ranking


def stage_label(stage: Stage) -> str:
    """What explanations and reports call a stage: its `label`, else its own name."""
    return str(
        getattr(stage, "label", None) or getattr(stage, "__name__", None) or type(stage).__name__
    )
