"""Content as numbers: named arrays, row i for item or user i, telling what they were made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Bool, Float

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting, did_you_mean


@dataclass(frozen=True, eq=False)
class Feature:
    """One vector per item, or per user.

    Attributes:
        vectors: Zero where there is none.
        present: Whether the item or user has one.
        encoder: What made the vectors, with its version.
        source: What they were made from (columns, fingerprints), in words.
        used: By table of the dataset ("reviews", "events"), which of its rows each vector was made
            from: entry (i, r) is 1 if row r had a part in item i's vector. What reads the catalogue
            alone leaves it empty. The auditor compares it with what is held out.
        of: Whether rows are items or users.
    """

    vectors: Float[Array, "rows dim"]
    present: Bool[Array, " rows"]
    encoder: str
    source: str
    used: Mapping[str, Csr] = field(default_factory=dict)
    of: Literal["item", "user"] = "item"


Features = Mapping[str, Feature]
"""The features that a recipe may draw on, by name."""


def find_feature(features: Features | None, name: str) -> Feature:
    """The feature that a setting names.

    Raises:
        BadSetting: if there is none of that name.
    """
    known = features or {}
    if name not in known:
        hint = did_you_mean(name, known) if known else "there are none"
        raise BadSetting(
            f"there is no feature '{name}': add a table [features.{name}] to the recipe file, or "
            f"give it to fit(features=…); {hint}"
        )
    return known[name]


def find_item_feature(features: Features | None, name: str) -> Feature:
    """The same, of items.

    Raises:
        BadSetting: also if it is of users.
    """
    feature = find_feature(features, name)
    if feature.of != "item":
        raise BadSetting(f"the feature '{name}' is of users; name one of items")
    return feature
