"""GF-CF: the graph convolution of collaborative filtering in closed form."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field
from scipy import sparse
from scipy.sparse.linalg import svds

from recweave.core.arrays import Array, Csr
from recweave.core.memory import require_memory
from recweave.data.interactions import Histories
from recweave.models.base import Basis, Model, Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.query import Query
from recweave.models.reasons import contributions
from recweave.models.training import Options, TrainingData

ZERO = 1e-3
"""Singular values below this count as zero (rounding in float32); the largest is 1."""


class GFCF(Recipe):
    """Linear graph convolution in closed form, without gradient training (Shen et al., CIKM 2021).

    With N = U^-½ X I^-½, where the diagonal matrices U and I are the degrees of users and items in
    X, the scores of a history h are h (NᵀN + alpha I^-½ V Vᵀ I^½): paths of three steps, plus an
    ideal low-pass filter on V, the `dim` top right singular vectors of N. No items × items matrix
    is stored. Events are weighted by behaviour. `decay` below 1 weights the newest events of a
    history most at inference time; it does not change the training.

    Cost: some hundreds of products of N with a vector, and (users + items) · dim². Memory: the
    events, and during training 2 dim numbers for each user or each item, whichever are fewer.
    """

    trainer: ClassVar[str] = f"{__name__}:train_gfcf"

    dim: Annotated[int, Tune(0, 512)] = Field(
        256, ge=0, description="number of singular vectors; 0 uses the linear filter only"
    )
    alpha: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.3, ge=0, description="weight of the low-pass filter; the linear filter has weight 1"
    )
    decay: Annotated[float, Tune(0.2, 1.0)] = Field(
        1.0,
        gt=0,
        le=1,
        description="recency weighting at inference: factor for each later event",
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event by its behaviour"
    )

    def same_fit(self) -> "GFCF":
        """See `Recipe.same_fit`: without vectors, or without their weight, neither counts."""
        off = self.dim == 0 or self.alpha == 0
        return self.model_copy(update={"dim": 0, "alpha": 0.0}) if off else self


def train_gfcf(recipe: GFCF, data: TrainingData, options: Options) -> "GraphFilter":
    """See `Recipe.fit`."""
    codes = recipe.behaviors.by_code()
    events = Histories.of(data.train).matrix(weights=codes)
    degree = np.asarray(events.sum(axis=0))
    user_scale = _inverse_root(np.asarray(events.sum(axis=1)))
    normal = sparse.csr_array(
        sparse.diags_array(user_scale) @ events @ sparse.diags_array(_inverse_root(degree)),
        dtype=np.float32,
    )
    smooth = _right_singular(normal, recipe.dim, options.seed)
    return GraphFilter(normal, smooth, np.sqrt(degree), recipe.alpha, recipe.decay, codes)


@dataclass(frozen=True, eq=False)
class GraphFilter(Model):
    """Scores a history by a linear and an ideal low-pass filter on the graph of users and items.

    Attributes:
        normal: N: users × items, divided by the square roots of both degrees.
        smooth: V: right singular vectors of N.
        root: Square roots of the items' degrees.
        alpha: Weight of the low-pass filter.
        decay: An event's weight is `decay` to the power of the number of later events.
        behaviors: Weight of an event by its behaviour, in the order of `BEHAVIORS`.
    """

    rests_on: ClassVar[Basis] = "history"

    normal: Csr
    smooth: Float[Array, "items dim"]
    root: Float[Array, " items"]
    alpha: float
    decay: float
    behaviors: Float[Array, " behaviors"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        history = query.history.matrix(self.decay, self.behaviors)
        near = ((history @ self._by_item) @ self.normal).toarray()
        far = (history @ self._left) @ self.smooth.T
        far *= np.float32(self.alpha) * self.root
        return np.asarray(near + far, dtype=np.float32)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`."""
        history = query.history.matrix(self.decay, self.behaviors)

        def part(entry: Int[Array, " n"], target: Int[Array, " n"]) -> Float[Array, " n"]:
            own = history.indices[entry]
            near = (self._by_item[own] * self._by_item[target]).sum(axis=1)
            far = np.einsum("nd,nd->n", self._left[own], self.smooth[target]) * self.root[target]
            return np.asarray(history.data[entry] * (near + self.alpha * far), np.float32)

        return contributions(history, item, part)

    @cached_property
    def _by_item(self) -> Csr:
        return sparse.csr_array(self.normal.T)

    @cached_property
    def _left(self) -> Float[Array, "items dim"]:
        return np.asarray(self.smooth * _inverse_root(self.root**2)[:, None])


def _inverse_root(degree: Float[Array, " n"]) -> Float[Array, " n"]:
    """1/√x of each entry; 0 where x is 0."""
    return np.where(degree > 0, np.maximum(degree, np.finfo(np.float32).tiny) ** -0.5, 0)


def _right_singular(matrix: Csr, dim: int, seed: int) -> Float[Array, "columns rank"]:
    """The right singular vectors of the `dim` largest nonzero singular values."""
    smaller = min(matrix.shape)
    require_memory(
        4 * (2 * dim + 1) * smaller + 8 * dim * sum(matrix.shape),
        f"GF-CF with {dim:,} singular vectors of {matrix.shape[0]:,} users by "
        f"{matrix.shape[1]:,} items",
        "lower dim",
    )
    if not dim or not matrix.nnz:
        return np.zeros((matrix.shape[1], 0), np.float32)
    if smaller <= 2 * dim:  # too small for ARPACK; a dense solver is as fast here
        tall = matrix.shape[0] > matrix.shape[1]
        gram = (matrix.T @ matrix if tall else matrix @ matrix.T).toarray().astype(np.float64)
        squared, vectors = (part[..., ::-1][..., :dim] for part in np.linalg.eigh(gram))
        value = np.sqrt(np.maximum(squared, 0))
        right = vectors if tall else matrix.T @ (vectors / np.maximum(value, ZERO))
    else:
        start = np.random.default_rng(seed).standard_normal(smaller, dtype=np.float32)
        _, value, across = svds(matrix, dim, v0=start)
        right = across.T
    return np.ascontiguousarray(right[:, value > ZERO], dtype=np.float32)
