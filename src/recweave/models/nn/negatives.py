"""Negative sampling: the items that a target is compared with."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding

from recweave.core.arrays import Array
from recweave.models.nn.losses import full_softmax, pad_rows, sampled_softmax


@dataclass(frozen=True, eq=False)
class NegativeSample:
    """Negative items sampled for a batch.

    Attributes:
        item: Rows of the items; an item may occur twice.
        log_q: Logarithm of the expected number of times each is in the sample.
        all_log_q: The same for every item of the catalogue.
    """

    item: Int[Tensor, " sampled"]
    log_q: Float[Tensor, " sampled"]
    all_log_q: Float[Tensor, " items"]

    def log_q_of(self, item: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """The same for targets."""
        return self.all_log_q[item]


@dataclass(frozen=True, eq=False)
class Negatives:
    """Distribution to sample negatives from: proportional to (number of events) ** power.

    Items without events are never negatives. Such an item is new, not disliked, and as a negative
    its score would be lowered in each step.

    Attributes:
        probability: Of each item; 0 for items without events.
        cumulative: Cumulative probability of the items with events; ends at 1.
        item: Rows of the items with events.
        index: Index of each item in `item`; 0 for items without events.
    """

    probability: Float[Array, " items"]
    cumulative: Float[Tensor, " known"]
    item: Int[Tensor, " known"]
    index: Int[Tensor, " items"]

    @classmethod
    def of(cls, counts: Int[Array, " items"], power: float) -> "Negatives":
        """From the number of events of each item; power 0 is uniform over items with events."""
        item = np.flatnonzero(counts)
        weight = counts[item].astype(np.float64) ** power
        probability = np.zeros(len(counts), np.float32)
        probability[item] = weight / weight.sum()
        cumulative = np.cumsum(weight)
        index = np.zeros(len(counts), np.int64)
        index[item] = np.arange(len(item))
        columns = (cumulative / cumulative[-1], item, index)
        return cls(probability, *(torch.from_numpy(column) for column in columns))

    def sample(self, count: int, device: torch.device) -> NegativeSample:
        """Sample items independently (with replacement), with torch's random generator."""
        at = torch.searchsorted(self.cumulative, torch.rand(count, dtype=torch.float64), right=True)
        item = self.item[at].to(device)
        log_q = (torch.from_numpy(self.probability) * count).clamp(min=1e-12).log().to(device)
        return NegativeSample(item, log_q[item], log_q)

    def full_softmax_loss(
        self,
        state: Float[Tensor, "n dim"],
        items: Float[Tensor, "items dim"],
        target: Int[Tensor, " n"],
        weight: Float[Tensor, " n"],
    ) -> Float[Tensor, ""]:
        """Softmax cross-entropy over all items with events."""
        if len(self.item) == len(items):
            return full_softmax(state, items, target, weight)
        known = embedding(self.item.to(items.device), items)
        return full_softmax(state, known, self.index.to(items.device)[target], weight)

    def sampled_softmax_loss(
        self,
        state: Float[Tensor, "n dim"],
        items: Float[Tensor, "items dim"],
        target: Int[Tensor, " n"],
        weight: Float[Tensor, " n"],
        count: int,
        more: Int[Tensor, "n more"] | None = None,
    ) -> Float[Tensor, ""]:
        """Softmax over the target and `count` shared negatives, with log-Q correction.

        Args:
            state: Of each row.
            items: The item vectors.
            target, weight: Of each row.
            count: Negatives that all rows share.
            more: Further negatives of each row, -1 for none; not its target.
        """
        sample = self.sample(count, items.device)
        return sampled_softmax(
            (state * embedding(target, items)).sum(1),
            (pad_rows(state) @ embedding(sample.item, items).T)[: len(state)],
            sample.log_q_of(target),
            sample.log_q,
            sample.item[None, :] == target[:, None],
            weight,
            None if more is None else own_scores(state, items, more),
        )


def own_scores(
    state: Float[Tensor, "n dim"], items: Float[Tensor, "items dim"], item: Int[Tensor, "n more"]
) -> Float[Tensor, "n more"]:
    """The scores of each row's own items; -inf where an item is -1."""
    score = (embedding(item.clamp(min=0), items) @ state[..., None]).squeeze(-1)
    return score.masked_fill(item < 0, -torch.inf)
