"""Bayesian personalised ranking."""

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
    """Vectors by which each user's items beat others (Rendle et al., UAI 2009).

    For every pair (user, item) of an epoch some items are drawn that the user has nothing to do
    with, the best scored of them is taken as the rival (dynamic negative sampling: Zhang et al.,
    SIGIR 2013) and a gradient step is made on −ln σ(score − rival's score). Steps are taken for
    batches of pairs, with one AdaGrad step size for each vector. New users get the mean of their
    history's vectors.

    An epoch takes O(pairs · dim · drawn).
    """

    trainer: ClassVar[str] = f"{__name__}:train_bpr"

    dim: Annotated[int, Tune(16, 256, log=True)] = Field(
        64, gt=0, description="length of the vectors"
    )
    epochs: Annotated[int, Tune(5, 50, log=True)] = Field(
        20, gt=0, description="passes over the pairs"
    )
    lr: Annotated[float, Tune(0.01, 0.3, log=True)] = Field(
        0.05, gt=0, description="length of a vector's first step"
    )
    reg: Annotated[float, Tune(0.001, 0.1, log=True)] = Field(
        0.01, ge=0, description="L2 penalty on the vectors of a pair"
    )
    drawn: Annotated[int, Tune(1, 32, log=True)] = Field(
        8, gt=0, description="items drawn for a rival; 1 is plain BPR"
    )

    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="size of a pair's step by its behaviour"
    )

    def _rivals(
        self,
        known: Csr,
        user: Int[Array, " batch"],
        users: "_Table",
        items: "_Table",
        rng: np.random.Generator,
    ) -> tuple[Int[Array, " batch"], Bool[Array, " batch"]]:
        """The best scored of some items drawn for each user, and whether it is a stranger."""
        drawn = rng.integers(0, known.shape[1], (len(user), self.drawn))
        score = np.einsum("nmd,nd->nm", items.vectors[drawn], users.vectors[user])
        taken = known[np.repeat(user, self.drawn), drawn.ravel()] > 0
        score[taken.reshape(drawn.shape)] = -np.inf
        best = np.arange(len(user)), score.argmax(axis=1)
        return drawn[best], np.isfinite(score[best])


def train_bpr(recipe: BPR, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    known = Histories.of(data.train).matrix(weights=recipe.behaviors.by_code())
    user = np.repeat(np.arange(data.train.shape[0]), np.diff(known.indptr))
    rng = np.random.default_rng(options.seed)
    users, items = (_Table.drawn(size, recipe.dim, recipe.lr, rng) for size in data.train.shape)
    for _ in track(range(recipe.epochs), "BPR"):
        order = rng.permutation(known.nnz)
        for first in range(0, known.nnz, BATCH):
            pairs = order[first : first + BATCH]
            u, i = user[pairs], known.indices[pairs]
            j, found = recipe._rivals(known, u, users, items, rng)
            p, q, r = users.vectors[u], items.vectors[i], items.vectors[j]
            wrong = expit(np.einsum("nd,nd->n", p, r - q)) * known.data[pairs] * found
            pull = wrong[:, None] * p
            users.descend(u, wrong[:, None] * (r - q) + recipe.reg * p)
            slopes = np.concatenate([recipe.reg * q - pull, recipe.reg * r + pull])
            items.descend(np.concatenate([i, j]), slopes)
    users.vectors[np.diff(known.indptr) == 0] = 0  # nothing was learned of these
    return Factors(users.vectors, items.vectors)


@dataclass(frozen=True, eq=False)
class _Table:
    """Vectors that are learned by AdaGrad, each with a step size of its own.

    Attributes:
        vectors: Changed in place.
        squares: Sum of the mean squares of each vector's slopes so far.
        lr: Root mean square of a vector's first step.
    """

    vectors: Float[Array, "rows dim"]
    squares: Float[Array, " rows"]
    lr: float

    @classmethod
    def drawn(cls, rows: int, dim: int, lr: float, rng: np.random.Generator) -> "_Table":
        """Random vectors, as if nothing were learned yet."""
        vectors = 0.1 * rng.standard_normal((rows, dim), dtype=np.float32)
        return cls(vectors, np.zeros(rows, np.float32), lr)

    def descend(self, rows: Int[Array, " n"], slopes: Float[Array, "n dim"]) -> None:
        """One step; slopes of the same row are added up."""
        order = np.argsort(rows, kind="stable")
        starts = np.flatnonzero(np.diff(rows[order], prepend=-1))
        at = rows[order[starts]]
        parts = (np.ones(len(rows), np.float32), order, np.append(starts, len(rows)))
        slope = sparse.csr_array(parts, shape=(len(at), len(rows))) @ slopes
        self.squares[at] += np.mean(slope**2, axis=1)
        step = self.lr / np.sqrt(np.maximum(self.squares[at], TINY))
        self.vectors[at] -= step[:, None] * slope
