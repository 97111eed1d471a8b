"""A shop with real photographs: people with known tastes are let into a real catalogue.

The catalogue's titles, types and photographs are real; users, events, ratings, reviews and prices
are simulated. Tastes for colours and patterns go by what people saw on the photographs; the words
for it are taken out of the catalogue, so that only the pictures show it.
"""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput
from recweave.data.dataset import Dataset
from recweave.data.synthetic.photo_reviews import write_reviews
from recweave.data.synthetic.photo_truth import PhotoShop, PhotoTruth
from recweave.data.synthetic.planting import Rng, Tastes
from recweave.data.synthetic.shop import event_table, ids_of
from recweave.data.synthetic.truth import OPENING
from recweave.data.synthetic.visible import (
    COLOUR,
    COLOURS,
    PATTERNS,
    colours_of,
    patterns_of,
    without_looks,
)
from recweave.data.synthetic.visits import RATING, act, visit
from recweave.data.vocabulary import in_hash_order

WRONG_DEPARTMENT, TYPE, COLOUR_TASTE, PATTERN_TASTE = -1.0, 0.6, 0.6, 0.3
"""What is added to a taste for an item that is made for others, is of a liked type, shows a liked
colour or a liked pattern; colours and patterns that are disliked subtract as much."""

LIKED_TYPES, LIKED_COLOURS, DISLIKED_COLOURS = 3, 2, 2

FOR_ALL = "Unisex"
"""The department whose items suit everybody."""

USUAL = {"Footwear": 55.0, "Apparel": 25.0, "Accessories": 35.0, "Personal Care": 12.0}
OTHER = 20.0
"""Prices about which those of a type lie, by the first category."""


def make_photo_shop(
    catalogue: Dataset,
    shop: PhotoShop = PhotoShop(),  # noqa: B008
    seed: int = 0,
) -> tuple[Dataset, PhotoTruth]:
    """Let people into a catalogue with photographs, such as `load("fashion-photos")`.

    Args:
        catalogue: Items with `baseColour`, titles and categories; `gender` where there is one.
            Tables other than items are not read.
        shop: What people are asked to be.
        seed: Of everything that is drawn; equal seeds give equal shops.

    Returns:
        The dataset, and what was planted, which no model must see.

    Raises:
        BadInput: if the catalogue names no colours, or has fewer than two items.
    """
    tables, truth = simulate(catalogue.items, shop, seed)
    source = f"{catalogue.source}: {data_card(shop, seed)}"
    dataset = Dataset("photo-shop", source=source, licence=catalogue.licence)
    return dataset.replace(**tables), truth


def data_card(shop: PhotoShop, seed: int) -> str:
    """What of a shop is real and what is not, for its data card."""
    planted = f"tastes for colours and patterns of strength {shop.look:g}"
    return (
        "titles, types and photographs are real; SIMULATED are users, views, purchases, ratings, "
        f"reviews and prices, with {planted if shop.look else 'no tastes for looks'} "
        f"({shop.users:,} users, {shop.views:,} views, seed {seed})"
    )


def simulate(
    items: pl.DataFrame, shop: PhotoShop, seed: int
) -> tuple[dict[str, pl.DataFrame], PhotoTruth]:
    """The tables of the shop, and what was planted; see `make_photo_shop`."""
    if len(items) < 2:
        raise BadInput("a shop needs two items at least; read a larger catalogue")
    # In the order of a dataset's rows, so that what was planted has the same rows.
    item_ids = in_hash_order(items["item_id"])
    items = pl.DataFrame({"item_id": item_ids}).join(items, "item_id", maintain_order="left")
    user_ids = in_hash_order(ids_of("user", shop.users))
    streams = iter(np.random.default_rng(seed).spawn(5))  # so that no part disturbs another
    price, dearness = _prices(items, next(streams))
    planted = _plant(items, shop, dearness, next(streams))
    behaviour = shop.behaviour(len(items))
    visits = next(streams)
    views = visit(behaviour, planted["tastes"], visits)
    events = act(behaviour, planted["tastes"], views, visits)
    truth = PhotoTruth(
        shop, seed, **planted, noise=events.noise, user_ids=user_ids, item_ids=item_ids
    )
    rated = events.behavior == RATING
    table = event_table(events, user_ids, item_ids)
    user, item = events.user[rated], events.item[rated]
    text = write_reviews(truth, user, item, events.value[rated], next(streams))
    reviews = table.filter(pl.Series(rated)).select(
        "user_id", "item_id", "time", rating="value", text=text
    )
    tables = {
        "events": table,
        "reviews": reviews,
        "items": _catalogue(items, shop, price),
        "users": pl.DataFrame({"user_id": user_ids}),
    }
    return tables, truth


def _plant(
    items: pl.DataFrame, shop: PhotoShop, dearness: Float[Array, " items"], rng: Rng
) -> dict[str, Any]:
    """The tastes of people, for what is written of items and for what is seen of them."""
    count, users = len(items), shop.users
    gender = items["gender"] if "gender" in items.columns else pl.Series([FOR_ALL] * count)
    departments, department = _numbered(gender.fill_null(FOR_ALL))
    types, kind = _numbered(items["categories"].list.last().fill_null("other"))
    aisle = _numbered(items["categories"].list.first().fill_null("other"))[1]
    colour, pattern = colours_of(items), patterns_of(items["title"])

    suits = (np.array(departments) == FOR_ALL) | np.eye(len(departments), dtype=bool)
    own = [place for place, name in enumerate(departments) if name != FOR_ALL] or [0]
    size = np.bincount(department, minlength=len(departments))
    home = np.array(own)[_likely(np.log(size[own])[None].repeat(users, 0), 1, rng)[:, 0]]
    within = np.array([np.bincount(kind[suit[department]], minlength=len(types)) for suit in suits])
    liked_types = _likely(np.log(within[home] + 1e-9), LIKED_TYPES, rng)
    seen = np.bincount(colour[colour >= 0], minlength=len(COLOURS)).astype(float)
    seen = np.log(seen + 1e-9)[None].repeat(users, 0)
    colours = _likely(0.5 * seen, LIKED_COLOURS + DISLIKED_COLOURS, rng)
    liked, disliked = np.split(colours, [LIKED_COLOURS], axis=1)
    patterns = _likely(np.zeros((users, len(PATTERNS))), 2, rng)

    user_taste = np.hstack(
        [
            WRONG_DEPARTMENT * ~suits[home],
            TYPE * _marked(liked_types, len(types)),
            shop.look
            * COLOUR_TASTE
            * (_marked(liked, len(COLOURS)) - _marked(disliked, len(COLOURS))),
            shop.look
            * PATTERN_TASTE
            * (_marked(patterns[:, :1], len(PATTERNS)) - _marked(patterns[:, 1:], len(PATTERNS))),
        ]
    )
    item_taste = np.hstack(
        [
            _marked(place[:, None], size)
            for place, size in (
                (department, len(departments)),
                (kind, len(types)),
                (colour, len(COLOURS)),
                (pattern, len(PATTERNS)),
            )
        ]
    )
    tastes = Tastes(
        user_taste=user_taste.astype(np.float32),
        item_taste=item_taste.astype(np.float32),
        sensitivity=rng.random(users, np.float32),
        dearness=dearness,
        quality=rng.standard_normal(count, np.float32),
        weight=(1.0 + rng.permutation(count)) ** -shop.behaviour(count).popularity,
        born=np.full(count, OPENING),
        category=aisle,
    )
    return {
        "departments": departments,
        "types": types,
        "user_department": home,
        "liked_types": liked_types,
        "liked_colours": liked,
        "disliked_colours": disliked,
        "liked_pattern": patterns[:, 0],
        "disliked_pattern": patterns[:, 1],
        "item_colour": colour,
        "item_pattern": pattern,
        "tastes": tastes,
    }


def _prices(items: pl.DataFrame, rng: Rng) -> tuple[Float[Array, " items"], Float[Array, " items"]]:
    """Prices, and their logs against the usual price of the type, standard normal in [-2, 2]."""
    aisle = items["categories"].list.first()
    usual = aisle.replace_strict(USUAL, default=OTHER, return_dtype=pl.Float64).to_numpy()
    types, kind = _numbered(items["categories"].list.last().fill_null("other"))
    dearness = np.clip(rng.standard_normal(len(items)), -2, 2).astype(np.float32)
    level = rng.lognormal(sigma=0.4, size=len(types))[kind]
    return np.round(usual * level * np.exp(0.5 * dearness), 2), dearness


def _catalogue(items: pl.DataFrame, shop: PhotoShop, price: Float[Array, " items"]) -> pl.DataFrame:
    items = items.with_columns(price=pl.Series(price))
    if shop.named:
        return items
    return items.drop(COLOUR).with_columns(title=without_looks(items["title"]))


def _numbered(names: pl.Series) -> tuple[tuple[str, ...], Int[Array, " rows"]]:
    """The distinct names in alphabetical order, and the place of each row's."""
    distinct, place = np.unique(names.to_numpy().astype(str), return_inverse=True)
    return tuple(distinct.tolist()), place.reshape(-1)


def _likely(log_weight: Float[Array, "rows things"], k: int, rng: Rng) -> Int[Array, "rows k"]:
    """k different things for each row, drawn by weight (the Gumbel top-k trick)."""
    drawn = log_weight + rng.gumbel(size=log_weight.shape)
    return np.argsort(-drawn, axis=1, kind="stable")[:, :k]


def _marked(place: Int[Array, "rows k"], size: int) -> Float[Array, "rows size"]:
    """1 at each of the places of a row; none for a place of -1."""
    marks = np.zeros((len(place), size + 1))
    np.put_along_axis(marks, place, 1.0, axis=1)
    return marks[:, :size]
