"""The network of the unified model; imports torch."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, normalize

from recweave.core.arrays import Array
from recweave.data.schema import BEHAVIORS
from recweave.encode.numeric import Digits, Fourier, LogBucket, NumberCode
from recweave.models.nn.sequences import Sequences
from recweave.models.nn.transformer import CausalTransformer
from recweave.models.unified.recipe import Unified

CODES: dict[str, NumberCode] = {
    "digits": Digits(whole=10, decimals=0),
    "log_bucket": LogBucket(buckets=32),
    "fourier": Fourier(),
}

LONGEST = 10**9
"""Of a gap, in seconds: some 32 years; a clock in milliseconds tells nothing beyond."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """Sequences as numbers that a network reads.

    Attributes:
        item: Row, 0 where there is no event.
        behavior: Code of the event.
        asked: Code of the behaviour that is asked for after it.
        gap: Code of the time since the event before; no numbers where gaps are not read.
        profile: The user's feature; no numbers without one.
    """

    item: Int[Tensor, "batch time"]
    behavior: Int[Tensor, "batch time"]
    asked: Int[Tensor, "batch time"]
    gap: Float[Tensor, "batch time code"]
    profile: Float[Tensor, "batch numbers"]

    @classmethod
    def of(
        cls,
        sequences: Sequences,
        asked: Int[Array, "batch time"],
        profile: Float[Array, "batch numbers"],
        code: NumberCode | None,
        device: torch.device,
    ) -> "Tokens":
        """Of events and what is asked for after each."""
        shape = sequences.item.shape
        gap = np.zeros((*shape, 0), np.float32)
        if code is not None:
            there = sequences.item >= 0
            since = np.maximum(np.diff(sequences.time, axis=1, prepend=sequences.time[:, :1]), 0)
            made = code.vectors(np.minimum(since[there], LONGEST).astype(np.float32))
            gap = np.zeros((*shape, made.shape[1]), np.float32)
            gap[there] = made
        columns = (np.maximum(sequences.item, 0), sequences.behavior, asked)
        item, behavior, wanted = (torch.from_numpy(c.astype(np.int64)).to(device) for c in columns)
        told = (torch.from_numpy(part).to(device) for part in (gap, profile))
        return cls(item, behavior, wanted, *told)


class Reader(nn.Module):
    """From a history to what is asked for: the part of the network that a trained model keeps."""

    def __init__(self, recipe: Unified, profile: int, *, clocked: bool) -> None:
        super().__init__()
        dim = recipe.dim
        self.temperature = recipe.temperature
        self.code = CODES.get(recipe.gaps) if clocked else None
        self.behavior = nn.Parameter(0.3 * torch.randn(len(BEHAVIORS), dim))
        self.asked = nn.Parameter(0.3 * torch.randn(len(BEHAVIORS), dim))
        if self.code is not None:
            width = self.code.vectors(np.zeros(1, np.float32)).shape[1]
            self.gap = nn.Linear(width, dim, bias=False)
            nn.init.zeros_(self.gap.weight)
        self.prefix = nn.Linear(profile, dim, bias=False) if profile else None
        self.past = nn.Parameter(torch.zeros(()))
        self.reader = (
            CausalTransformer(dim, recipe.heads, recipe.layers, recipe.length + 1, recipe.dropout)
            if recipe.layers
            else None
        )
        self.norm = nn.LayerNorm(dim)
        self.turn = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(recipe.dropout), nn.Linear(2 * dim, dim)
        )

    def forward(
        self, tokens: Tokens, items: Float[Tensor, "items dim"]
    ) -> Float[Tensor, "batch time dim"]:
        """What each place asks for, to be compared with items by dot product."""
        scale = items.shape[1] ** 0.5
        own = embedding(tokens.item, items) * scale
        count = torch.arange(1, own.shape[1] + 1, device=own.device)[:, None]
        mean = own.cumsum(1) / count
        asked = embedding(tokens.asked, self.asked)
        if self.reader is None:
            h = mean
        else:
            # What is asked for is read with the event, so that all layers know of it.
            x = own + embedding(tokens.behavior, self.behavior) + asked
            if self.code is not None:
                x = x + self.gap(tokens.gap)
            if self.prefix is not None:
                x = torch.cat([self.prefix(tokens.profile)[:, None] * scale, x], 1)
            h = self.reader(x)[:, -own.shape[1] :] + self.past * mean
        h = h + self.turn(self.norm(h + asked))
        made: Tensor = normalize(h, dim=-1) / self.temperature
        return made
