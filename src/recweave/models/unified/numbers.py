"""Numbers that are read with an event: the time before it, its own value, and what its item has."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import Features, find_item_feature
from recweave.encode.numeric import Digits, Fourier, LogBucket, NumberCode
from recweave.models.nn.sequences import Sequences
from recweave.models.unified.recipe import Unified

CODES: dict[str, NumberCode] = {
    "digits": Digits(whole=10, decimals=0),
    "log_bucket": LogBucket(buckets=32),
    "fourier": Fourier(),
}

LONGEST = 10**9
"""Of a gap, in seconds some 32 years, and of a value; nothing is told apart beyond."""


@dataclass(frozen=True, eq=False)
class EventNumbers:
    """What is made of them.

    Attributes:
        gap: Code of the seconds since the event before; None where these are not read.
        value: Code of the event's value.
        item: Numbers of each item, such as a coded price; no columns where none are read.
    """

    gap: NumberCode | None
    value: NumberCode | None
    item: Float[Array, "items numbers"]

    @classmethod
    def of(
        cls, recipe: Unified, item: Float[Array, "items numbers"], *, clocked: bool
    ) -> "EventNumbers":
        """As the recipe reads them; gaps only where times are in seconds."""
        return cls(CODES.get(recipe.gaps) if clocked else None, CODES.get(recipe.values), item)

    @property
    def width(self) -> int:
        """How many numbers stand with each event."""
        none = np.zeros(0, np.float32)
        codes = (code.vectors(none).shape[1] for code in (self.gap, self.value) if code)
        return int(sum(codes, self.item.shape[1]))

    def read(self, sequences: Sequences) -> Float[Array, "batch time numbers"]:
        """For each event; zeros where there is none."""
        there = sequences.item >= 0
        parts = []
        if self.gap is not None:
            since = np.diff(sequences.time, axis=1, prepend=sequences.time[:, :1])
            parts.append(_coded(self.gap, since[there]))
        if self.value is not None:
            parts.append(_coded(self.value, sequences.value[there]))
        parts.append(self.item[sequences.item[there]])
        made = np.zeros((*there.shape, self.width), np.float32)
        made[there] = np.concatenate(parts, axis=1)
        return made


def item_numbers(
    recipe: Unified, features: Features, train: Interactions
) -> Float[Array, "items numbers"]:
    """The features that are read with each event, side by side.

    Raises:
        BadSetting: for a feature that is not there or of users; if `values` are to be read and one
            is below 0.
    """
    if recipe.values != "none" and (train.value < 0).any():
        raise BadSetting(
            f'values = "{recipe.values}" reads sizes, and the log has {train.value.min():g}; shift '
            'the values so that none is below 0, or set values = "none"'
        )
    parts = [find_item_feature(features, name).vectors for name in recipe.numbers]
    parts.append(np.zeros((train.shape[1], 0), np.float32))
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _coded(code: NumberCode, numbers: Array) -> Float[Array, "events code"]:
    return code.vectors(np.clip(numbers, 0, LONGEST).astype(np.float32))
