"""ItemCF: a rating from those that the user gave to items rated alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.memory import require_memory
from recweave.models.base import Basis, Tune
from recweave.models.neighbours.nearest import nearest
from recweave.models.neighbours.ratings import RatingCF, RatingNeighbours, groups, line_means
from recweave.models.neighbours.similarity import Similarity
from recweave.models.neighbours.words import Words
from recweave.models.query import Query
from recweave.models.ratings import rated
from recweave.models.reasons import in_lines
from recweave.models.training import Options, TrainingData

TABLE_BYTES = 32 * 2**20
"""Of one float64 table of items by items; a block of items holds about six at a time."""


class ItemCF(RatingCF):
    """A rating from those that the user gave to items rated alike (Sarwar et al., WWW 2001).

    A weighted mean: Σ r_aj w_ij / Σ |w_ij| over the `k` items j nearest to i of those
    that a rated, with w_ij > 0. As written, over the `k` nearest of all, what a has not rated being
    0, negative weights included, with Σ w_ij for divisor. Adjusted cosine takes each rating less
    its user's mean and always runs over the users who rated both; in equation 4 its negative
    weights can drive a prediction off the scale.

    The count form, w_ij = C_ij / √(N_i N_j), needs no ratings: it is `ItemKNN` with cosine.

    A list is ordered by Σ r_aj w_ij over those j of a's items that are among the `k` nearest to i,
    not by the predicted rating (see `UserCF`). The cost of fitting is the sum over users of the
    square of their ratings, for each of up to eight sums; memory holds all positive weights.
    """

    trainer: ClassVar[str] = f"{__name__}:train_item_cf"

    similarity: Annotated[
        Literal["cosine", "adjusted_cosine"], Tune(choices=("cosine", "adjusted_cosine"))
    ] = Field("adjusted_cosine", description="how alike two items are, over the users of both")

    def _weights(self, lines: Csr, words: Words | None) -> Iterator[tuple[Csr, Csr]]:
        """`ItemNeighbours.weights` and `closest`, by blocks of items."""
        rigorous, zeros = self.semantics == "rigorous", self.similarity == "cosine"
        items = lines.shape[0]
        common = int((np.bincount(lines.indices).astype(np.int64) ** 2).sum())
        require_memory(
            8 * min(items**2, common) + 6 * TABLE_BYTES,
            f"ItemCF on {items:,} items",
            "leave out rare items and users (k-core), or use item_knn",
        )
        compare = Similarity(
            lines,
            "cosine",
            "unknown" if rigorous or not zeros else "zero",
            self.shrinkage if rigorous else 0.0,
        )
        size = max(1, TABLE_BYTES // (8 * items))
        for first in range(0, items, size):
            similar = compare(lines[first : first + size])
            if rigorous:
                similar = np.maximum(similar, 0)
            own = np.arange(first, first + len(similar))
            similar[own - first, own] = 0
            all_alike = sparse.csr_array(similar)
            similar[own - first, own] = -np.inf
            if words:
                similar = words.fuse(similar, own, np.arange(items))
            near = sparse.csr_array(np.where(nearest(similar, self.k), similar, 0))
            yield all_alike if rigorous else near, near.maximum(0)


def train_item_cf(recipe: ItemCF, data: TrainingData, options: Options) -> "ItemNeighbours":
    """See `Recipe.fit`.

    Raises:
        BadInput: if the log holds no ratings.
    """
    adjusted = recipe.similarity == "adjusted_cosine"
    shared = recipe._shared(data.train, clipped=adjusted or recipe.semantics == "rigorous")
    lines: Csr = shared["ratings"]
    if adjusted:
        mean = np.repeat(shared["user_mean"], np.diff(lines.indptr))
        lines = sparse.csr_array((lines.data - mean, lines.indices, lines.indptr), lines.shape)
    words = recipe._words(data)
    blocks = list(recipe._weights(lines.T.tocsr(), words))
    weights, closest = (
        sparse.csr_array(sparse.vstack(part, format="csr")) for part in zip(*blocks, strict=True)
    )
    return ItemNeighbours(
        **shared,
        weights=weights,
        closest=_evened(closest, weights) if words else closest,
        words=words,
    )


def _evened(closest: Csr, weights: Csr) -> Csr:
    """Neighbours by words alone, whose scale is free, no nearer than others' are on average."""
    reach = weights.max(axis=1).toarray()
    if reach.any():
        scale = np.where(reach > 0, 1, reach[reach > 0].mean())
        closest.data *= np.repeat(scale, np.diff(closest.indptr))
    return closest


@dataclass(frozen=True, eq=False)
class ItemNeighbours(RatingNeighbours):
    """What `ItemCF` trains.

    Attributes:
        weights: How alike items are: all positive ones if rigorous, else the `k` largest of a row.
        closest: The `k` largest of each row, words counted in, if positive; for lists.
        words: How alike items are in words; None without.
    """

    rests_on: ClassVar[Basis] = "history"

    weights: Csr
    closest: Csr
    words: Words | None = None

    def raw(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """See `RatingNeighbours.raw`."""
        asked, place = np.unique(user, return_inverse=True)
        lines = self._rows(asked)
        above, below = np.empty(len(user)), np.empty(len(user))
        for one, pairs in groups(place):
            entries = slice(lines.indptr[one], lines.indptr[one + 1])
            rated_items, rating = lines.indices[entries], lines.data[entries].astype(np.float64)
            weight = self._weigh(item[pairs], rated_items)
            if self.rigorous:
                weight = np.where(nearest(weight, self.k), weight, 0)
                whole = weight.sum(axis=1)
            else:
                whole = self.weights[item[pairs]].sum(axis=1)
            above[pairs], below[pairs] = weight @ rating, whole
        mean = line_means(lines, self.means)[place]
        return self._share(above, below, self._fallback(mean, item))

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`: ratings times likeness, summed over the history."""
        made = rated(query.history) @ self.closest.T
        return np.asarray(made.toarray(), dtype=np.float32)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`."""
        history = rated(query.history)

        def part(entry: Int[Array, " n"], of: Int[Array, " n"]) -> Float[Array, " n"]:
            return np.asarray(self.closest[of, history.indices[entry]] * history.data[entry])

        return in_lines(history, item, part)

    def heard(self, user: int, item: int) -> tuple[Int[Array, " some"], Float[Array, " some"]]:
        """See `RatingNeighbours.heard`."""
        everything = np.arange(self.ratings.shape[1])
        rows = self._rows(np.array([user])).indices if self.rigorous else everything
        weight = self._weigh(np.array([item]), rows)[0]
        rows, weight = rows[weight != 0], weight[weight != 0]
        near = nearest(weight[None], self.k)[0]
        return rows[near], weight[near]

    def _weigh(
        self, item: Int[Array, " items"], other: Int[Array, " others"]
    ) -> Float[Array, "items others"]:
        """Likeness with words counted in; an item is nothing to itself."""
        weight = self.weights[item][:, other].toarray()
        if not self.words:
            return np.asarray(weight)
        weight[item[:, None] == other] = -np.inf
        return self.words.fuse(weight, item, other)
