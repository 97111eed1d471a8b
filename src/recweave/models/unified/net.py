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
    """The input of the network, as tensors.

    Attributes:
        item: Row of the item; 0 where there is no event.
        behavior: Code of the event's behaviour.
        predicted: Code of the behaviour to predict next.
        numbers: Numbers that are read with the event (see `EventNumbers`).
        profile: The user's feature; no columns without one.
    """

    item: Int[Tensor, "batch time"]
    behavior: Int[Tensor, "batch time"]
    predicted: Int[Tensor, "batch time"]
    numbers: Float[Tensor, "batch time numbers"]
    profile: Float[Tensor, "batch profile"]

    @classmethod
    def of(
        cls,
        sequences: Sequences,
        predicted: Int[Array, "batch time"],
        profile: Float[Array, "batch profile"],
        numbers: EventNumbers,
        device: torch.device,
    ) -> "Tokens":
        """From events, and the behaviour to predict after each."""
        columns = (np.maximum(sequences.item, 0), sequences.behavior, predicted)
        rows = (index_tensor(column, device) for column in columns)
        values = (float_tensor(part, device) for part in (numbers.read(sequences), profile))
        return cls(*rows, *values)


class Reader(nn.Module):
    """From a history to a state at each position: the part of the network that models contain."""

    def __init__(self, recipe: Unified, profile: int, numbers: int) -> None:
        super().__init__()
        dim = recipe.dim
        self.temperature = recipe.temperature
        # Saved models contain the names of these parameters, so they stay. `asked` embeds the
        # behaviour to predict, `past` weights the mean of the events, `turn` is a final layer.
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
        """The state at each position; its dot product with an item's vector is the score."""
        scale = items.shape[1] ** 0.5
        own = embedding(tokens.item, items) * scale
        count = torch.arange(1, own.shape[1] + 1, device=own.device)[:, None]
        mean = own.cumsum(1) / count
        predicted = embedding(tokens.predicted, self.asked)
        if self.reader is None:
            h = mean
        else:
            # The behaviour to predict is added to the input, so that all layers use it.
            x = own + embedding(tokens.behavior, self.behavior) + predicted
            if self.numbers is not None:
                x = x + self.numbers(tokens.numbers)
            if self.prefix is not None:
                x = torch.cat([self.prefix(tokens.profile)[:, None] * scale, x], 1)
            h = self.reader(x)[:, -own.shape[1] :] + self.past * mean
        h = h + self.turn(self.norm(h + predicted))
        state: Tensor = normalize(h, dim=-1) / self.temperature
        return state
