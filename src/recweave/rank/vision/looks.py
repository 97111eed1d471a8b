"""The vision re-ranker by dense vectors: items that look like those a user likes, or dislikes."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, unit_rows
from recweave.data.interactions import Histories
from recweave.rank.ranking import Ranking, StageCost
from recweave.rank.reasons import Reasons, StageReason
from recweave.rank.vision.evidence import DISLIKED, FOR, Evidence, values_of

BLOCK_BYTES = 16 * 2**20
"""Vectors of listed items looked at together."""

NAMED = 2
"""Items of the history that a reason names."""


@dataclass(frozen=True, eq=False)
class Looks:
    """Re-ranks by how alike pictures are, without knowing what they show.

    To the standardised scores of a list it adds `strength` times
    cos(what is liked, the item) + `Evidence.disliked` · cos(what is disliked, the item), where what
    is liked is the weighted mean of the vectors of items that speak for, and what is disliked the
    mean of those rated low. Users without evidence keep their lists.

    Attributes:
        vectors: Of unit length, less the mean of the catalogue; zeros for items without a picture.
        evidence: What counts how much.
        strength: At 0 nothing changes.
        label: What explanations call it.
    """

    vectors: Float[Array, "items dim"]
    evidence: Evidence
    strength: float
    label: str = "vision"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`; lists of users without evidence stay as they are and count as fallbacks."""
        if not self.strength:
            return ranking
        value, unknown = self.values(ranking)
        ordered = ranking.ordered_by(ranking.standardized() + self.strength * value)
        cost = StageCost(self.label, 0.0, len(ranking), fallbacks=unknown)
        return replace(ordered, costs=(*ordered.costs, cost))

    def values(self, ranking: Ranking) -> tuple[Float[Array, "users k"], int]:
        """The value of each position, before the strength; and how many users have no evidence."""
        return values_of(ranking, self._value)

    def _value(self, history: Histories, item: Int[Array, "users k"]) -> tuple[Array, Array]:
        liked, disliked = self.taste(history)
        taste = (liked + self.evidence.disliked * disliked)[:, :, None]
        value = np.zeros(item.shape)
        size = max(1, BLOCK_BYTES // max(1, 4 * item.shape[1] * self.vectors.shape[1]))
        for first in range(0, len(item), size):
            block = slice(first, first + size)
            value[block] = (self.vectors[item[block]] @ taste[block])[:, :, 0]
        return value, np.hstack([liked, disliked])

    def taste(
        self, history: Histories
    ) -> tuple[Float[Array, "users dim"], Float[Array, "users dim"]]:
        """The directions of what each user likes and dislikes; zeros where there is no evidence."""
        for_, against = self.evidence.weights(history)
        # As in the vectors: with float64 each product would first copy the catalogue.
        liked, disliked = (part.astype(np.float32) @ self.vectors for part in (for_, -against))
        return unit_rows(liked), unit_rows(disliked)

    def reasons(self, before: Ranking, item: Int[Array, "users n"]) -> Reasons:
        """See `Reasoned`: the items of the history that look most like an item."""
        history = before.query.history
        did = self.evidence.did(history)
        for_, against = self.taste(history)
        sides = ((1.0, for_, FOR), (self.evidence.disliked, against, (DISLIKED,)))
        reasons: list[list[list[StageReason]]] = [[[] for _ in row] for row in item]
        for user, listed in enumerate(item):
            for weight, taste, deeds in sides:
                deed: dict[int, str] = {}
                for name in deeds:
                    deed = {int(i): name for i in did[name][[user]].indices} | deed
                rows = np.fromiter(deed, np.int64, len(deed))
                for position in np.flatnonzero(listed >= 0):
                    vector = self.vectors[listed[position]]
                    value = float(self.strength * weight * (taste[user] @ vector))
                    similar = self.vectors[rows] @ vector
                    nearest = [n for n in np.lexsort((rows, -similar))[:NAMED] if similar[n] > 0]
                    if value * weight > 0 and nearest:
                        alike = tuple((int(rows[n]), deed[int(rows[n])]) for n in nearest)
                        given = StageReason("looks like", value, alike, named=True)
                        reasons[user][position].append(given)
        return [[sorted(one, key=lambda r: -abs(r.value)) for one in row] for row in reasons]
