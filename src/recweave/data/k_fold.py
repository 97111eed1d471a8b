"""Folds: the log cut several times, each time with another test part; pairs left out in turn."""

from typing import Literal

import numpy as np
from jaxtyping import Int
from pydantic import Field, model_validator

from recweave.core.arrays import Array, order_by
from recweave.data.interactions import Interactions
from recweave.data.split import TEST, TRAIN, VALID, Parts, Splitter


class KFold(Splitter):
    """Cross-validation: every event, or every user, is test in exactly one of n folds.

    The folds are drawn from the seed alone and are the same whichever is test; of the rest, a
    share is drawn for validation, again in each fold. An experiment runs all folds. By user, those
    of the test fold are new to the models: they have no event in train.
    """

    kind: Literal["k_fold"] = "k_fold"
    n: int = Field(5, ge=2, description="number of folds")
    by: Literal["event", "user"] = Field("event", description="what is assigned to folds")
    valid: float = Field(0.1, ge=0, lt=1, description="share of the rest for validation")
    test_fold: int = Field(0, ge=0, description="the fold that is test, from 0")

    @model_validator(mode="after")
    def _is_a_fold(self) -> "KFold":
        if self.test_fold >= self.n:
            raise ValueError(f"there are {self.n} folds, from 0, so none is {self.test_fold}")
        return self

    @property
    def folds(self) -> int:
        """See `Splitter.folds`."""
        return self.n

    def fold(self, fold: int) -> "KFold":
        """See `Splitter.fold`."""
        return self.model_copy(update={"test_fold": fold})

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`."""
        units = len(log) if self.by == "event" else log.shape[0]
        fold = np.random.default_rng(seed).permutation(units) % self.n
        part = np.where(fold == self.test_fold, TEST, TRAIN).astype(np.int8)
        rest = np.flatnonzero(part == TRAIN)
        drawn = np.random.default_rng([seed, self.test_fold]).permutation(rest)
        part[drawn[: int(self.valid * len(rest) + 1e-9)]] = VALID
        return part if self.by == "event" else part[log.user]


def assign_folds(
    entity: Int[Array, " n"], other: Int[Array, " n"], folds: int, small: int, seed: int
) -> Int[Array, " n"]:
    """The fold of each row: an entity's pairs in a random order, assigned in turn.

    All rows of a pair have the same fold. An entity with at most max(folds, small) pairs has one
    fold per pair.
    """
    pairs, back = np.unique(np.stack([entity, other]), axis=1, return_inverse=True)
    owner = pairs[0]
    size = int(owner.max(initial=-1)) + 1
    count = np.bincount(owner, minlength=size)
    permuted = np.random.default_rng(seed).permutation(len(owner))
    order = permuted[order_by(owner[permuted], size)]
    rank = np.empty(len(owner), np.int64)
    rank[order] = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return np.where(count[owner] <= small, rank, rank % folds)[back.reshape(-1)]
