"""Numbers for models: prices, counts and gaps in time, in three ways to compare."""

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
    """Its digits, as one would write it: each place has a 1 at the digit that stands there."""

    kind: Literal["digits"] = "digits"
    whole: int = Field(6, ge=1, le=12, description="places before the point")
    decimals: int = Field(2, ge=0, le=6, description="places after it; the rest is rounded")

    def tokens(self, values: Float[Array, " n"]) -> Int[Array, "n places"]:
        """The digits, the highest place first.

        Raises:
            BadInput: if a number has more than `whole` places before the point.
        """
        places = self.whole + self.decimals
        scaled = np.round(values.astype(np.float64) * 10**self.decimals)
        if (scaled >= 10**places).any():
            raise BadInput(
                f"{values.max():g} does not fit into {self.whole} digits; set `whole` higher"
            )
        place = 10 ** np.arange(places)[::-1]
        return np.asarray(scaled.astype(np.int64)[:, None] // place % 10)

    def texts(self, values: Float[Array, " n"]) -> list[str]:
        """The digits in words for a text encoder, apart so that it reads each: "1 2 . 5 0"."""
        written = (f"{value:.{self.decimals}f}" for value in values.tolist())
        return [" ".join(text) for text in written]

    def vectors(self, values: Float[Array, " n"]) -> Float[Array, "n dim"]:
        """See `NumberCode.vectors`; ten for each place."""
        return _one_hot(self.tokens(values), 10)


class LogBucket(NumberCode):
    """A token for its size: bucket b holds what has ⌊log2(1 + x) · per_doubling⌋ = b."""

    kind: Literal["log_bucket"] = "log_bucket"
    buckets: int = Field(32, ge=2, description="the last one also holds all that is larger")
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
        32, gt=0, description="longest wave; numbers below e^longest are told apart"
    )

    def vectors(self, values: Float[Array, " n"]) -> Float[Array, "n dim"]:
        """See `NumberCode.vectors`; all sines, then all cosines."""
        frequency = 2.0 ** np.arange(self.frequencies) / self.longest
        angle = 2 * np.pi * frequency * np.log1p(values.astype(np.float64))[:, None]
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)


Code = Annotated[SerializeAsAny[NumberCode], BeforeValidator(OneOf(CODES))]
"""For settings: the code of a number, by its `kind`, plug-ins included."""


def encode_numbers(
    values: Float[Array, " items"], how: NumberCode | None = None, *, source: str = "numbers"
) -> Feature:
    """A column of numbers as vectors; NaN is a missing one.

    Args:
        values: One for each row; not negative.
        how: `Fourier` if not given.
        source: What the numbers are, for provenance.

    Raises:
        BadInput: if a number is negative or infinite.
    """
    how = how or Fourier()
    present = ~np.isnan(values)
    wrong = present & ~((values >= 0) & np.isfinite(values))
    if wrong.any():
        row = int(wrong.argmax())
        raise BadInput(
            f"{source}: row {row} is {values[row]:g}; numbers must be finite and not negative, "
            "so shift them, or give their size and their sign as two columns"
        )
    made = how.vectors(values[present])
    vectors = np.zeros((len(values), made.shape[1]), np.float32)
    vectors[present] = made
    return Feature(vectors, present, f"numbers/1 {how.model_dump_json()}", source)


def _one_hot(tokens: Int[Array, "n places"], size: int) -> Float[Array, "n dim"]:
    n, places = tokens.shape
    vectors = np.zeros((n, places, size), np.float32)
    np.put_along_axis(vectors, tokens[:, :, None], 1, axis=2)
    return vectors.reshape(n, places * size)
