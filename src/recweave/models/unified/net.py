"""The network of the unified model; imports torch."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, normalize

from recweave.core.arrays import Array
from recweave.data.schema import BEHAVIORS
from recweave.models.nn.sequences import Sequences
from recweave.models.nn.tensors import float_tensor, index_tensor
from recweave.models.nn.transformer import CausalTransformer
from recweave.models.unified.numbers import EventNumbers
from recweave.models.unified.recipe import Unified


@dataclass(frozen=True, eq=False)
class Tokens:
    """Sequences as numbers that a network reads.

    Attributes:
        item: Row, 0 where there is no event.
        behavior: Code of the event.
        asked: Code of the behaviour that is asked for after it.
        numbers: What else is read with the event (see `EventNumbers`).
        profile: The user's feature; no numbers without one.
    """

    item: Int[Tensor, "batch time"]
    behavior: Int[Tensor, "batch time"]
    asked: Int[Tensor, "batch time"]
    numbers: Float[Tensor, "batch time numbers"]
    profile: Float[Tensor, "batch profile"]

    @classmethod
    def of(
        cls,
        sequences: Sequences,
        asked: Int[Array, "batch time"],
        profile: Float[Array, "batch profile"],
        numbers: EventNumbers,
        device: torch.device,
    ) -> "Tokens":
        """Of events and what is asked for after each."""
        columns = (np.maximum(sequences.item, 0), sequences.behavior, asked)
        item, behavior, wanted = (index_tensor(column, device) for column in columns)
        told = (float_tensor(part, device) for part in (numbers.read(sequences), profile))
        return cls(item, behavior, wanted, *told)


class Reader(nn.Module):
    """From a history to what is asked for: the part of the network that a trained model keeps."""

    def __init__(self, recipe: Unified, profile: int, numbers: int) -> None:
        super().__init__()
        dim = recipe.dim
        self.temperature = recipe.temperature
        self.behavior = nn.Parameter(0.3 * torch.randn(len(BEHAVIORS), dim))
        self.asked = nn.Parameter(0.3 * torch.randn(len(BEHAVIORS), dim))
        self.numbers = nn.Linear(numbers, dim, bias=False) if numbers else None
        if self.numbers is not None:
            nn.init.zeros_(self.numbers.weight)
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
            if self.numbers is not None:
                x = x + self.numbers(tokens.numbers)
            if self.prefix is not None:
                x = torch.cat([self.prefix(tokens.profile)[:, None] * scale, x], 1)
            h = self.reader(x)[:, -own.shape[1] :] + self.past * mean
        h = h + self.turn(self.norm(h + asked))
        made: Tensor = normalize(h, dim=-1) / self.temperature
        return made
