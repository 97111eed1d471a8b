"""Numbers as vectors for models: prices, counts and time gaps, by one of three codes."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import BeforeValidator, Field, SerializeAsAny

from recweave.core.arrays import Array
from recweave.core.choice import Choice, OneOf
from recweave.core.errors import BadInput
from recweave.core.registry import Registry
from recweave.encode.features import Feature

CODES: "Registry[type[NumberCode]]" = Registry(
    "number code",
    {
        "digits": "recweave.encode.numeric:Digits",
        "log_bucket": "recweave.encode.numeric:LogBucket",
        "fourier": "recweave.encode.numeric:Fourier",
    },
    group="recweave.codes",
    subclass_of="recweave.encode.numeric:NumberCode",
)
"""The codes of numbers by name."""


class NumberCode(Choice, ABC):
    """How a number becomes a vector; numbers are finite and not negative."""

    registry: ClassVar[Registry[Any]] = CODES

    @abstractmethod
    def vectors(self, values: Float[Array, " n"]) -> Float[Array, "n dim"]:
        """A vector for each number; a linear layer on top of it is what a model learns."""


class Digits(NumberCode):
    """The decimal digits of a number, each one-hot."""

    kind: Literal["digits"] = "digits"
    whole: int = Field(6, ge=1, le=12, description="digits before the point")
    decimals: int = Field(2, ge=0, le=6, description="digits after it; the rest is rounded")

    def tokens(self, values: Float[Array, " n"]) -> Int[Array, "n digits"]:
        """The digits, the first one first.

        Raises:
            BadInput: if a number has more than `whole` digits before the point.
        """
        digits = self.whole + self.decimals
        scaled = np.round(values.astype(np.float64) * 10**self.decimals)
        if (scaled >= 10**digits).any():
            raise BadInput(
                f"{values.max():g} does not fit into {self.whole} digits; set `whole` higher"
            )
        power = 10 ** np.arange(digits)[::-1]
        return np.asarray(scaled.astype(np.int64)[:, None] // power % 10)

    def texts(self, values: Float[Array, " n"]) -> list[str]:
        """The digits for a text encoder, with spaces so that each is a token: "1 2 . 5 0"."""
        decimal = (f"{value:.{self.decimals}f}" for value in values.tolist())
        return [" ".join(text) for text in decimal]

    def vectors(self, values: Float[Array, " n"]) -> Float[Array, "n dim"]:
        """See `NumberCode.vectors`; ten numbers for each digit."""
        return _one_hot(self.tokens(values), 10)


class LogBucket(NumberCode):
    """The size of a number as a token: x is in bucket ⌊log2(1 + x) · per_doubling⌋."""

    kind: Literal["log_bucket"] = "log_bucket"
    buckets: int = Field(32, ge=2, description="the last one also holds all larger numbers")
    per_doubling: float = Field(1, gt=0, description="buckets from one power of 2 to the next")

    def tokens(self, values: Float[Array, " n"]) -> Int[Array, " n"]:
        """The buckets, from 0."""
        size = np.log2(1 + values.astype(np.float64)) * self.per_doubling
        return np.minimum(size, self.buckets - 1).astype(np.int64)

    def vectors(self, values: Float[Array, " n"]) -> Float[Array, "n dim"]:
        """See `NumberCode.vectors`; one for each bucket."""
        return _one_hot(self.tokens(values)[:, None], self.buckets)


class Fourier(NumberCode):
    """[sin, cos](2π f_k ln(1 + x)) with f_k = 2ᵏ / longest: near numbers have near vectors."""

    kind: Literal["fourier"] = "fourier"
    frequencies: int = Field(
        8, ge=1, le=24, description="number of them, each twice the one before"
    )
    longest: float = Field(
        32, gt=0, description="longest wave; numbers below e^longest are distinguished"
    )

    def vectors(self, values: Float[Array, " n"]) -> Float[Array, "n dim"]:
        """See `NumberCode.vectors`; all sines, then all cosines."""
        frequency = 2.0 ** np.arange(self.frequencies) / self.longest
        angle = 2 * np.pi * frequency * np.log1p(values.astype(np.float64))[:, None]
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)


Code = Annotated[SerializeAsAny[NumberCode], BeforeValidator(OneOf(CODES))]
"""For settings: the code of a number, by its `kind`, plug-ins included."""


def encode_numbers(
    values: Float[Array, " items"], code: NumberCode | None = None, *, source: str = "numbers"
) -> Feature:
    """A column of numbers as vectors; NaN is a missing one.

    Args:
        values: One for each row; not negative.
        code: `Fourier` if not given.
        source: The name of the numbers, for provenance.

    Raises:
        BadInput: if a number is negative or infinite.
    """
    code = code or Fourier()
    present = ~np.isnan(values)
    wrong = present & ~((values >= 0) & np.isfinite(values))
    if wrong.any():
        row = int(wrong.argmax())
        raise BadInput(
            f"{source}: row {row} is {values[row]:g}; numbers must be finite and not negative, "
            "so shift them, or give their size and their sign as two columns"
        )
    encoded = code.vectors(values[present])
    vectors = np.zeros((len(values), encoded.shape[1]), np.float32)
    vectors[present] = encoded
    return Feature(vectors, present, f"numbers/1 {code.model_dump_json()}", source)


def _one_hot(tokens: Int[Array, "n positions"], size: int) -> Float[Array, "n dim"]:
    n, positions = tokens.shape
    vectors = np.zeros((n, positions, size), np.float32)
    np.put_along_axis(vectors, tokens[:, :, None], 1, axis=2)
    return vectors.reshape(n, positions * size)
