"""How much an event of each behaviour counts, where a recipe lets the user say so."""

import numpy as np
from jaxtyping import Float
from pydantic import Field

from recweave.core.arrays import Array
from recweave.core.value import Value
from recweave.data.schema import BEHAVIORS


class BehaviorWeights(Value):
    """The strength of an event by its behaviour; 0 leaves the behaviour out.

    On RetailRocket, views at .5, carts at .8 and purchases at 1 raised the hit rate of item cosine
    by a fifth; the same weights in training alone lowered it, so they count in histories too.
    """

    impression: float = Field(1.0, ge=0, description="strength of having been shown an item")
    view: float = Field(1.0, ge=0, description="strength of a view")
    click: float = Field(1.0, ge=0, description="strength of a click")
    favorite: float = Field(1.0, ge=0, description="strength of a favourite or like")
    cart: float = Field(1.0, ge=0, description="strength of putting into the cart")
    purchase: float = Field(1.0, ge=0, description="strength of a purchase")
    rating: float = Field(1.0, ge=0, description="strength of a rating, whatever its value")

    def by_code(self) -> Float[Array, " behaviors"]:
        """The weights in the order of `BEHAVIORS`, float32."""
        return np.array([getattr(self, name) for name in BEHAVIORS], np.float32)
