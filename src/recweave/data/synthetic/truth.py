"""What a made-up shop is asked to be, and what is known of it afterwards."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator

from recweave.core.arrays import Array
from recweave.core.value import Value
from recweave.data.synthetic.lexicon import STYLES

DAY = 86_400
OPENING = 1_704_067_200
"""The first moment of the log: 2024-01-01."""

HALF_LIVES = 500
"""A log of more half-lives would leave the range of floats."""


class Shop(Value):
    """How a made-up shop behaves. Everything else is drawn from the seed."""

    users: int = Field(2_000, ge=1, description="people")
    items: int = Field(1_000, ge=2, description="things in the catalogue")
    views: int = Field(40_000, ge=1, description="views in the log; two for each person at least")
    days: int = Field(365, ge=1, description="length of the log")
    groups: int = Field(8, ge=2, le=len(STYLES), description="groups of people of one taste")
    dim: int = Field(16, ge=2, description="length of the vectors of taste")
    spread: float = Field(0.5, ge=0, description="distance of a taste from its group's centre")
    taste: float = Field(6.0, ge=0, description="how much taste decides what is chosen")
    price: float = Field(1.0, ge=0, description="how much price decides, for the most sensitive")
    focus: float = Field(3.0, ge=0, description="how much a visit is about one category")
    popularity: float = Field(0.6, ge=0, description="exponent of Zipf's law; 0: all are alike")
    noise: float = Field(0.2, ge=0, le=1, description="share of views without regard to liking")
    regret: float = Field(
        0.1, ge=0, le=1, description="share of noise in purchases, of that in views"
    )
    half_life: float | None = Field(
        90.0, gt=0, description="days until an item draws half the attention; None: for ever"
    )
    shown: int = Field(24, ge=1, description="items that a person chooses each view from")
    impressions: float = Field(0.2, ge=0, le=1, description="share of views with what was shown")
    carts: float = Field(0.3, ge=0, le=1, description="carts for each view")
    purchases: float = Field(0.6, ge=0, le=1, description="purchases for each cart")
    reviews: float = Field(0.5, ge=0, le=1, description="ratings and reviews for each purchase")
    clarity: float = Field(6.0, ge=0, description="how well words tell an item's taste")

    @model_validator(mode="after")
    def _can_be(self) -> "Shop":
        if self.views < 2 * self.users:
            raise ValueError(f"{self.views} views are fewer than two for each of {self.users}")
        if self.dim < self.groups:
            raise ValueError(f"{self.groups} groups need vectors of that length at least")
        if self.half_life is not None and self.days > HALF_LIVES * self.half_life:
            raise ValueError(f"the log is longer than {HALF_LIVES} half-lives")
        return self


@dataclass(frozen=True, eq=False)
class Truth:
    """What was planted. Rows are those of the dataset's users, items, events and reviews.

    Attributes:
        shop: What was asked for.
        centre: The centre of each group of taste; orthonormal.
        user_group, item_group: Groups.
        user_taste, item_taste: Unit vectors around their groups' centres.
        sensitivity: How much each person minds a price, 0 to 1.
        dearness: Log price of each item against its category, standard normal within [-2, 2].
        price_tag: Place in `lexicon.PRICE_TAGS` of each item: by dearness.
        quality: What makes each item's ratings better for everybody; standard normal.
        weight: Attention that each item draws at its birth.
        born: When each item appears, in seconds since 1970; before the log's start for old ones.
        category, colour: Places in `lexicon.CATEGORIES` and `lexicon.COLOURS`.
        noise: Whether each event comes from a choice without regard to liking. The share among
            views is `shop.noise`, among carts a third of it, among purchases `shop.regret` of it.
        liked, disliked: The aspect each review praises and blames, a place in `lexicon.ASPECTS`;
            -1 for none.
        remark: What each review says of the price, a place in `lexicon.PRICE_TAGS`; -1: nothing.
    """

    shop: Shop
    centre: Float[Array, "groups dim"]
    user_group: Int[Array, " users"]
    item_group: Int[Array, " items"]
    user_taste: Float[Array, "users dim"]
    item_taste: Float[Array, "items dim"]
    sensitivity: Float[Array, " users"]
    dearness: Float[Array, " items"]
    price_tag: Int[Array, " items"]
    quality: Float[Array, " items"]
    weight: Float[Array, " items"]
    born: Int[Array, " items"]
    category: Int[Array, " items"]
    colour: Int[Array, " items"]
    noise: Bool[Array, " events"]
    liked: Int[Array, " reviews"]
    disliked: Int[Array, " reviews"]
    remark: Int[Array, " reviews"]

    def liking(self, user: Int[Array, " users"]) -> Float[Array, "users items"]:
        """How much each of these users likes each item: the best ranking that there can be."""
        taste = self.user_taste[user] @ self.item_taste.T
        price = self.sensitivity[user, None] * self.dearness
        return np.asarray(self.shop.taste * taste - self.shop.price * price)
