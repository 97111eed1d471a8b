"""Shops with known parameters: drawn, or of simulated people in a catalogue with photographs."""

from collections.abc import Mapping

from recweave.data.synthetic.photo_shop import make_photo_shop
from recweave.data.synthetic.photo_truth import PhotoShop, PhotoTruth
from recweave.data.synthetic.photographs import draw_photographs
from recweave.data.synthetic.shop import make_shop
from recweave.data.synthetic.truth import Shop, Truth

SHOPS: Mapping[str, Shop] = {
    "synthetic": Shop(),
    "synthetic:small": Shop(users=300, items=150, views=6_000),
    # Few events for each item, as most shops have: item texts explain what events cannot.
    "synthetic:sparse": Shop(
        users=6_000,
        items=2_000,
        views=34_000,
        carts=0.5,
        purchases=0.8,
        popularity=0.4,
        half_life=None,
    ),
    "synthetic:large": Shop(
        users=100_000, items=20_000, views=2_000_000, shown=12, impressions=0.05
    ),
}
"""Shops that can be loaded by name."""

__all__ = [
    "SHOPS",
    "PhotoShop",
    "PhotoTruth",
    "Shop",
    "Truth",
    "draw_photographs",
    "make_photo_shop",
    "make_shop",
]
