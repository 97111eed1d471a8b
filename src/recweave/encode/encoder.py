"""The interface of text encoders, and a fingerprint of their input."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol, runtime_checkable

from jaxtyping import Float

from recweave.core.arrays import Array


@runtime_checkable
class TextEncoder(Protocol):
    """Texts to vectors."""

    @property
    def name(self) -> str:
        """The encoder with its version: equal names give equal vectors for equal texts.

        TF-IDF is the exception, as its vectors depend on the other texts too.
        """

    @property
    def dim(self) -> int | None:
        """Length of the vectors; None if it is known only after the first call."""

    def encode(self, texts: Sequence[str]) -> Float[Array, "texts dim"]:
        """A unit vector for each text, in order; a zero vector where a text is blank."""


def fingerprint(texts: Iterable[str]) -> str:
    """A short hash of what was encoded, for provenance."""
    digest = sha256()
    for text in texts:
        digest.update(sha256(text.encode()).digest())
    return digest.hexdigest()[:16]
