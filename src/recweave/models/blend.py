"""Ensemble of models: a weighted sum of their standardized scores."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr
from recweave.encode.features import Features
from recweave.models.base import Basis, Model, Sourced
from recweave.models.query import Query
from recweave.models.reasons import no_contributions

FLAT = 1e-6
"""Scores of a row are equal if their standard deviation is below this share of their mean."""


@dataclass(frozen=True, eq=False)
class Blend(Model):
    """Scores by the weighted sum of the members' scores, standardized for each query user.

    An item is hidden (-inf) if any member with a weight hides it. A member of weight 0 is not
    called. If only one member has a weight, its scores are returned unchanged, so rounding cannot
    change their order.

    Attributes:
        members: Trained models over the same items.
        weights: One per member, not negative.
        names: Names of the members; may be empty.
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
            scores, _ = standardized(member.scores(query))
            scores *= np.float32(weight)
            total += scores
        return total

    def sources(self, events: Int[Array, " items"]) -> Mapping[str, Float[Array, " deciles"]]:
        """See `Sourced.sources`: the weights of the members, split by source where a member can."""
        shares: dict[str, Float[Array, " deciles"]] = {}
        share = self.weights / self.weights.sum()
        for position, (member, weight) in enumerate(zip(self.members, share, strict=True)):
            name = self.names[position] if self.names else f"member {position + 1}"
            if isinstance(member, Sourced):
                parts = member.sources(events)
                shares |= {f"{name}: {part}": weight * value for part, value in parts.items()}
            else:
                shares[name] = np.full(10, float(weight))
        return shares

    def with_items(self, features: Features, count: int) -> "Blend | None":
        """See `Model.with_items`: every member is extended; None if a member with weight cannot be.

        A member of weight 0 that cannot be extended is left out.
        """
        extended = [member.with_items(features, count) for member in self.members]
        pairs = zip(extended, self.weights.tolist(), strict=True)
        if any(member is None and weight for member, weight in pairs):
            return None
        kept = [at for at, member in enumerate(extended) if member is not None]
        return Blend(
            members=tuple(member for member in extended if member is not None),
            weights=self.weights[kept],
            names=tuple(self.names[at] for at in kept) if self.names else (),
        )

    def basis(self, query: Query) -> list[Basis]:
        """See `Model.basis`: "history" where it is the basis of any member."""
        if len(self.active) == 1:
            return self.active[0][0].basis(query)
        members = [member.basis(query) for member, _ in self.active]
        if all("everybody" in set(basis) for basis in members):
            return ["everybody"] * len(query)
        by_query = zip(*members, strict=True)
        known = [any(b in ("history", "likeness") for b in bases) for bases in by_query]
        return ["history" if has_history else "unknown" for has_history in known]

    def likeness(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.likeness`: that of the only active member."""
        if len(self.active) == 1:
            return self.active[0][0].likeness(query, item)
        return no_contributions(query.history.items, item)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`; the sum over the members that give reasons."""
        total = no_contributions(query.history.items, item)
        for member, weight in self.active:
            part = member.reasons(query, item)
            if len(self.active) > 1 and part.nnz:
                _, deviation = standardized(member.scores(query))
                part.data *= np.repeat(
                    np.repeat(weight / deviation, item.shape[1]), np.diff(part.indptr)
                )
            total = total + part
        return total


def standardized(
    scores: Float[Array, "batch items"],
) -> tuple[Float[Array, "batch items"], Float[Array, " batch"]]:
    """Each row minus its mean, divided by its standard deviation, float32; and that deviation.

    -inf stays -inf and is left out of the mean and the deviation. A row of equal scores becomes 0,
    and its deviation is returned as inf.
    """
    hidden = np.isneginf(scores)
    any_hidden = hidden.any()
    scaled = np.where(hidden, 0, scores).astype(np.float32)
    count = np.maximum(1, scores.shape[1] - np.count_nonzero(hidden, axis=1))
    mean = scaled.sum(axis=1) / count
    scaled -= mean[:, None].astype(np.float32)
    if any_hidden:
        scaled[hidden] = 0
    deviation = np.sqrt(np.einsum("ui,ui->u", scaled, scaled) / count)
    deviation = np.where(deviation > FLAT * np.abs(mean), deviation, np.inf).astype(np.float32)
    scaled /= deviation[:, None]
    if any_hidden:
        scaled[hidden] = -np.inf
    return scaled, deviation
