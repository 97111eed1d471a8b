"""Event weights by behaviour (view, click, cart, purchase, …), a setting of many recipes."""

import numpy as np
from jaxtyping import Float
from pydantic import Field

from recweave.core.arrays import Array
from recweave.core.value import Value
from recweave.data.schema import BEHAVIORS


class BehaviorWeights(Value):
    """The weight of an event by its behaviour; 0 leaves the behaviour out.

    The weights apply in training and in the history of a query. On RetailRocket, weights of .5 for
    views, .8 for carts and 1 for purchases raised the hit rate of item cosine by a fifth; the same
    weights in training alone lowered it.
    """

    impression: float = Field(1.0, ge=0, description="weight of an impression (the item was shown)")
    view: float = Field(1.0, ge=0, description="weight of a view")
    click: float = Field(1.0, ge=0, description="weight of a click")
    favorite: float = Field(1.0, ge=0, description="weight of a favourite or like")
    cart: float = Field(1.0, ge=0, description="weight of adding to the cart")
    purchase: float = Field(1.0, ge=0, description="weight of a purchase")
    rating: float = Field(1.0, ge=0, description="weight of a rating, whatever its value")

    def by_code(self) -> Float[Array, " behaviors"]:
        """The weights in the order of `BEHAVIORS`, float32."""
        return np.array([getattr(self, name) for name in BEHAVIORS], np.float32)
