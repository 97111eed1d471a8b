"""The items that a target is told from: all with events, or some that are drawn."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding

from recweave.core.arrays import Array
from recweave.models.nn.losses import full_softmax, pad_rows, sampled_softmax


@dataclass(frozen=True, eq=False)
class Drawn:
    """Items drawn for a batch.

    Attributes:
        item: Their rows; one may occur twice.
        log_q: Logarithm of how often each was to be expected among them.
        all_log_q: The same of every item.
    """

    item: Int[Tensor, " drawn"]
    log_q: Float[Tensor, " drawn"]
    all_log_q: Float[Tensor, " items"]

    def log_q_of(self, item: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Of targets."""
        return self.all_log_q[item]


@dataclass(frozen=True, eq=False)
class Negatives:
    """A distribution over the items with events, by these to some power; others are never rivals.

    An item without events is new, not disliked: as a rival it would be pushed down in each step.

    Attributes:
        share: The chance of each item; 0 for those without events.
        upto: Sums of the chances of the items with events, to 1.
        item: The items with events.
        place: Of each item among these.
    """

    share: Float[Array, " items"]
    upto: Float[Tensor, " known"]
    item: Int[Tensor, " known"]
    place: Int[Tensor, " items"]

    @classmethod
    def of(cls, counts: Int[Array, " items"], power: float) -> "Negatives":
        """Uniform over items with events if the power is 0."""
        item = np.flatnonzero(counts)
        weight = counts[item].astype(np.float64) ** power
        share = np.zeros(len(counts), np.float32)
        share[item] = weight / weight.sum()
        upto = np.cumsum(weight)
        place = np.zeros(len(counts), np.int64)
        place[item] = np.arange(len(item))
        told = (torch.from_numpy(column) for column in (upto / upto[-1], item, place))
        return cls(share, *told)

    def draw(self, count: int, device: torch.device) -> Drawn:
        """Independent draws, by torch's generator."""
        at = torch.searchsorted(self.upto, torch.rand(count, dtype=torch.float64), right=True)
        item = self.item[at].to(device)
        log_q = (torch.from_numpy(self.share) * count).clamp(min=1e-12).log().to(device)
        return Drawn(item, log_q[item], log_q)

    def all_softmax(
        self,
        state: Float[Tensor, "n dim"],
        items: Float[Tensor, "items dim"],
        target: Int[Tensor, " n"],
        weight: Float[Tensor, " n"],
    ) -> Float[Tensor, ""]:
        """The softmax over all items with events."""
        if len(self.item) == len(items):
            return full_softmax(state, items, target, weight)
        known = embedding(self.item.to(items.device), items)
        return full_softmax(state, known, self.place.to(items.device)[target], weight)

    def drawn_softmax(
        self,
        state: Float[Tensor, "n dim"],
        items: Float[Tensor, "items dim"],
        target: Int[Tensor, " n"],
        weight: Float[Tensor, " n"],
        count: int,
    ) -> Float[Tensor, ""]:
        """The softmax over the target and drawn items, the same for all, corrected by log Q."""
        drawn = self.draw(count, items.device)
        return sampled_softmax(
            (state * embedding(target, items)).sum(1),
            (pad_rows(state) @ embedding(drawn.item, items).T)[: len(state)],
            drawn.log_q_of(target),
            drawn.log_q,
            drawn.item[None, :] == target[:, None],
            weight,
        )
