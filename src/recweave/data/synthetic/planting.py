"""The truths of a made-up shop that are there before anybody comes in."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, unit_rows
from recweave.data.synthetic.lexicon import CATEGORIES, COLOURS
from recweave.data.synthetic.truth import DAY, OPENING, Shop

Rng = np.random.Generator

TAG_AT = 0.67
"""Dearness that makes an item cheap below and overpriced above: about a quarter each."""

OLDEST = 4
"""Age of the oldest items when the log begins, in half-lives."""


@dataclass(frozen=True, eq=False)
class Tastes:
    """What decides what people look at, buy and rate; see `Truth` for what each is."""

    user_taste: Float[Array, "users dim"]
    item_taste: Float[Array, "items dim"]
    sensitivity: Float[Array, " users"]
    dearness: Float[Array, " items"]
    quality: Float[Array, " items"]
    weight: Float[Array, " items"]
    born: Int[Array, " items"]
    category: Int[Array, " items"]


@dataclass(frozen=True, eq=False)
class Planted(Tastes):
    """People and things of the made-up shop; see `Truth` for what each is."""

    centre: Float[Array, "groups dim"]
    user_group: Int[Array, " users"]
    item_group: Int[Array, " items"]
    price_tag: Int[Array, " items"]
    colour: Int[Array, " items"]


def plant(shop: Shop, rng: Rng) -> Planted:
    """Draw people and things. Groups are of equal size; what is not said to be tied is not."""
    items, users = shop.items, shop.users
    centre = np.linalg.qr(rng.standard_normal((shop.dim, shop.groups)))[0].T.astype(np.float32)
    user_group, item_group = (rng.permutation(n) % shop.groups for n in (users, items))
    dearness = np.clip(rng.standard_normal(items), -2, 2)
    return Planted(
        centre=centre,
        user_group=user_group,
        item_group=item_group,
        user_taste=_around(centre[user_group], shop.spread, rng),
        item_taste=_around(centre[item_group], shop.spread, rng),
        sensitivity=rng.random(users, np.float32),
        dearness=dearness.astype(np.float32),
        price_tag=np.searchsorted([-TAG_AT, TAG_AT], dearness),
        quality=rng.standard_normal(items, np.float32),
        weight=(1.0 + rng.permutation(items)) ** -shop.popularity,
        born=_births(shop, rng),
        category=rng.permutation(items) % len(CATEGORIES),
        colour=rng.integers(len(COLOURS), size=items),
    )


def _around(centre: Float[Array, "rows dim"], spread: float, rng: Rng) -> Float[Array, "rows dim"]:
    """Unit vectors at about the distance `spread` from their centres."""
    away = rng.standard_normal(centre.shape, np.float32) / np.sqrt(centre.shape[1])
    return np.asarray(unit_rows(centre + spread * away), np.float32)


def _births(shop: Shop, rng: Rng) -> Int[Array, " items"]:
    """Evenly over the log and the time before it, in which the oldest have faded to a sixteenth."""
    if shop.half_life is None:
        return np.full(shop.items, OPENING)
    days = np.linspace(-OLDEST * shop.half_life, shop.days, shop.items, endpoint=False)
    return OPENING + (rng.permutation(days) * DAY).astype(np.int64)
