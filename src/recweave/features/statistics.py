"""Statistics of train's events of an item or user, without the event that learns from them."""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import TRAIN
from recweave.encode.features import EventFeature, Feature
from recweave.features.spec import FeatureContext, FeatureSpec


class Statistics(FeatureSpec):
    """How often an item or user occurs in train, and with what values (MMREC, arXiv 2408.04211).

    The columns, over the events that count:

    1. log(1 + n), n the number of events;
    2. the mean value less the mean of all events, times n / (n + k);
    3. with `share_from`: the share of values at or above it less that of all events, times
       n / (n + k).

    Held-out events get the statistics of all of train. A training event gets those of train without
    it: all events of its user and item are left out together (leave-one-out, target encoding), of
    the means of all events too. With `folds`, its whole fold is left out instead. A model that
    distinguishes items can recover the value that is left out from a leave-one-out mean (target
    leakage): use folds with such models.
    """

    kind: Literal["statistics"] = "statistics"
    of: Literal["item", "user"] = Field("item", description="whose events: of the item or user")
    share_from: float | None = Field(
        None, description="adds the share of values at or above this one"
    )
    k: float = Field(10.0, ge=0, description="shrinkage: events that the mean of all counts for")
    folds: int = Field(0, ge=0, description="0: leave one out; else K-fold, two or more")
    seed: int = Field(0, description="of the folds")

    def build(self, context: FeatureContext) -> EventFeature:
        """See `FeatureSpec.build`."""
        if self.folds == 1:
            raise BadSetting("statistics with folds = 1 leave nothing; give 0, or two or more")
        part = context.split.part
        if part is None:
            raise BadSetting("statistics need a split that was cut from the log (Dataset.split)")
        log = context.dataset.interactions()
        entity = log.item if self.of == "item" else log.user
        rows = np.flatnonzero(part == TRAIN)
        size = log.shape[1] if self.of == "item" else log.shape[0]
        sums = self._terms(log.value[rows].astype(np.float64))
        total = _sum_by(sums, entity[rows], size)
        vectors, present = self._vectors(total, sums.sum(axis=0)[None])
        ones = np.ones(len(rows), np.float32)
        whole = Feature(
            vectors=vectors,
            present=present,
            encoder="statistics/1",
            source=f"count and values of train's events of each {self.of}",
            used={"events": sparse.csr_array((ones, (entity[rows], rows)), (size, len(part)))},
            of=self.of,
        )
        group = self._groups(log[rows])
        cells, cell = np.unique(
            np.stack([entity[rows].astype(np.int64), group]), axis=1, return_inverse=True
        )
        cell = cell.reshape(-1)
        left_out = _sum_by(sums, cell, cells.shape[1])
        by_group = _sum_by(sums, group, int(group.max(initial=-1)) + 1)
        others, others_present = self._vectors(
            total[cells[0]] - left_out, sums.sum(axis=0) - by_group[cells[1]]
        )
        variant = np.full(len(part), -1, np.int64)
        variant[rows] = cell
        return EventFeature(
            whole=whole,
            entity=entity,
            variant=variant,
            vectors=others,
            present=others_present,
            left_out={
                "events": sparse.csr_array((ones, (cell, rows)), (cells.shape[1], len(part)))
            },
        )

    def _terms(self, value: Float[Array, " n"]) -> Float[Array, "n terms"]:
        """The terms that are summed: 1, the value of an event and, if asked, whether it is high."""
        terms = [np.ones(len(value)), value]
        if self.share_from is not None:
            terms.append((value >= self.share_from).astype(np.float64))
        return np.stack(terms, axis=1)

    def _vectors(
        self, sums: Float[Array, "rows terms"], overall: Float[Array, "rows_or_one terms"]
    ) -> tuple[Float[Array, "rows columns"], Array]:
        """The columns from sums of an entity's events and of all events."""
        count = sums[:, :1]
        mean = overall[:, 1:] / np.maximum(overall[:, :1], 1)
        shrunk = (sums[:, 1:] - count * mean) / np.maximum(count + self.k, 1e-12)
        columns = np.hstack([np.log1p(count), shrunk]).astype(np.float32)
        return columns, count[:, 0] > 0

    def _groups(self, train: Interactions) -> Int[Array, " n"]:
        """The group that is left out with each event: its (user, item) pair, or its fold."""
        pair = train.user.astype(np.int64) * train.shape[1] + train.item
        pairs, group = np.unique(pair, return_inverse=True)
        group = group.reshape(-1)
        if not self.folds:
            return np.asarray(group)
        fold = np.random.default_rng(self.seed).permutation(len(pairs)) % self.folds
        return np.asarray(fold[group])


def _sum_by(
    terms: Float[Array, "n terms"], group: Int[Array, " n"], groups: int
) -> Float[Array, "groups terms"]:
    """Sums of each term by group."""
    return np.stack(
        [np.bincount(group, weights=column, minlength=groups) for column in terms.T], axis=1
    )
