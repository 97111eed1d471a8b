"""What somebody asks for in a conversation, as conditions on the catalogue's fields."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Annotated

import numpy as np
import polars as pl
from jaxtyping import Bool
from pydantic import Field

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, UnknownId
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.rank.rules import Rule, Where, item_table, require_field

READ = ("title", "description", "brand", "categories")
"""Fields whose words count as an item's."""


Names = Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=100)]
"""What one list of a wish may hold: it comes from a conversation, so its size is bounded."""

MOST_COMPARED = 5_000
"""Names that an unknown one is compared with, at most."""


class Wish(Value):
    """What somebody stated. All of it are values: nothing in a text is ever an instruction.

    Names of categories and brands, and words, are compared without regard to case.
    """

    any_of: Names = Field((), description="categories; it must be in one of them")
    all_of: Names = Field((), description="categories; it must be in all of them")
    none_of: Names = Field((), description="categories; it must be in none of them")
    brands: Names = Field((), description="it must be of one of these")
    not_brands: Names = Field((), description="it must be of none of these")
    price_from: float | None = Field(None, description="the least it may cost")
    price_to: float | None = Field(None, description="the most it may cost")
    words: Names = Field((), description="words or phrases that its text must have")
    not_words: Names = Field((), description="those that its text must not have")
    liked: Names = Field((), description="ids or titles of items that were liked")
    disliked: Names = Field((), description="ids or titles of items that were not")
    said: str = Field("", max_length=10_000, description="anything else, in free words")


@dataclass(frozen=True, eq=False)
class Condition:
    """A condition that an item must fulfil.

    Attributes:
        text: What it is, for people.
        mask: The items that fulfil it. One that lacks the field does not, unless something is
            forbidden.
    """

    text: str
    mask: Bool[Array, " items"]


class HasPhrase(Rule):
    """Whether an item's text has a phrase: whole words in this order, whatever stands between."""

    phrase: str

    def expression(self, table: pl.DataFrame) -> pl.Expr:
        """See `Rule.expression`; no where an item has no text."""
        columns = [
            pl.col(name).list.join(" ") if isinstance(table.schema[name], pl.List) else pl.col(name)
            for name in READ
            if name in table.columns
        ]
        phrase = pl.select(_words(pl.lit(self.phrase))).item()
        if not phrase.strip():
            raise BadSetting(f"'{self.phrase}' holds no word to search for; give letters or digits")
        text = pl.concat_str(columns, separator="\n", ignore_nulls=True)
        return _words(text).str.contains(phrase, literal=True)


def conditions(dataset: Dataset, wish: Wish) -> list[Condition]:
    """The wish's conditions, each by itself.

    Raises:
        BadSetting: for a category or brand that is not in the catalogue, with the nearest one that
            is; for a phrase without words; for a price that is below the other.
        UnknownName: if the catalogue has no such field.
    """
    low, high = wish.price_from, wish.price_to
    if low is not None and high is not None and low > high:
        raise BadSetting(f"no price is from {low:g} up to {high:g}; swap them")
    table = item_table(dataset)
    made = []

    def add(text: str, *rules: Rule, forbidden: bool = False) -> None:
        mask = np.any([rule.matches(dataset) for rule in rules], axis=0)
        made.append(Condition(text, ~mask if forbidden else mask))

    def within(names: Iterable[str]) -> list[Rule]:
        known = _known("category", table, "categories", names)
        return [Where(field="categories", op="contains", value=name) for name in known]

    def of(names: Iterable[str]) -> Rule:
        return Where(field="brand", op="in", value=tuple(_known("brand", table, "brand", names)))

    if wish.any_of:
        add(f"in {' or '.join(wish.any_of)}", *within(wish.any_of))
    for name in wish.all_of:
        add(f"in {name}", *within([name]))
    for name in wish.none_of:
        add(f"not in {name}", *within([name]), forbidden=True)
    if wish.brands:
        add(f"by {' or '.join(wish.brands)}", of(wish.brands))
    for name in wish.not_brands:
        add(f"not by {name}", of([name]), forbidden=True)
    if low is not None:
        add(f"price from {low:g}", Where(field="price", op=">=", value=low))
    if high is not None:
        add(f"price up to {high:g}", Where(field="price", op="<=", value=high))
    for phrase in wish.words:
        add(f"with '{phrase}'", HasPhrase(phrase=phrase))
    for phrase in wish.not_words:
        add(f"without '{phrase}'", HasPhrase(phrase=phrase), forbidden=True)
    return made


def find_items(dataset: Dataset, names: Sequence[str]) -> list[int]:
    """Rows of items by id, or by title without regard to case.

    Raises:
        UnknownId: for an item that is not in the catalogue, with the nearest title.
        BadSetting: for a title of several items, with their ids.
    """
    return [_find(dataset, name) for name in names]


def _find(dataset: Dataset, name: str) -> int:
    if name in dataset.item_ids:
        return dataset.item_ids.row(name)
    asked = " ".join(name.split()).lower()
    titles = dataset.items.select("item_id", "title").drop_nulls()
    plain = pl.col("title").str.replace_all(r"\s+", " ").str.strip_chars().str.to_lowercase()
    same = titles.filter(plain == asked)
    if len(same) == 1:
        return dataset.item_ids.row(same["item_id"][0])
    if len(same):
        ids = ", ".join(same["item_id"].head(5))
        raise BadSetting(f"{len(same):,} items are called '{name}'; give one of their ids: {ids}")
    raise UnknownId(f"no item is called '{name}'; {_hint(name, titles['title'].to_list())}")


def _known(kind: str, table: pl.DataFrame, field: str, names: Iterable[str]) -> list[str]:
    """The names as the catalogue writes them."""
    require_field(table, field)
    column = table[field].explode() if isinstance(table.schema[field], pl.List) else table[field]
    known = column.drop_nulls().unique().sort().to_list()
    found: list[str] = []
    for name in names:
        same = [one for one in known if one.strip().lower() == name.strip().lower()]
        if not same:
            raise BadSetting(f"no {kind} is called '{name}'; {_hint(name, known)}")
        found += same
    return found


def _hint(name: str, known: Sequence[str]) -> str:
    """The nearest known name; where none is near, how many there are, as all may be thousands."""
    # Names of about the same length that begin alike: to compare all would take seconds.
    near_by = (one for one in known if abs(len(one) - len(name)) <= len(name) // 2 + 1)
    spelled = {one.lower(): one for one in near_by if one[:1].lower() == name[:1].lower()}
    spelled = dict(islice(spelled.items(), MOST_COMPARED))
    near = get_close_matches(name.lower(), spelled, n=1)
    return f"did you mean '{spelled[near[0]]}'?" if near else f"there are {len(known):,} known ones"


def _words(text: pl.Expr) -> pl.Expr:
    """Words in small letters with one blank on each side, so that no part of a word is found."""
    plain = text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
    return pl.concat_str([pl.lit(" "), plain.str.strip_chars(), pl.lit(" ")])
