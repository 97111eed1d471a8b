"""The linear autoencoder's sibling for sequences: from what came before to what comes next."""

from dataclasses import replace
from functools import partial
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.memory import require_memory
from recweave.data.interactions import Histories
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors.prior import FeaturePrior
from recweave.models.gram import ROWS, gram_matrix, invert, taking_part
from recweave.models.kinds import ItemWeights
from recweave.models.training import Options, TrainingData

FAINT = 0.01
"""An event that has faded to less than this is not read."""


class SLIT(Recipe):
    """Weights between items that best give a user's next item from those before (WWW 2021).

    The closed form of Choi, Kim, Lee, Shim & Lee's "session-aware linear item transition" with the
    next item alone as target: one row of S for each event that another follows, the history up to
    it as it would be asked with (faded by `decay`), and of T for the item that follows. B minimises
    |T − SB|² + reg |B|², so B = (SᵀS + reg I)⁻¹ SᵀT. Needs an order of events within users.

    With `features`, the prior of B is the weights B_f that the items' vectors alone would give, as
    in L3AE (arXiv 2508.13500): + Σ_f w / n |B − B_f|², w being `prior_weight` and n the number of
    features; see `prior.FeaturePrior`. B = P (SᵀT + Σ_f w / n B_f), P = (SᵀS + (reg + w) I)⁻¹.

    Cost: as EASE, and items · (pairs of items that follow each other) for the product.
    """

    trainer: ClassVar[str] = f"{__name__}:train_slit"
    stochastic: ClassVar[bool] = False

    reg: Annotated[float, Tune(1, 1000, log=True)] = Field(
        100.0, gt=0, description="L2 penalty on the weights, in events"
    )
    decay: Annotated[float, Tune(0.3, 0.98)] = Field(
        0.7, gt=0, lt=1, description="an event fades by this for each event since"
    )
    min_count: Annotated[int, Tune(0, 20)] = Field(
        0, ge=0, description="items with fewer users get no weights, which saves time and memory"
    )
    features: tuple[str, ...] = Field(
        (), description="vectors of the items, whose weights are the prior"
    )
    prior_weight: Annotated[float, Tune(10, 1000, log=True)] = Field(
        200.0, gt=0, description="weight of that prior, shared by the features; beside reg"
    )
    feature_reg: Annotated[float, Tune(0.3, 100, log=True)] = Field(
        3.0, gt=0, description="L2 penalty on the weights that the vectors give"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="strength of an event by its behaviour, before and as next"
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features


def train_slit(recipe: SLIT, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if no item has `min_count` users, or a feature is not there.
    """
    codes = recipe.behaviors.by_code()
    history = Histories.of(data.train)
    kept = taking_part(history.matrix(weights=codes), recipe.min_count, "SLIT")
    before, after = _steps(history, int(np.ceil(np.log(FAINT) / np.log(recipe.decay))))
    weight = np.sqrt(codes[history.behavior[after]])
    past = before.matrix(recipe.decay, codes)[:, kept]
    past.data *= np.repeat(weight, np.diff(past.indptr))
    shape = (len(after), data.train.shape[1])
    next_ = sparse.csr_array((weight, (np.arange(len(after)), history.item[after])), shape)
    follows = (next_[:, kept].T @ past).tocsr()  # (SᵀT)ᵀ
    prior = FeaturePrior.of(
        data.features, recipe.features, recipe.prior_weight, recipe.feature_reg, kept
    )
    weights = gram_matrix(past)
    np.fill_diagonal(weights, weights.diagonal() + np.float32(recipe.reg + prior.weight))
    invert(weights)
    left, own = weights @ prior.left, prior.diagonal
    # The inverse is symmetric, so its rows are all that the same rows of B are made from.
    blocks = [slice(first, first + ROWS) for first in range(0, len(kept), ROWS)]
    multiply = partial(_multiply, follows=follows, right=prior.right, own=own)
    made = options.pool.map(multiply, ((weights[rows], left[rows]) for rows in blocks))
    for rows, block in zip(blocks, made, strict=True):
        weights[rows] = block
    whole = len(kept) == data.train.shape[1]
    placing = prior.placing(left, recipe.reg)
    return ItemWeights(weights, recipe.decay, codes, None if whole else kept, placing)


def _multiply(
    block: tuple[Float[Array, "rows items"], Float[Array, "rows dims"]],
    *,
    follows: Csr,
    right: Float[Array, "items dims"],
    own: Float[Array, " items"],
) -> Float[Array, "rows items"]:
    """Rows of B from the same rows of P and of P times the prior's left side."""
    inverse, left = block
    product = (follows @ np.ascontiguousarray(inverse.T)).T
    return np.asarray(product + left @ right.T - inverse * own)


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
