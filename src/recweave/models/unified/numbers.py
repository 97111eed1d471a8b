"""Numbers that are read with an event: the time since the one before, its value, its item's."""

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

LARGEST = 10**9
"""Gaps (in seconds; about 32 years) and values are clipped to this."""


@dataclass(frozen=True, eq=False)
class EventNumbers:
    """The encodings of these numbers.

    Attributes:
        gap: Encoding of the seconds since the event before; None if gaps are not read.
        value: Encoding of the event's value; None if values are not read.
        item: Numbers of each item, such as an encoded price; no columns if none are read.
    """

    gap: NumberCode | None
    value: NumberCode | None
    item: Float[Array, "items numbers"]

    @classmethod
    def of(
        cls, recipe: Unified, item: Float[Array, "items numbers"], *, clocked: bool
    ) -> "EventNumbers":
        """As the recipe says; gaps only if times are in seconds."""
        return cls(CODES.get(recipe.gaps) if clocked else None, CODES.get(recipe.values), item)

    @property
    def width(self) -> int:
        """Number of numbers read with each event."""
        empty = np.zeros(0, np.float32)
        codes = (code.vectors(empty).shape[1] for code in (self.gap, self.value) if code)
        return int(sum(codes, self.item.shape[1]))

    def read(self, sequences: Sequences) -> Float[Array, "batch time numbers"]:
        """The numbers of each event; zeros where there is none."""
        mask = sequences.item >= 0
        parts = []
        if self.gap is not None:
            since = np.diff(sequences.time, axis=1, prepend=sequences.time[:, :1])
            parts.append(_encoded(self.gap, since[mask]))
        if self.value is not None:
            parts.append(_encoded(self.value, sequences.value[mask]))
        parts.append(self.item[sequences.item[mask]])
        numbers = np.zeros((*mask.shape, self.width), np.float32)
        numbers[mask] = np.concatenate(parts, axis=1)
        return numbers


def item_numbers(
    recipe: Unified, features: Features, train: Interactions
) -> Float[Array, "items numbers"]:
    """The item features that are read with each event, concatenated.

    Raises:
        BadSetting: if a feature is missing or is of users; if `values` is set and a value is below
            0.
    """
    if recipe.values != "none" and (train.value < 0).any():
        raise BadSetting(
            f'values = "{recipe.values}" needs values of 0 or more, and the log has '
            f'{train.value.min():g}; shift the values, or set values = "none"'
        )
    parts = [find_item_feature(features, name).vectors for name in recipe.numbers]
    parts.append(np.zeros((train.shape[1], 0), np.float32))
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _encoded(code: NumberCode, numbers: Array) -> Float[Array, "events code"]:
    return code.vectors(np.clip(numbers, 0, LARGEST).astype(np.float32))
