"""Titles, descriptions and reviews whose words tell tastes, likings and prices.

All texts of a kind are written at once, from templates whose slots are columns.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.data.synthetic.lexicon import (
    ASPECTS,
    BLAME,
    BRANDS,
    CATEGORIES,
    COLOURS,
    DESCRIPTIONS,
    OPENINGS,
    PRAISE,
    PRICE_TAGS,
    REMARKS,
    STYLES,
    TITLES,
)
from recweave.data.synthetic.planting import TAG_AT, Planted, Rng, Tastes
from recweave.data.synthetic.truth import Shop

SPOKEN = 0.6
"""Share of reviews that speak of the price."""

GOOD, BAD = 4, 2
"""Stars from which, and up to which, a review is good or bad."""

_WORDS = np.array(list(STYLES.values()))
_BRANDS = np.array([BRANDS[style] for style in STYLES])


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What reviews have to say before they are written; see `Truth`.

    Attributes:
        mood: A place in `OPENINGS`: bad, mixed or good.
        liked, disliked, remark: See `Truth`.
    """

    mood: Int[Array, " reviews"]
    liked: Int[Array, " reviews"]
    disliked: Int[Array, " reviews"]
    remark: Int[Array, " reviews"]


def name_items(shop: Shop, planted: Planted, rng: Rng) -> pl.DataFrame:
    """Title, description and brand of each item, telling of its taste, kind and colour."""
    everything = np.arange(shop.items)
    brand = rng.integers(_BRANDS.shape[1], size=shop.items)
    slots = _slots(shop, planted, everything, rng).with_columns(
        colour=_named(list(COLOURS), planted.colour),
        brand=pl.Series(_BRANDS[planted.item_group, brand]),
    )
    return pl.DataFrame(
        {
            "title": _write(TITLES, slots, rng),
            "description": _write(DESCRIPTIONS, slots, rng),
            "brand": slots["brand"],
        }
    )


def review(
    shop: Shop, planted: Planted, item: Int[Array, " reviews"], verdicts: Verdicts, rng: Rng
) -> pl.Series:
    """A text for each rating: how the item is, what is good and bad of it, and of its price."""
    slots = _slots(shop, planted, item, rng)
    return join_sentences(
        [choose(OPENINGS, verdicts.mood, slots, rng), *particulars(verdicts, rng)]
    )


def judge(
    planted: Tastes,
    user: Int[Array, " reviews"],
    item: Int[Array, " reviews"],
    stars: Float[Array, " reviews"],
    rng: Rng,
) -> Verdicts:
    """What people praise and blame, the more of it the more stars; and what they say of prices."""
    mood = np.searchsorted([BAD, GOOD - 1], stars)  # bad, mixed, good
    praised = rng.random(len(stars)) < np.array([0.1, 0.5, 0.8])[mood]
    blamed = rng.random(len(stars)) < np.array([0.8, 0.5, 0.1])[mood]
    aspect = rng.integers(len(ASPECTS), size=len(stars))
    other = (aspect + rng.integers(1, len(ASPECTS), size=len(stars))) % len(ASPECTS)
    felt = planted.dearness[item] + 0.5 * (planted.sensitivity[user] - 0.5)
    felt = felt + rng.normal(0, 0.2, len(stars))
    spoken = rng.random(len(stars)) < SPOKEN
    liked, disliked = np.where(praised, aspect, -1), np.where(blamed, other, -1)
    remark = np.where(spoken, np.searchsorted([-TAG_AT, TAG_AT], felt), -1)
    return Verdicts(mood, liked, disliked, remark)


def particulars(verdicts: Verdicts, rng: Rng) -> list[pl.Series]:
    """Sentences on what is good, what is bad, and the price; null where nothing is said."""
    nothing = pl.DataFrame({"row": np.arange(len(verdicts.remark))})
    return [
        _aspects(PRAISE, verdicts.liked, rng),
        _aspects(BLAME, verdicts.disliked, rng),
        choose({tag: REMARKS[tag] for tag in PRICE_TAGS}, verdicts.remark, nothing, rng),
    ]


def join_sentences(parts: Sequence[pl.Series]) -> pl.Series:
    """The sentences of each row, one after the other."""
    return pl.select(pl.concat_str(parts, separator=" ", ignore_nulls=True)).to_series()


def _slots(shop: Shop, planted: Planted, item: Int[Array, " rows"], rng: Rng) -> pl.DataFrame:
    """What the templates may name of each item: its kind, and three words for its taste."""
    pull = shop.clarity * planted.item_taste[item] @ planted.centre.T
    words = {}
    begin = rng.integers(_WORDS.shape[1], size=len(item))
    for place, slot in enumerate(("first", "second", "third")):
        style = (pull + rng.gumbel(size=pull.shape)).argmax(axis=1)
        # Steps of three through ten words: no word comes twice.
        words[slot] = pl.Series(_WORDS[style, (begin + 3 * place) % _WORDS.shape[1]])
    return pl.DataFrame(words | {"noun": _named(list(CATEGORIES), planted.category[item])})


def _aspects(templates: Sequence[str], aspect: Int[Array, " rows"], rng: Rng) -> pl.Series:
    """A sentence on each aspect; null where it is -1."""
    named = pl.DataFrame({"aspect": _named([*ASPECTS, ""], aspect)})
    return pl.select(
        pl.when(pl.Series(aspect >= 0)).then(_write(templates, named, rng))
    ).to_series()


def choose(
    templates: Mapping[str, Sequence[str]], kind: Int[Array, " rows"], slots: pl.DataFrame, rng: Rng
) -> pl.Series:
    """A text of the kind that each row asks for; null where it is -1."""
    kinds = [
        pl.when(pl.Series(kind == place)).then(_write(phrases, slots, rng))
        for place, phrases in enumerate(templates.values())
    ]
    return pl.select(pl.coalesce(kinds)).to_series()


def _write(templates: Sequence[str], slots: pl.DataFrame, rng: Rng) -> pl.Series:
    """A text for each row, from a template drawn for it."""
    drawn = pl.Series(rng.integers(len(templates), size=len(slots)))
    texts = []
    for place, template in enumerate(templates):
        names = re.findall(r"\{(\w+)\}", template)
        plain = re.sub(r"\{\w+\}", "{}", template)
        texts.append(pl.when(drawn == place).then(pl.format(plain, *names)))
    return slots.select(pl.coalesce(texts)).to_series()


def _named(names: Sequence[str], place: Int[Array, " rows"]) -> pl.Series:
    return pl.Series(np.array(names)[place])
