"""What a language model has computed of some texts (key-value cache), kept to go on from.

Imports torch and transformers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

ROOM = 128
"""Positions that are reserved ahead."""

_Layer: Any = DynamicLayer


class GrowingLayer(_Layer):  # type: ignore[misc]
    """Keys and values of one block, in a buffer with room for more.

    transformers' own layer copies all of them for each token, which takes half of the time.
    """

    def __init__(self, keys: Tensor | None = None, values: Tensor | None = None) -> None:
        super().__init__()
        if keys is not None and values is not None:
            self._set(keys, values, keys.shape[2])

    def _set(self, keys: Tensor, values: Tensor, filled: int) -> None:
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._buffers = (keys, values)
        self.keys, self.values = keys[:, :, :filled], values[:, :, :filled]

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the new ones after the others."""
        if not self.is_initialized:
            self._set(key_states[:, :, :0], value_states[:, :, :0], 0)
        start = self.keys.shape[2]
        end = start + key_states.shape[2]
        if end > self._buffers[0].shape[2]:
            old = (self.keys, self.values)
            self._buffers = (_room(key_states, end + ROOM), _room(value_states, end + ROOM))
            for buffer, part in zip(self._buffers, old, strict=True):
                buffer[:, :, :start] = part
        for buffer, part in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[: len(part), :, start:end] = part
        rows = len(key_states)
        self.keys, self.values = (buffer[:rows, :, :end] for buffer in self._buffers)
        return self.keys, self.values

    def move(self, source: int, target: int) -> None:
        """Overwrite one row with another."""
        for part in (self.keys, self.values):
            part[target] = part[source]

    def narrow(self, rows: int, positions: int) -> None:
        """Keep the first rows and positions."""
        self.keys, self.values = (part[:rows, :, :positions] for part in (self.keys, self.values))


def _room(like: Tensor, positions: int) -> Tensor:
    return like.new_empty((*like.shape[:2], positions, like.shape[3]))


@dataclass(eq=False)
class States:
    """The states of some rows of tokens.

    Attributes:
        cache: Keys and values.
        mask: The positions that hold a token of the row; the others are padding.
        length: Tokens of each row.
    """

    cache: Any
    mask: Bool[Tensor, "rows positions"]
    length: Int[Tensor, " rows"]

    @classmethod
    def empty(cls, device: torch.device, rows: int = 1) -> "States":
        """Of rows without tokens."""
        return cls(
            Cache(layer_class_to_replicate=GrowingLayer),
            torch.zeros((rows, 0), dtype=torch.bool, device=device),
            torch.zeros(rows, dtype=torch.int64, device=device),
        )

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.length)

    @property
    def positions(self) -> int:
        """Number of positions, padding included."""
        return int(self.mask.shape[1])

    def read(
        self, model: Any, ids: Int[Tensor, "rows q"], real: Bool[Tensor, "rows q"] | None = None
    ) -> Float[Tensor, "rows vocabulary"]:
        """Go on with more tokens; the logits after the last of them.

        Args:
            model: The network.
            ids: A row of tokens for each row of states.
            real: Which are no padding; the last ones are tokens. All, if left out.
        """
        real = torch.ones_like(ids, dtype=torch.bool) if real is None else real
        position = (self.length[:, None] + real.cumsum(1) - 1).clamp(min=0)
        self.mask = torch.cat([self.mask, real], 1)
        self.length = self.length + real.sum(1)
        out = model(
            input_ids=ids,
            attention_mask=None if bool(self.mask.all()) else self.mask.long(),
            position_ids=position,
            past_key_values=self.cache,
            use_cache=True,
            # Not 1: a slice is not contiguous, and torch then copies the head for every row.
            logits_to_keep=torch.tensor([ids.shape[1] - 1], device=ids.device),
        )
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def score(
        self,
        model: Any,
        ids: Int[Tensor, " tokens"],
        depth: Int[Tensor, " tokens"],
        sees: Bool[Tensor, "tokens tokens"],
        asked: Int[Tensor, " asked"],
    ) -> Float[Tensor, "asked vocabulary"]:
        """Logits after tokens of a tree that continues the only row; the states stay as they are.

        Args:
            model: The network.
            ids: The tokens of the tree.
            depth: Of each token, from 0.
            sees: Which tokens of the tree each one sees: itself and those above.
            asked: The tokens after which logits are asked for.
        """
        before = self.mask.expand(len(ids), -1)
        allowed = torch.cat([before, sees], 1)
        mask = torch.zeros(allowed.shape, dtype=model.dtype, device=allowed.device)
        mask.masked_fill_(~allowed, torch.finfo(model.dtype).min)
        filled = self.positions
        out = model(
            input_ids=ids[None],
            attention_mask=mask[None, None],
            position_ids=(self.length + depth)[None],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=asked,
        )
        for layer in self.cache.layers:
            layer.narrow(1, filled)
        logits: Tensor = out.logits[0].float()
        return logits

    def repeated(self, rows: int) -> "States":
        """A copy of the only row for each of some rows."""
        layers: list[Any] = []
        for layer in self.cache.layers:
            made = []
            for part in (layer.keys, layer.values):
                buffer = _room(part.expand(rows, -1, -1, -1), self.positions + ROOM)
                buffer[:, :, : self.positions] = part
                made.append(buffer)
            layers.append(GrowingLayer(*made))
            layers[-1].narrow(rows, self.positions)
        cache = Cache(layers) if layers else Cache(layer_class_to_replicate=GrowingLayer)
        return States(cache, self.mask.repeat(rows, 1), self.length.repeat(rows))

    def row(self, number: int) -> "States":
        """One row by itself; it shares memory with the others, so nothing may be read into both."""
        layers: list[Any] = [
            GrowingLayer(*(part[number : number + 1] for part in (layer.keys, layer.values)))
            for layer in self.cache.layers
        ]
        rows = slice(number, number + 1)
        return States(Cache(layers), self.mask[rows], self.length[rows])

    def cropped(self, tokens: int) -> "States":
        """A copy of the only row's first tokens; it must have no padding."""
        copy = self.repeated(1)
        for layer in copy.cache.layers:
            layer.narrow(1, tokens)
        return States(copy.cache, copy.mask[:, :tokens], torch.full_like(copy.length, tokens))

    def drop(self, rows: Sequence[int]) -> list[int]:
        """Leave rows out, in place: the last ones take their numbers.

        Returns:
            The old number of each row that is left.
        """
        order = list(range(self.rows))
        for row in sorted(rows, reverse=True):
            last = len(order) - 1
            if row != last:
                for layer in self.cache.layers:
                    layer.move(last, row)
            order[row] = order[last]
            order.pop()
        for layer in self.cache.layers:
            layer.narrow(len(order), self.positions)
        self.mask, self.length = self.mask[order], self.length[order]
        return order


def joined(parts: Sequence[States]) -> States:
    """The rows of all parts, padded on the left; positions that are padding everywhere go."""
    starts = [
        int(part.mask.any(0).int().argmax()) for part in parts
    ]  # the first position that holds a token in some row
    width = max(part.positions - start for part, start in zip(parts, starts, strict=True))
    rows = sum(part.rows for part in parts)
    mask = parts[0].mask.new_zeros((rows, width))
    layers: list[Any] = []
    for number, first in enumerate(parts[0].cache.layers):
        made = [
            part.new_zeros((rows, part.shape[1], width + ROOM, part.shape[3]))
            for part in (first.keys, first.values)
        ]
        row = 0
        for part, start in zip(parts, starts, strict=True):
            here = slice(row, row + part.rows)
            left = width - part.positions + start
            layer = part.cache.layers[number]
            for buffer, old in zip(made, (layer.keys, layer.values), strict=True):
                buffer[here, :, left:width] = old[:, :, start:]
            mask[here, left:] = part.mask[:, start:]
            row += part.rows
        layers.append(GrowingLayer(*made))
        layers[-1].narrow(rows, width)
    return States(Cache(layers), mask, torch.cat([part.length for part in parts]))
