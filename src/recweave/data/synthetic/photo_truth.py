"""What a shop with real photographs is asked to be, and what was planted in it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator

from recweave.core.arrays import Array
from recweave.core.atomic import atomic_folder, write_json
from recweave.core.value import Value
from recweave.data.synthetic.planting import Tastes
from recweave.data.synthetic.truth import Shop
from recweave.data.synthetic.visible import COLOURS, PATTERNS

TASTE = 4.0
"""How much a taste of 1 adds to the logit of a choice."""


class PhotoShop(Value):
    """How people behave in a shop whose catalogue and photographs are real."""

    users: int = Field(3_000, ge=1, description="people")
    views: int = Field(75_000, ge=1, description="views; two for each person at least")
    look: float = Field(
        1.0, ge=0, description="strength of tastes for colours and patterns; 0: there are none"
    )
    price: float = Field(1.0, ge=0, description="how much price decides, for the most sensitive")
    noise: float = Field(0.25, ge=0, le=1, description="share of views without regard to liking")
    named: bool = Field(
        False, description="whether the catalogue names colours and patterns in words as well"
    )

    @model_validator(mode="after")
    def _can_be(self) -> "PhotoShop":
        self.behaviour(2)
        return self

    def behaviour(self, items: int) -> Shop:
        """The same as settings of visits."""
        return Shop(
            users=self.users,
            items=items,
            views=self.views,
            taste=TASTE,
            price=self.price,
            focus=2.0,
            popularity=0.4,
            noise=self.noise,
            half_life=None,
            shown=150,
            impressions=0.0,
            carts=0.5,
            purchases=0.8,
            reviews=0.6,
            regret=0.5,
        )


@dataclass(frozen=True, eq=False)
class PhotoTruth:
    """What was planted. Rows are those of the dataset's users, items, events.

    A person's taste for an item adds up: `WRONG_DEPARTMENT`, if it is made for others; `TYPE`, if
    it is of a type that they like; and `look` times `COLOUR` and `PATTERN`, with a plus for what
    they like to see and a minus for what they dislike (see `photo_shop`).

    Attributes:
        shop: What was asked for.
        seed: Of everything that is drawn.
        departments, types: Names, in the order of their places below.
        user_department: The department that each person shops in.
        liked_types: Places in `types` of what each person likes.
        liked_colours, disliked_colours: Places in `visible.COLOURS`.
        liked_pattern, disliked_pattern: Places in `visible.PATTERNS`.
        item_colour, item_pattern: The same of each item; -1 for none.
        tastes: What decided the visits.
        noise: Whether each event comes from a choice without regard to liking.
        user_ids, item_ids: The ids of the rows.
    """

    shop: PhotoShop
    seed: int
    departments: tuple[str, ...]
    types: tuple[str, ...]
    user_department: Int[Array, " users"]
    liked_types: Int[Array, "users types"]
    liked_colours: Int[Array, "users liked"]
    disliked_colours: Int[Array, "users disliked"]
    liked_pattern: Int[Array, " users"]
    disliked_pattern: Int[Array, " users"]
    item_colour: Int[Array, " items"]
    item_pattern: Int[Array, " items"]
    tastes: Tastes
    noise: Bool[Array, " events"]
    user_ids: pl.Series
    item_ids: pl.Series

    def liking(self, user: Int[Array, " users"]) -> Float[Array, "users items"]:
        """How much each of these users likes each item: the best ranking that there can be."""
        taste = self.tastes.user_taste[user] @ self.tastes.item_taste.T
        price = self.tastes.sensitivity[user, None] * self.tastes.dearness
        return np.asarray(TASTE * taste - self.shop.price * price)

    @property
    def users(self) -> pl.DataFrame:
        """The tastes of each user in words; without tastes for looks where none were planted."""
        colours, patterns = list(COLOURS), list(PATTERNS)
        table = {
            "user_id": self.user_ids,
            "department": _words(self.departments, self.user_department),
            "likes_types": _words(self.types, self.liked_types),
            "minds_prices": pl.Series(self.tastes.sensitivity),
        }
        if self.shop.look:
            table |= {
                "likes_colours": _words(colours, self.liked_colours),
                "dislikes_colours": _words(colours, self.disliked_colours),
                "likes_pattern": _words(patterns, self.liked_pattern),
                "dislikes_pattern": _words(patterns, self.disliked_pattern),
            }
        return pl.DataFrame(table)

    @property
    def items(self) -> pl.DataFrame:
        """What each item looks like, and how dear it is for its type."""
        return pl.DataFrame(
            {
                "item_id": self.item_ids,
                "colour": _words([*COLOURS, None], self.item_colour),
                "pattern": _words([*PATTERNS, None], self.item_pattern),
                "dearness": pl.Series(self.tastes.dearness),
                "quality": pl.Series(self.tastes.quality),
            }
        )

    def save(self, folder: Path) -> None:
        """Write `users.parquet`, `items.parquet` and the settings, `settings.json`.

        Raises:
            BadInput: if the folder exists already.
        """
        with atomic_folder(folder, replace=False) as draft:
            self.users.write_parquet(draft / "users.parquet")
            self.items.write_parquet(draft / "items.parquet")
            write_json(draft / "settings.json", {"seed": self.seed, **self.shop.model_dump()})


def _words(names: "tuple[str, ...] | list[str] | list[str | None]", place: Array) -> pl.Series:
    """Names by their places, -1 being the last; a list for each row of a matrix."""
    return pl.Series(np.array(names, object)[place].tolist())
