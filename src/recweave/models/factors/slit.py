"""The linear autoencoder's sibling for sequences: from what came before to what comes next."""

from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Int
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array
from recweave.core.memory import require_memory
from recweave.data.interactions import Histories, Interactions
from recweave.encode.features import Features
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors.pull import Toward
from recweave.models.gram import ROWS, gram_matrix, invert, taking_part
from recweave.models.kinds import ItemWeights
from recweave.parallel import Pool, Serial, Threads

FAINT = 0.01
"""An event that has faded to less than this is not read."""


class SLIT(Recipe):
    """Weights between items that best give a user's next item from those before (WWW 2021).

    The closed form of Choi, Kim, Lee, Shim & Lee's "session-aware linear item transition" with the
    next item alone as target: one row of S for each event that another follows, the history up to
    it as it would be asked with (faded by `decay`), and of T for the item that follows. B minimises
    |T − SB|² + reg |B|², so B = (SᵀS + reg I)⁻¹ SᵀT. Needs an order of events within users.

    With `features`, B is also pulled toward the weights B_f that the items' vectors alone would
    give, as L3AE does for EASE (arXiv 2508.13500): + Σ_f pull / n |B − B_f|², n being the number of
    features; see `pull.Toward`. B = P (SᵀT + Σ_f pull / n B_f), P = (SᵀS + (reg + pull) I)⁻¹.

    Cost: as EASE, and items · (pairs of items that follow each other) for the product.
    """

    draws: ClassVar[bool] = False

    reg: Annotated[float, Tune(1, 1000, log=True)] = Field(
        100.0, gt=0, description="L2 penalty on the weights, in events"
    )
    decay: Annotated[float, Tune(0.3, 0.98)] = Field(
        0.7, gt=0, lt=1, description="an event fades by this for each event since"
    )
    min_count: Annotated[int, Tune(0, 20)] = Field(
        0, ge=0, description="items with fewer users get no weights, which saves time and memory"
    )
    features: tuple[str, ...] = Field((), description="vectors of the items to be pulled toward")
    pull: Annotated[float, Tune(10, 1000, log=True)] = Field(
        200.0, gt=0, description="strength of that pull, shared by the features; beside reg"
    )
    feature_reg: Annotated[float, Tune(0.3, 100, log=True)] = Field(
        3.0, gt=0, description="L2 penalty on the weights that the vectors give"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="strength of an event by its behaviour, before and as next"
    )

    def fit(
        self,
        train: Interactions,
        *,
        features: Features | None = None,
        valid: Interactions | None = None,
        seed: int = 0,
        pool: Pool = Serial(),  # noqa: B008
    ) -> ItemWeights:
        """See `Recipe.fit`.

        Raises:
            BadSetting: if no item has `min_count` users, or a feature is not there.
        """
        codes = self.behaviors.by_code()
        history = Histories.of(train)
        kept = taking_part(history.matrix(weights=codes), self.min_count, "SLIT")
        before, after = _steps(history, int(np.ceil(np.log(FAINT) / np.log(self.decay))))
        weight = np.sqrt(codes[history.behavior[after]])
        past = before.matrix(self.decay, codes)[:, kept]
        past.data *= np.repeat(weight, np.diff(past.indptr))
        shape = (len(after), train.shape[1])
        next_ = sparse.csr_array((weight, (np.arange(len(after)), history.item[after])), shape)
        follows = (next_[:, kept].T @ past).tocsr()  # (SᵀT)ᵀ
        toward = Toward.of(features, self.features, self.pull, self.feature_reg, kept)
        weights = gram_matrix(past)
        np.fill_diagonal(weights, weights.diagonal() + np.float32(self.reg + toward.strength))
        invert(weights)
        left, own = weights @ toward.left, toward.diagonal

        def multiply(first: int) -> None:
            # The inverse is symmetric, so these rows of it are all that these of B are made from.
            rows = slice(first, first + ROWS)
            inverse = weights[rows]
            made = (follows @ np.ascontiguousarray(inverse.T)).T
            weights[rows] = made + left[rows] @ toward.right.T - inverse * own

        for _ in Threads().map(multiply, range(0, len(kept), ROWS)):
            pass
        whole = len(kept) == train.shape[1]
        return ItemWeights(weights, self.decay, codes, None if whole else kept)


def _steps(history: Histories, length: int) -> tuple[Histories, Int[Array, " rows"]]:
    """Histories as they stood before each event but a user's first, and the places of these events.

    Only the last `length` events of each are kept.
    """
    user = history.row_numbers()
    at = np.flatnonzero(user[1:] == user[:-1])
    size = np.minimum(at - history.start[user[at]] + 1, length)
    start = np.concatenate([[0], np.cumsum(size)])
    require_memory(
        100 * int(start[-1]),
        f"SLIT on {len(at):,} histories of up to {length:,} events",
        "lower decay, so that less of them is read",
    )
    take = np.arange(start[-1]) + np.repeat(at + 1 - size - start[:-1], size)
    cut = replace(
        history,
        start=start,
        item=history.item[take],
        behavior=history.behavior[take],
        value=history.value[take],
        time=history.time[take],
    )
    return cut, at + 1
