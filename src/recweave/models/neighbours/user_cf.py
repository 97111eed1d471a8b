"""UserCF: a rating from those of the users who rate alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.memory import require_memory
from recweave.models.base import Tune
from recweave.models.neighbours.nearest import nearest
from recweave.models.neighbours.ratings import RatingCF, RatingNeighbours, groups, line_means
from recweave.models.neighbours.similarity import Measure, Missing, Similarity
from recweave.models.neighbours.words import Words
from recweave.models.query import Query
from recweave.models.ratings import rated
from recweave.models.training import Options, TrainingData

TABLE_BYTES = 32 * 2**20
"""Of one float64 table of askers by users; a block of askers holds about six at a time."""


class UserCF(RatingCF):
    """A rating from those of the users who rate alike (Resnick et al., CSCW 1994).

    Equation 3: r̄_a + Σ (r_ui − r̄_u) w_au / Σ |w_au| over the `k` users nearest to a of those who
    rated i. As written, over the `k` nearest of all, what they have not rated being 0, with Σ w_au
    for divisor; then nothing guards against a divisor of 0.

    A list is ordered by Σ w_au r_ui over the `k` nearest of all, the seed text's rule, and not by
    the predicted rating, which one delighted neighbour can lift to the top: N@10 .16 against .0004
    on MovieLens 100K.

    The cost of an asker is the sum of the ratings of the items they rated, for each of up to eight
    sums (`Similarity`).
    """

    trainer: ClassVar[str] = f"{__name__}:train_user_cf"

    similarity: Annotated[Measure, Tune(choices=("cosine", "pearson"))] = Field(
        "pearson", description="how alike two users are, over the items both have rated"
    )


def train_user_cf(recipe: UserCF, data: TrainingData, options: Options) -> "UserNeighbours":
    """See `Recipe.fit`.

    Raises:
        BadInput: if the log holds no ratings.
    """
    rigorous = recipe.semantics == "rigorous"
    return UserNeighbours(
        **recipe._shared(data.train, clipped=rigorous),
        measure=recipe.similarity,
        missing="unknown" if rigorous else "zero",
        shrinkage=recipe.shrinkage if rigorous else 0.0,
        words=recipe._words(data),
    )


@dataclass(frozen=True, eq=False)
class UserNeighbours(RatingNeighbours):
    """What `UserCF` trains.

    Likeness is worked out when asked, by blocks of askers: somebody new has a line of ratings like
    anybody else, and a table of all users by all users is never held.

    Attributes:
        measure, missing, shrinkage: See `Similarity`.
        words: How alike users are in words; None without.
    """

    measure: Measure
    missing: Missing
    shrinkage: float
    words: Words | None = None

    def raw(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """See `RatingNeighbours.raw`."""
        asked, place = np.unique(user, return_inverse=True)
        order = np.argsort(place, kind="stable")
        lines = self._rows(asked)
        sums = self._sums_of_raters if self.rigorous else self._sums_of_nearest
        above, below = np.empty(len(user)), np.empty(len(user))
        for rows, similar in self._similar(lines, asked):
            bounds = np.searchsorted(place[order], [rows.start, rows.stop])
            pairs = order[slice(*bounds)]
            row = place[pairs] - rows.start
            above[pairs], below[pairs] = sums(similar, asked[rows], row, item[pairs])
        mean = line_means(lines, self.means)[place]
        base = np.nan_to_num(mean, nan=self.overall if self.rigorous else 0)
        return np.asarray(base + self._share(above, below, self._fallback(mean, item) - base))

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`: the votes of the `k` nearest users, each a rating times likeness."""
        made = np.empty((len(query), self.ratings.shape[1]), np.float32)
        for rows, similar in self._similar(rated(query.history), query.user):
            weight = self._nearest(similar, query.user[rows])
            made[rows] = (weight.maximum(0) @ self.ratings).toarray()
        return made

    def heard(self, user: int, item: int) -> tuple[Int[Array, " some"], Float[Array, " some"]]:
        """See `RatingNeighbours.heard`."""
        own = np.array([user])
        _, similar = next(self._similar(self._rows(own), own))
        everybody = np.arange(similar.shape[1])
        rows = self.ratings[:, [item]].nonzero()[0] if self.rigorous else everybody
        weight = self._weigh(similar[:, rows], own, rows)
        near = nearest(weight, self.k)[0]
        return rows[near], weight[0, near]

    def _sums_of_raters(
        self,
        similar: Float[Array, "block users"],
        own: Int[Array, " block"],
        row: Int[Array, " n"],
        item: Int[Array, " n"],
    ) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """Weighted deviations, and the sizes of the weights, of the nearest who rated the item."""
        above, below = np.empty(len(row)), np.empty(len(row))
        by_item = self._by_item
        for one, pairs in groups(item):
            entries = slice(by_item.indptr[one], by_item.indptr[one + 1])
            raters = by_item.indices[entries]
            weight = self._weigh(similar[np.ix_(row[pairs], raters)], own[row[pairs]], raters)
            weight = np.where(nearest(weight, self.k), weight, 0)
            above[pairs] = weight @ (by_item.data[entries] - self.user_mean[raters])
            below[pairs] = np.abs(weight).sum(axis=1)
        return above, below

    def _sums_of_nearest(
        self,
        similar: Float[Array, "block users"],
        own: Int[Array, " block"],
        row: Int[Array, " n"],
        item: Int[Array, " n"],
    ) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """The same of the nearest of all: 0 for what they have not rated, weights as they are."""
        weight = self._nearest(similar, own)
        votes = (weight @ self.ratings).toarray()
        means = weight @ np.nan_to_num(self.user_mean)
        return votes[row, item] - means[row], weight.sum(axis=1)[row]

    def _nearest(self, similar: Float[Array, "block users"], own: Int[Array, " block"]) -> Csr:
        """The `k` nearest users of each."""
        weight = self._weigh(similar, own, np.arange(similar.shape[1]))
        kept = np.where(nearest(weight, self.k), weight, 0)
        return sparse.csr_array(kept.astype(np.float64))

    def _weigh(
        self,
        similar: Float[Array, "askers users"],
        asker: Int[Array, " askers"],
        user: Int[Array, " users"],
    ) -> Float[Array, "askers users"]:
        """Likeness with words counted in; if rigorous, -inf for those with whom none is shared."""
        weight = self.words.fuse(similar, asker, user) if self.words else similar
        return np.where(weight == 0, -np.inf, weight) if self.rigorous else weight

    def _similar(
        self, lines: Csr, own: Int[Array, " askers"]
    ) -> Iterator[tuple[slice, Float[Array, "block users"]]]:
        """Likeness of ratings to all users, block by block; -inf for oneself."""
        users, items = self.ratings.shape
        one = 8 * max(users, items)
        require_memory(
            6 * max(one, TABLE_BYTES), f"comparing with {users:,} users", "free some memory"
        )
        size = max(1, TABLE_BYTES // one)
        for first in range(0, lines.shape[0], size):
            rows = slice(first, first + size)
            similar = self._compare(lines[rows])
            known = np.flatnonzero(own[rows] >= 0)
            similar[known, own[rows][known]] = -np.inf
            yield rows, similar

    @cached_property
    def _compare(self) -> Similarity:
        return Similarity(self.ratings, self.measure, self.missing, self.shrinkage)

    @cached_property
    def _by_item(self) -> Csr:
        return self.ratings.T.tocsr()
