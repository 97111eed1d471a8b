"""Several models as one: a weighted sum of their scores on one scale."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr
from recweave.encode.features import Features
from recweave.models.base import Basis, Model, Sourced
from recweave.models.query import Query
from recweave.models.reasons import no_lines

FLAT = 1e-6
"""A row whose standard deviation is less than this share of its mean holds equal scores."""


@dataclass(frozen=True, eq=False)
class Blend(Model):
    """Scores by the weighted sum of the members' scores, standardised within each asker's row.

    What any member with a weight will not show (-inf) is not shown. A member of weight 0 is not
    asked. Where one alone has a weight, its scores are given as they are: no order is lost to
    rounding.

    Attributes:
        members: Trained models over the same items.
        weights: One each, not negative.
        names: What members are called; empty where nobody said.
    """

    members: tuple[Model, ...]
    weights: Float[Array, " members"]
    names: tuple[str, ...] = ()

    @property
    def active(self) -> list[tuple[Model, float]]:
        """The members whose weight is not 0, with it."""
        pairs = zip(self.members, self.weights.tolist(), strict=True)
        return [(member, weight) for member, weight in pairs if weight]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        if len(self.active) == 1:
            return np.asarray(self.active[0][0].scores(query))
        total = np.zeros((len(query), query.history.items), np.float32)
        for member, weight in self.active:
            scores, _ = standardised(member.scores(query))
            scores *= np.float32(weight)
            total += scores
        return total

    def sources(self, events: Int[Array, " items"]) -> Mapping[str, Float[Array, " tenths"]]:
        """See `Sourced.sources`: members' weights, parted further where a member can tell."""
        told: dict[str, Float[Array, " tenths"]] = {}
        share = self.weights / self.weights.sum()
        for place, (member, weight) in enumerate(zip(self.members, share, strict=True)):
            name = self.names[place] if self.names else f"member {place + 1}"
            if isinstance(member, Sourced):
                parts = member.sources(events)
                told |= {f"{name}: {part}": weight * value for part, value in parts.items()}
            else:
                told[name] = np.full(10, float(weight))
        return told

    def with_items(self, features: Features, count: int) -> "Blend | None":
        """See `Model.with_items`: by every member; None if one that is asked cannot.

        A member of weight 0 that cannot place items is left out, as nobody asks it.
        """
        placed = [member.with_items(features, count) for member in self.members]
        pairs = zip(placed, self.weights.tolist(), strict=True)
        if any(member is None and weight for member, weight in pairs):
            return None
        left = [at for at, member in enumerate(placed) if member is not None]
        return Blend(
            members=tuple(member for member in placed if member is not None),
            weights=self.weights[left],
            names=tuple(self.names[at] for at in left) if self.names else (),
        )

    def basis(self, query: Query) -> list[Basis]:
        """See `Model.basis`: the history, where it is that of any member."""
        if len(self.active) == 1:
            return self.active[0][0].basis(query)
        members = [member.basis(query) for member, _ in self.active]
        if all("everybody" in set(basis) for basis in members):
            return ["everybody"] * len(query)
        known = [any(b in ("history", "likeness") for b in of) for of in zip(*members, strict=True)]
        return ["history" if some else "unknown" for some in known]

    def likeness(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.likeness`: that of the only active member."""
        if len(self.active) == 1:
            return self.active[0][0].likeness(query, item)
        return no_lines(query.history.items, item)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`; the sum over the members that give reasons."""
        lines = no_lines(query.history.items, item)
        for member, weight in self.active:
            part = member.reasons(query, item)
            if len(self.active) > 1 and part.nnz:
                _, deviation = standardised(member.scores(query))
                part.data *= np.repeat(
                    np.repeat(weight / deviation, item.shape[1]), np.diff(part.indptr)
                )
            lines = lines + part
        return lines


def standardised(
    scores: Float[Array, "batch items"],
) -> tuple[Float[Array, "batch items"], Float[Array, " batch"]]:
    """Each row less its mean, over its standard deviation, float32; and that deviation.

    -inf stays and counts for neither. A row of equal scores becomes 0 by a deviation of inf.
    """
    hidden = np.isneginf(scores)
    some = hidden.any()
    scaled = np.where(hidden, 0, scores).astype(np.float32)
    count = np.maximum(1, scores.shape[1] - np.count_nonzero(hidden, axis=1))
    mean = scaled.sum(axis=1) / count
    scaled -= mean[:, None].astype(np.float32)
    if some:
        scaled[hidden] = 0
    spread = np.sqrt(np.einsum("ui,ui->u", scaled, scaled) / count)
    spread = np.where(spread > FLAT * np.abs(mean), spread, np.inf).astype(np.float32)
    scaled /= spread[:, None]
    if some:
        scaled[hidden] = -np.inf
    return scaled, spread
