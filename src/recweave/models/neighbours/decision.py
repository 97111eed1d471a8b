"""Whether to recommend one item to one user, and which neighbours the answer rests on."""

from dataclasses import dataclass
from typing import Literal

LIKED = 0.6
"""The default threshold, as a share of the highest rating: 6 on a scale that ends at 10."""


@dataclass(frozen=True)
class Decision:
    """What `recommend_item` returns.

    Attributes:
        rated: Whether the user has rated the item.
        prediction: The predicted rating, as `predict` gives it; NaN where there is none.
        raw: The predicted rating before rounding and clipping.
        threshold: The item is recommended if the prediction is at least this.
        neighbor: Rows of the users (UserCF) or items (ItemCF) that the prediction is computed from,
            the most similar first.
        weight: The similarity of each neighbour.
    """

    rated: bool
    prediction: float
    raw: float
    threshold: float
    neighbor: tuple[int, ...]
    weight: tuple[float, ...]

    @property
    def answer(self) -> Literal["already_rated", "recommended", "not_recommended"]:
        """The decision as one word."""
        if self.rated:
            return "already_rated"
        return "recommended" if self.prediction >= self.threshold else "not_recommended"
