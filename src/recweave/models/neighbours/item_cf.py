"""ItemCF: a rating is predicted from the user's ratings of similar items."""

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
from recweave.models.neighbours.ratings import RatingCF, RatingNeighbours, groups, row_means
from recweave.models.neighbours.similarity import Similarity
from recweave.models.neighbours.text_similarity import TextSimilarity
from recweave.models.query import Query
from recweave.models.ratings import rated
from recweave.models.reasons import contributions
from recweave.models.training import Options, TrainingData

TABLE_BYTES = 32 * 2**20
"""Size of one float64 table of items by items. A block of items needs about six of them."""


class ItemCF(RatingCF):
    """Predicts a rating from the user's ratings of similar items (Sarwar et al., WWW 2001).

    With rigorous semantics, the rating of item i by user a is Σ r_aj w_ij / Σ |w_ij|. The sums run
    over the `k` items j most similar to i among those that a rated, with w_ij > 0. With as_written
    semantics, the sums run over the `k` most similar of all items, a missing rating counts as 0,
    negative weights are included, and the divisor is Σ w_ij. Adjusted cosine subtracts the user's
    mean from each rating and always runs over the users who rated both items; with as_written
    semantics its negative weights can give predictions off the scale.

    The form for counts, w_ij = C_ij / √(N_i N_j), needs no ratings: it is `ItemKNN` with cosine.

    A list is ordered by Σ r_aj w_ij over those items j of a that are among the `k` nearest to i,
    not by the predicted rating (see `UserCF`). The cost of fitting is the sum over users of the
    square of their number of ratings, for each of up to eight sums. The memory holds all positive
    weights.
    """

    trainer: ClassVar[str] = f"{__name__}:train_item_cf"

    similarity: Annotated[
        Literal["cosine", "adjusted_cosine"], Tune(choices=("cosine", "adjusted_cosine"))
    ] = Field(
        "adjusted_cosine", description="similarity of two items, over the users who rated both"
    )

    def _weights(self, lines: Csr, text: TextSimilarity | None) -> Iterator[tuple[Csr, Csr]]:
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
            all_positive = sparse.csr_array(similar)
            similar[own - first, own] = -np.inf
            if text:
                similar = text.fuse(similar, own, np.arange(items))
            near = sparse.csr_array(np.where(nearest(similar, self.k), similar, 0))
            yield all_positive if rigorous else near, near.maximum(0)


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
    text = recipe._text_similarity(data)
    blocks = list(recipe._weights(lines.T.tocsr(), text))
    weights, closest = (
        sparse.csr_array(sparse.vstack(part, format="csr")) for part in zip(*blocks, strict=True)
    )
    return ItemNeighbours(
        **shared,
        weights=weights,
        closest=_scaled(closest, weights) if text else closest,
        words=text,
    )


def _scaled(closest: Csr, weights: Csr) -> Csr:
    """Scales neighbours by text alone to the average largest weight of the other items.

    The scale of the text similarity is arbitrary; without this, cold items would rank too high.
    """
    largest = weights.max(axis=1).toarray()
    if largest.any():
        scale = np.where(largest > 0, 1, largest[largest > 0].mean())
        closest.data *= np.repeat(scale, np.diff(closest.indptr))
    return closest


@dataclass(frozen=True, eq=False)
class ItemNeighbours(RatingNeighbours):
    """What `ItemCF` trains.

    Attributes:
        weights: Similarity of items: all positive weights if rigorous, else the `k` largest of a
            row.
        closest: The positive ones of the `k` largest weights of each row, text similarity
            included; used for lists.
        words: Text similarity of the items; None without a text feature.
    """

    rests_on: ClassVar[Basis] = "history"

    weights: Csr
    closest: Csr
    words: TextSimilarity | None = None

    def raw(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """See `RatingNeighbours.raw`."""
        users, position = np.unique(user, return_inverse=True)
        lines = self._rows(users)
        numerator, denominator = np.empty(len(user)), np.empty(len(user))
        for row, pairs in groups(position):
            entries = slice(lines.indptr[row], lines.indptr[row + 1])
            rated_items, rating = lines.indices[entries], lines.data[entries].astype(np.float64)
            weight = self._weigh(item[pairs], rated_items)
            if self.rigorous:
                weight = np.where(nearest(weight, self.k), weight, 0)
                whole = weight.sum(axis=1)
            else:
                whole = self.weights[item[pairs]].sum(axis=1)
            numerator[pairs], denominator[pairs] = weight @ rating, whole
        mean = row_means(lines, self.means)[position]
        return self._share(numerator, denominator, self._fallback(mean, item))

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`: ratings times similarity, summed over the history."""
        scores = rated(query.history) @ self.closest.T
        return np.asarray(scores.toarray(), dtype=np.float32)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`."""
        history = rated(query.history)

        def part(entry: Int[Array, " n"], target: Int[Array, " n"]) -> Float[Array, " n"]:
            return np.asarray(self.closest[target, history.indices[entry]] * history.data[entry])

        return contributions(history, item, part)

    def neighbors_used(self, user: int, item: int) -> tuple[Int[Array, " k"], Float[Array, " k"]]:
        """See `RatingNeighbours.neighbors_used`."""
        all_items = np.arange(self.ratings.shape[1])
        rows = self._rows(np.array([user])).indices if self.rigorous else all_items
        weight = self._weigh(np.array([item]), rows)[0]
        rows, weight = rows[weight != 0], weight[weight != 0]
        near = nearest(weight[None], self.k)[0]
        return rows[near], weight[near]

    def _weigh(
        self, item: Int[Array, " items"], other: Int[Array, " others"]
    ) -> Float[Array, "items others"]:
        """Similarity, text similarity included; an item is not its own neighbour."""
        weight = self.weights[item][:, other].toarray()
        if not self.words:
            return np.asarray(weight)
        weight[item[:, None] == other] = -np.inf
        return self.words.fuse(weight, item, other)
