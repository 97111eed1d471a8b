"""Items drawn against a target, and how often each is."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recweave.core.arrays import Array


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
    """A distribution to draw items from: by their events to some power.

    Attributes:
        share: The chance of each item; 0 for those without events.
    """

    share: Float[Array, " items"]

    @classmethod
    def of(cls, counts: Int[Array, " items"], power: float) -> "Negatives":
        """Uniform over items with events if the power is 0."""
        weight = np.where(counts > 0, counts.astype(np.float64) ** power, 0.0)
        return cls((weight / weight.sum()).astype(np.float32))

    def draw(self, count: int, device: torch.device) -> Drawn:
        """Independent draws, by torch's generator."""
        share = torch.from_numpy(self.share)
        places = torch.rand(count, dtype=torch.float64)
        item = torch.searchsorted(share.double().cumsum(0), places).clamp(max=len(share) - 1)
        log_q = (share * count).clamp(min=1e-12).log().to(device)
        item = item.to(device)
        return Drawn(item, log_q[item], log_q)
