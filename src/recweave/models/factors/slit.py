"""SLIT: a linear model of sequences that predicts the next item from the items before it."""

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
from recweave.models.gram import ROWS, gram_matrix, invert, select_items
from recweave.models.kinds import ItemWeights
from recweave.models.training import Options, TrainingData

MIN_WEIGHT = 0.01
"""Events of a history whose weight after decay is below this are ignored."""


class SLIT(Recipe):
    """Item-to-item weights that predict a user's next item from the items before it (WWW 2021).

    The closed form of Choi, Kim, Lee, Shim & Lee's "session-aware linear item transition", with
    only the next item as target. S has one row for each event that has a next event: the history
    up to it, weighted by `decay`. The row of T is the next item. B minimizes
    |T − SB|² + reg |B|², so B = (SᵀS + reg I)⁻¹ SᵀT. Needs an order of the events of each user.

    With `features`, the prior of B is the weights B_f computed from the item features alone, as in
    L3AE (arXiv 2508.13500): + Σ_f w / n |B − B_f|², where w is `prior_weight` and n the number of
    features; see `prior.FeaturePrior`. B = P (SᵀT + Σ_f w / n B_f), P = (SᵀS + (reg + w) I)⁻¹.

    The cost is that of EASE plus items · (number of distinct pairs of consecutive items).
    """

    trainer: ClassVar[str] = f"{__name__}:train_slit"
    stochastic: ClassVar[bool] = False

    reg: Annotated[float, Tune(1, 1000, log=True)] = Field(
        100.0, gt=0, description="L2 penalty on the weights, in events"
    )
    decay: Annotated[float, Tune(0.3, 0.98)] = Field(
        0.7,
        gt=0,
        lt=1,
        description="event weight, to the power of the number of later events",
    )
    min_count: Annotated[int, Tune(0, 20)] = Field(
        0, ge=0, description="items with fewer users get no weights; this saves time and memory"
    )
    features: tuple[str, ...] = Field(
        (), description="item features whose weights are the prior (for cold items)"
    )
    prior_weight: Annotated[float, Tune(10, 1000, log=True)] = Field(
        200.0,
        gt=0,
        description="weight of the feature prior, in addition to reg; divided among the features",
    )
    feature_reg: Annotated[float, Tune(0.3, 100, log=True)] = Field(
        3.0, gt=0, description="L2 penalty on the weights computed from the features"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(),
        description="weight of an event by its behaviour, in the history and as the next event",
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features


def train_slit(recipe: SLIT, data: TrainingData, options: Options) -> ItemWeights:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if no item has `min_count` users, or a feature does not exist.
    """
    codes = recipe.behaviors.by_code()
    history = Histories.of(data.train)
    kept = select_items(history.matrix(weights=codes), recipe.min_count, "SLIT")
    before, after = _transitions(history, int(np.ceil(np.log(MIN_WEIGHT) / np.log(recipe.decay))))
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
    # The inverse is symmetric, so rows of B can be computed from the same rows of it.
    blocks = [slice(first, first + ROWS) for first in range(0, len(kept), ROWS)]
    multiply = partial(_multiply, follows=follows, right=prior.right, own=own)
    blocks_of_b = options.pool.map(multiply, ((weights[rows], left[rows]) for rows in blocks))
    for rows, block in zip(blocks, blocks_of_b, strict=True):
        weights[rows] = block
    all_items = len(kept) == data.train.shape[1]
    new_items = prior.for_new_items(left, recipe.reg)
    return ItemWeights(weights, recipe.decay, codes, None if all_items else kept, new_items)


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


def _transitions(history: Histories, length: int) -> tuple[Histories, Int[Array, " rows"]]:
    """The history before each event except a user's first, and the positions of these events.

    Only the last `length` events of each history are kept.
    """
    user = history.row_numbers()
    at = np.flatnonzero(user[1:] == user[:-1])
    size = np.minimum(at - history.start[user[at]] + 1, length)
    start = np.concatenate([[0], np.cumsum(size)])
    require_memory(
        100 * int(start[-1]),
        f"SLIT on {len(at):,} histories of up to {length:,} events",
        "lower decay, so that fewer events of each are read",
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
