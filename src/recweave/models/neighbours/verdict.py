"""Whether to recommend one item to one user, and by whose word."""

from dataclasses import dataclass
from typing import Literal

LIKED = 0.6
"""The share of the scale's upper end from which on a prediction speaks for an item: 6 of 10."""


@dataclass(frozen=True)
class Verdict:
    """What `recommend_item` answers.

    Attributes:
        rated: Whether the user has rated the item.
        prediction: The rating that `predict` gives; NaN where it has no grounds for one.
        raw: The same before rounding and clipping.
        threshold: The prediction from which on an item is recommended.
        neighbour: Rows of the users (UserCF) or items (ItemCF) that were heard, the nearest first.
        weight: How alike each is.
    """

    rated: bool
    prediction: float
    raw: float
    threshold: float
    neighbour: tuple[int, ...]
    weight: tuple[float, ...]

    @property
    def says(self) -> Literal["already_rated", "recommended", "not_recommended"]:
        """The verdict in a word."""
        if self.rated:
            return "already_rated"
        return "recommended" if self.prediction >= self.threshold else "not_recommended"
