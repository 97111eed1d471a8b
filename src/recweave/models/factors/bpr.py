"""Bayesian personalized ranking (BPR)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field
from scipy import sparse
from scipy.special import expit

from recweave.core.arrays import Array, Csr
from recweave.core.progress import track
from recweave.data.interactions import Histories
from recweave.models.base import Recipe, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import Factors
from recweave.models.training import Options, TrainingData

BATCH = 4096
TINY = np.finfo(np.float32).tiny


class BPR(Recipe):
    """Matrix factorization with a pairwise ranking loss (Rendle et al., UAI 2009).

    For every pair (user, item) of an epoch, items without an event of the user are sampled, and
    the one with the highest score is the negative (dynamic negative sampling: Zhang et al., SIGIR
    2013). A gradient step is made on −ln σ(score − score of the negative), in batches of pairs,
    with AdaGrad and one learning rate per vector. Cold users get the mean of the vectors of their
    history.

    The time of an epoch is O(pairs · dim · negatives).
    """

    trainer: ClassVar[str] = f"{__name__}:train_bpr"

    dim: Annotated[int, Tune(16, 256, log=True)] = Field(
        64, gt=0, description="length of the vectors"
    )
    epochs: Annotated[int, Tune(5, 50, log=True)] = Field(
        20, gt=0, description="passes over the pairs"
    )
    lr: Annotated[float, Tune(0.01, 0.3, log=True)] = Field(
        0.05, gt=0, description="learning rate: length of the first step of a vector"
    )
    reg: Annotated[float, Tune(0.001, 0.1, log=True)] = Field(
        0.01, ge=0, description="L2 penalty on the vectors of a pair"
    )
    negatives: Annotated[int, Tune(1, 32, log=True)] = Field(
        8,
        gt=0,
        description="items sampled for each pair, the best scored is the negative; 1 is plain BPR",
    )

    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of the gradient of a pair by its behaviour"
    )

    def _sample_negatives(
        self,
        known: Csr,
        user: Int[Array, " batch"],
        users: "_Table",
        items: "_Table",
        rng: np.random.Generator,
    ) -> tuple[Int[Array, " batch"], Bool[Array, " batch"]]:
        """The best scored of the sampled items of each user, and whether it is a true negative."""
        sampled = rng.integers(0, known.shape[1], (len(user), self.negatives))
        score = np.einsum("nmd,nd->nm", items.vectors[sampled], users.vectors[user])
        positive = known[np.repeat(user, self.negatives), sampled.ravel()] > 0
        score[positive.reshape(sampled.shape)] = -np.inf
        best = np.arange(len(user)), score.argmax(axis=1)
        return sampled[best], np.isfinite(score[best])


def train_bpr(recipe: BPR, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    known = Histories.of(data.train).matrix(weights=recipe.behaviors.by_code())
    user = np.repeat(np.arange(data.train.shape[0]), np.diff(known.indptr))
    rng = np.random.default_rng(options.seed)
    users, items = (_Table.random(size, recipe.dim, recipe.lr, rng) for size in data.train.shape)
    for _ in track(range(recipe.epochs), "BPR"):
        order = rng.permutation(known.nnz)
        for first in range(0, known.nnz, BATCH):
            pairs = order[first : first + BATCH]
            u, i = user[pairs], known.indices[pairs]
            j, is_negative = recipe._sample_negatives(known, u, users, items, rng)
            p, q, r = users.vectors[u], items.vectors[i], items.vectors[j]
            error = expit(np.einsum("nd,nd->n", p, r - q)) * known.data[pairs] * is_negative
            push = error[:, None] * p
            users.descend(u, error[:, None] * (r - q) + recipe.reg * p)
            gradients = np.concatenate([recipe.reg * q - push, recipe.reg * r + push])
            items.descend(np.concatenate([i, j]), gradients)
    users.vectors[np.diff(known.indptr) == 0] = 0  # users without training events
    return Factors(users.vectors, items.vectors)


@dataclass(frozen=True, eq=False)
class _Table:
    """Vectors that AdaGrad optimizes, each with its own learning rate.

    Attributes:
        vectors: Changed in place.
        squares: Sum of the mean squared gradients of each vector so far.
        lr: Root mean square of a vector's first step.
    """

    vectors: Float[Array, "rows dim"]
    squares: Float[Array, " rows"]
    lr: float

    @classmethod
    def random(cls, rows: int, dim: int, lr: float, rng: np.random.Generator) -> "_Table":
        """Random initial vectors."""
        vectors = 0.1 * rng.standard_normal((rows, dim), dtype=np.float32)
        return cls(vectors, np.zeros(rows, np.float32), lr)

    def descend(self, rows: Int[Array, " n"], gradients: Float[Array, "n dim"]) -> None:
        """One gradient step; gradients of the same row are summed."""
        order = np.argsort(rows, kind="stable")
        starts = np.flatnonzero(np.diff(rows[order], prepend=-1))
        at = rows[order[starts]]
        parts = (np.ones(len(rows), np.float32), order, np.append(starts, len(rows)))
        gradient = sparse.csr_array(parts, shape=(len(at), len(rows))) @ gradients
        self.squares[at] += np.mean(gradient**2, axis=1)
        step = self.lr / np.sqrt(np.maximum(self.squares[at], TINY))
        self.vectors[at] -= step[:, None] * gradient
