"""Content as numbers: named arrays, row i for item i, each telling what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Bool, Float

from recweave.core.arrays import Array


@dataclass(frozen=True, eq=False)
class Feature:
    """One vector per item.

    Attributes:
        vectors: Zero where there is none.
        present: Whether the item has one.
        encoder: What made the vectors, with its version.
        source: What they were made from (columns, fingerprints), for the auditor.
    """

    vectors: Float[Array, "items dim"]
    present: Bool[Array, " items"]
    encoder: str
    source: str


Features = Mapping[str, Feature]
"""The features that a recipe may draw on, by name."""
