"""The vision re-ranker by objects: classes of objects that users like and dislike to see."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr
from recweave.data.interactions import Histories
from recweave.rank.ranking import Ranking, StageCost
from recweave.rank.reasons import Reasons, StageReason
from recweave.rank.vision.evidence import DISLIKED, FOR, Evidence, values_of

NAMED = 2
"""Classes that speak for an item, and classes against it, that reasons name."""

LINKED = "as in items that are linked to those you bought"


@dataclass(frozen=True, eq=False)
class Vision:
    """Re-ranks by the objects in the pictures of items.

    Attributes:
        weighted: For each item and class: how sure it is that the item's pictures show the class,
            times log((items + 1) / (items with the class + 1)).
        classes: The names of the classes.
        evidence: What counts how much.
        operator: "filter" puts items with negative objects, and no positive ones, behind all
            others, so that they are shown only where too few others are left; "tier" puts items
            with positive objects first and those with negative ones last; "blend" adds to the
            standardised scores of the list `strength` times the soft score.
        strength: Of the blend; at 0 nothing changes.
        label: What explanations call it.
    """

    weighted: Csr
    classes: tuple[str, ...]
    evidence: Evidence
    operator: Literal["filter", "tier", "blend"]
    strength: float
    label: str = "vision"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`; lists of users without evidence stay as they are and count as fallbacks."""
        if self.operator == "blend" and not self.strength:
            return ranking
        value, unknown = self.values(ranking)
        if self.operator == "blend":
            ordered = ranking.ordered_by(ranking.standardized() + self.strength * value)
        else:
            ordered = ranking.ordered_by(2 * value + ranking.scaled())
        cost = StageCost(self.label, 0.0, len(ranking), fallbacks=unknown)
        return replace(ordered, costs=(*ordered.costs, cost))

    def values(self, ranking: Ranking) -> tuple[Float[Array, "users k"], int]:
        """The soft score, or the tier, of each position; and how many users have no evidence."""
        return values_of(ranking, self._value)

    def _value(self, history: Histories, item: Int[Array, "users k"]) -> tuple[Array, Array]:
        taste = self.taste(history)
        soft = self.operator == "blend"
        return (self.soft(taste, item) if soft else self.tiers(taste, item)), taste

    def taste(self, history: Histories) -> Float[Array, "users classes"]:
        """How much each user's history speaks for (above 0) or against (below 0) each class."""
        for_, against = self.evidence.weights(history)
        return np.asarray(((for_ + against) @ self.weighted).toarray())

    def soft(
        self, taste: Float[Array, "users classes"], item: Int[Array, "users k"]
    ) -> Float[Array, "users k"]:
        """cos(what is liked, the item's objects) − cos(what is disliked, the item's objects)."""
        found = self._objects(item)
        return _sums(found.position, self._soft_parts(taste, found), item)

    def _soft_parts(self, taste: Float[Array, "users classes"], found: "_Objects") -> Array:
        """What each object adds to the soft score of its item."""
        length = np.sqrt(np.bincount(found.position, found.weight**2))[found.position]
        part = np.zeros(len(found.position))
        for sign in (1, -1):
            side = np.maximum(sign * taste, 0)
            size = np.linalg.norm(side, axis=1)[found.user] * length
            product = sign * side[found.user, found.label] * found.weight
            part += np.divide(product, size, out=np.zeros_like(part), where=size > 0)
        return part

    def tiers(
        self, taste: Float[Array, "users classes"], item: Int[Array, "users k"]
    ) -> Float[Array, "users k"]:
        """1 for items with positive objects alone, −1 with negative ones alone, 0 for others.

        Positive and negative classes are those whose evidence is at least the median of the user's.
        With the operator "filter" there are no positive ones.
        """
        found = self._objects(item)
        part = self._tier_parts(taste, found)
        positive = _sums(found.position, part > 0, item) > 0
        negative = _sums(found.position, part < 0, item) > 0
        tier = np.where(negative & ~positive, -1.0, 0.0)
        if self.operator == "tier":
            tier[positive & ~negative] = 1
        return tier

    def _tier_parts(self, taste: Float[Array, "users classes"], found: "_Objects") -> Array:
        """The evidence for each object's class where it is positive or negative, else 0."""
        size = np.abs(taste)
        least = np.zeros(len(taste))
        known = np.flatnonzero(size.any(axis=1))
        least[known] = [np.median(row[row > 0]) for row in size[known]]
        part = taste[found.user, found.label]
        return np.where(np.abs(part) >= least[found.user], part, 0.0)

    def _objects(self, item: Int[Array, "users k"]) -> "_Objects":
        rows = self.weighted[item.ravel()]
        position = np.repeat(np.arange(item.size), np.diff(rows.indptr))
        return _Objects(position, position // max(1, item.shape[1]), rows.indices, rows.data)

    def reasons(self, before: Ranking, item: Int[Array, "users n"]) -> Reasons:
        """See `Reasoned`: classes that add most, and the items of the history that show them."""
        history = before.query.history
        taste, found = self.taste(history), self._objects(np.maximum(item, 0))
        if self.operator == "blend":
            part = self.strength * self._soft_parts(taste, found)
        else:
            part = self._tier_parts(taste, found)
        part = np.where(item.ravel()[found.position] >= 0, part, 0.0)
        did = self.evidence.did(history)
        reasons: list[list[list[StageReason]]] = [[[] for _ in row] for row in item]
        for n in np.lexsort((found.label, -np.abs(part))):
            user, position = divmod(int(found.position[n]), item.shape[1])
            given = reasons[user][position]
            alike = sum((one.value > 0) == (part[n] > 0) for one in given)
            if part[n] and alike < NAMED:
                given.append(self._reason(did, user, int(found.label[n]), float(part[n])))
        return reasons

    def _reason(self, did: Mapping[str, Csr], user: int, label: int, value: float) -> StageReason:
        shown: dict[int, str] = {}
        for deed in FOR if value > 0 else (DISLIKED,):
            items = did[deed][[user]].indices
            for item in items[self.weighted[items][:, [label]].toarray()[:, 0] > 0].tolist():
                shown.setdefault(item, deed)
        name = self.classes[label]
        return StageReason(name if shown else f"{name}, {LINKED}", value, tuple(shown.items()))


@dataclass(frozen=True, eq=False)
class _Objects:
    """The objects of listed items, one after the other.

    Attributes:
        position: Of the item, counted through all lists.
        user: Row of the list.
        label: The class.
        weight: As in `Vision.weighted`.
    """

    position: Int[Array, " objects"]
    user: Int[Array, " objects"]
    label: Int[Array, " objects"]
    weight: Float[Array, " objects"]


def _sums(position: Array, values: Array, item: Int[Array, "users k"]) -> Float[Array, "users k"]:
    # Without any, bincount gives integers.
    total = np.bincount(position, values, minlength=item.size).astype(np.float64)
    return total.reshape(item.shape)
