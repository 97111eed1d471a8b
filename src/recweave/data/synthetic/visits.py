"""What people do in the made-up shop: visits, what they look at, put aside, buy and rate.

A person looks at one of `shop.shown` items. Which these are is drawn by the attention that items
draw at that moment; which of them is chosen, by a logit of the person's liking (McFadden 1974).
Noise is a choice by chance alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.data.schema import BEHAVIORS
from recweave.data.synthetic.planting import Rng, Tastes
from recweave.data.synthetic.truth import DAY, OPENING, Shop

VISIT = 4
"""Views of a visit, on average."""

MINUTES = 30
"""Length of a visit."""

CART_NOISE = 1 / 3
"""Share of noise in carts, of that in views; at least."""

BLOCK = 20_000_000
"""Numbers of tastes of items shown that are compared at a time."""

VIEW, CART, PURCHASE, RATING = (
    BEHAVIORS.index(name) for name in ("view", "cart", "purchase", "rating")
)


@dataclass(frozen=True, eq=False)
class Views:
    """Views in order of time.

    Attributes:
        user, item, time: Who looked at what, and when (seconds since 1970).
        noise: Whether the choice was by chance.
        shown: What each was chosen from, some items more than once.
    """

    user: Int[Array, " views"]
    item: Int[Array, " views"]
    time: Int[Array, " views"]
    noise: Bool[Array, " views"]
    shown: Int[Array, "views shown"]


@dataclass(frozen=True, eq=False)
class Events:
    """All events in order of time; `value` is a rating or 1."""

    user: Int[Array, " events"]
    item: Int[Array, " events"]
    behavior: Int[Array, " events"]
    value: Float[Array, " events"]
    time: Int[Array, " events"]
    noise: Bool[Array, " events"]


def visit(shop: Shop, planted: Tastes, rng: Rng) -> Views:
    """People come in, are shown things, and look at some."""
    count = 2 + rng.multinomial(shop.views - 2 * shop.users, _shares(shop.users, rng))
    user = np.repeat(np.arange(shop.users, dtype=np.int32), count)
    visits = -(-count // VISIT)
    first = np.cumsum(visits) - visits
    which = first[user] + (rng.random(len(user)) * visits[user]).astype(np.int64)
    start = rng.integers(0, shop.days * DAY, visits.sum())
    about = rng.integers(int(planted.category.max()) + 1, size=visits.sum())[which]
    time = OPENING + start[which] + rng.integers(0, MINUTES * 60, len(user))
    order = np.argsort(time, kind="stable")
    user, time, about = user[order], time[order], about[order]
    noise = np.zeros(len(user), bool)
    noise[rng.permutation(len(user))[: round(shop.noise * len(user))]] = True
    shown = _attention(shop, planted, time, rng)
    item = np.empty(len(user), np.int32)
    for block in _blocks(shop, planted, len(user)):
        offered = shown[block]
        pull = liking(shop, planted, user[block, None], offered)
        pull += shop.focus * (planted.category[offered] == about[block, None])
        pull[noise[block]] = 0
        best = (pull + rng.gumbel(size=pull.shape)).argmax(axis=1)
        item[block] = offered[np.arange(len(offered)), best]
    return Views(user, item, time, noise, shown)


def liking(
    shop: Shop, planted: Tastes, user: Int[Array, "..."], item: Int[Array, "..."]
) -> Float[Array, "..."]:
    """How much each user likes each item; shapes are broadcast."""
    taste = np.einsum("...d,...d->...", planted.user_taste[user], planted.item_taste[item])
    price = planted.sensitivity[user] * planted.dearness[item]
    return np.asarray(shop.taste * taste - shop.price * price)


def act(shop: Shop, planted: Tastes, views: Views, rng: Rng) -> Events:
    """Carts, purchases and ratings that follow from the views: the more liked, the likelier.

    Only the first view of an item can lead to a cart, so nobody buys a thing twice.
    """
    pair = views.user.astype(np.int64) * shop.items + views.item
    likely = liking(shop, planted, views.user, views.item) + rng.gumbel(size=len(pair))
    likely[views.noise] = rng.gumbel(size=int(views.noise.sum()))
    first = np.unique(pair, return_index=True)[1]
    carts = round(shop.carts * len(pair))
    regret = max(CART_NOISE, shop.regret)
    carted = _draw(first, likely, views.noise, carts, shop.noise * regret)
    purchases = round(shop.purchases * len(carted))
    bought = _draw(carted, likely, views.noise, purchases, shop.noise * shop.regret)
    rated = np.sort(rng.permutation(bought)[: round(shop.reviews * len(bought))])
    wait = rng.integers(30, 600, len(pair))
    stages = [
        (np.arange(len(pair)), VIEW, 0),
        (carted, CART, wait[carted]),
        (bought, PURCHASE, 3 * wait[bought]),
        (rated, RATING, wait[rated] * 3600),  # up to 25 days
    ]
    event = np.concatenate([rows for rows, _, _ in stages])
    time = np.concatenate([views.time[rows] + later for rows, _, later in stages])
    behavior = np.concatenate([np.full(len(rows), code, np.int8) for rows, code, _ in stages])
    value = np.ones(len(event), np.float32)
    value[behavior == RATING] = _ratings(planted, views.user[rated], views.item[rated], rng)
    order = np.argsort(time, kind="stable")
    event = event[order]
    return Events(
        user=views.user[event],
        item=views.item[event],
        behavior=behavior[order],
        value=value[order],
        time=time[order],
        noise=views.noise[event],
    )


def _blocks(shop: Shop, planted: Tastes, rows: int) -> Iterator[slice]:
    size = max(1, BLOCK // (shop.shown * planted.item_taste.shape[1]))
    return (slice(at, at + size) for at in range(0, rows, size))


def _shares(users: int, rng: Rng) -> Float[Array, " users"]:
    activity = rng.lognormal(sigma=1.0, size=users)
    return np.asarray(activity / activity.sum())


def _attention(
    shop: Shop, planted: Tastes, time: Int[Array, " views"], rng: Rng
) -> Int[Array, "views shown"]:
    """Items drawn by the attention that each draws at that time, half as much each half-life.

    The share of an item born at b is w · 2^((b - t) / h) among those born before t. As 2^(-t / h)
    is common to all, one running sum over the items by age serves every moment.
    """
    oldest = np.argsort(planted.born, kind="stable")
    pull = planted.weight[oldest]
    if shop.half_life is not None:
        pull = pull * np.exp2((planted.born[oldest] - OPENING) / (shop.half_life * DAY))
    total = np.cumsum(pull)
    there = np.searchsorted(planted.born[oldest], time, side="right")
    shown = np.empty((len(time), shop.shown), np.int32)
    for block in _blocks(shop, planted, len(time)):
        alive = there[block, None]
        drawn = rng.random((len(alive), shop.shown)) * total[alive - 1]
        shown[block] = oldest[np.minimum(np.searchsorted(total, drawn, side="right"), alive - 1)]
    return shown


def _draw(
    rows: Int[Array, " rows"],
    likely: Float[Array, " views"],
    noise: Bool[Array, " views"],
    size: int,
    noise_share: float,
) -> Int[Array, " drawn"]:
    """The likeliest of these views, so many of them noise that the share comes out."""
    noisy = min(round(size * noise_share), int(noise[rows].sum()))
    found = []
    for mask, count in ((noise[rows], noisy), (~noise[rows], size - noisy)):
        pool = rows[mask]
        found.append(pool[np.argsort(-likely[pool], kind="stable")[:count]])
    return np.sort(np.concatenate(found))


def _ratings(
    planted: Tastes, user: Int[Array, " rated"], item: Int[Array, " rated"], rng: Rng
) -> Float[Array, " rated"]:
    """One to five stars: by taste first, then quality, price and mood."""
    taste = np.einsum("nd,nd->n", planted.user_taste[user], planted.item_taste[item])
    price = planted.sensitivity[user] * planted.dearness[item]
    mood = rng.normal(0, 0.4, len(user))
    stars = 2.5 + 2.2 * taste + 0.5 * planted.quality[item] - 0.6 * price + mood
    return np.asarray(np.clip(np.rint(stars), 1, 5), np.float32)
