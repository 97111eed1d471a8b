"""A shop with real photographs and simulated people, over a catalogue such as fashion-photos."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from recweave.core.errors import BadSetting
from recweave.data.problems import Problems
from recweave.data.readers import read
from recweave.data.readers.photos import photos
from recweave.data.readers.plan import Plan, Tables
from recweave.data.synthetic.photo_shop import data_card, make_photo_shop, simulate
from recweave.data.synthetic.photo_truth import PhotoShop, PhotoTruth

_USUAL = PhotoShop()


def photo_shop(
    path: Path,
    *,
    users: int = _USUAL.users,
    views: int = _USUAL.views,
    look: float = _USUAL.look,
    price: float = _USUAL.price,
    noise: float = _USUAL.noise,
    named: bool = _USUAL.named,
    seed: int = 0,
) -> Plan:
    """The photographs of `photos` with `styles.csv` beside them, and simulated people.

    Titles, types and photographs are real. Users, events, ratings, reviews and prices are simulated
    with planted tastes for types, prices, colours and patterns, and the words for colours and
    patterns are taken out of the catalogue: see `recweave.data.synthetic.PhotoShop`, whose settings
    the options are. `look = 0` plants no tastes for what is seen, as a control.
    """
    settings = {"users": users, "views": views, "look": look, "price": price, "noise": noise}
    shop, seed = _asked({**settings, "named": named, "seed": seed})
    plan = photos(path)

    def finish(tables: Tables, problems: Problems) -> Tables:
        return simulate(plan.finish(tables, problems)["items"], shop, seed)[0]

    return replace(plan, name="photo-shop", finish=finish, card=data_card(shop, seed))


def planted(path: Path, **options: Any) -> PhotoTruth:
    """What was planted in the shop that `photo_shop` reads with the same path and options.

    Raises:
        BadSetting: for an option that it does not have.
        BadInput: if the photographs cannot be read.
    """
    shop, seed = _asked(options)
    return make_photo_shop(read("photos", path), shop, seed)[1]


def _asked(options: Mapping[str, Any]) -> tuple[PhotoShop, int]:
    settings = dict(options)
    seed = settings.pop("seed", 0)
    if type(seed) is not int or seed < 0:
        raise BadSetting(f"the option seed={seed!r} of 'photo_shop': give a whole number from 0")
    return PhotoShop.parse(settings, "the source 'photo_shop'"), seed
