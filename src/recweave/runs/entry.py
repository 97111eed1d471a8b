"""One row of a recipe file: a model by its kind, settings, what is searched, stages."""

import re
from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import short_name
from recweave.core.value import Value
from recweave.models import RECIPES, Recipe
from recweave.rank.stages import AnyStage

RESERVED = ("kind", "variant", "search", "stages", "members")
BLEND = "blend"
"""The kind of an entry that is no model of its own but a blend of other rows."""
MOST = 10_000
"""Trials or rows that one entry may stand for; more is a mistake, and would not fit into memory."""
_NOT_IN_A_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]|\.\.')
"""A row's name is the name of a folder, on any system."""
_LONGEST = 200
"""Bytes of a row's name; with the seed and the fold after it, file systems take 255."""

Values = Annotated[list[Any], Field(min_length=1)]


class Entry(Value):
    """One model of the table: a recipe by its kind, its settings, and what may be searched."""

    kind: str = Field(
        description="a model that `recweave show` lists, package.module:Class, or blend; `name` is "
        "read as well"
    )
    variant: str = Field(
        "", description="distinguishes rows of the same model; becomes part of a folder's name"
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="the recipe's settings")
    search: dict[str, Values] = Field(
        default_factory=dict, description="values to try; validation chooses"
    )
    stages: tuple[AnyStage, ...] = Field((), description="steps after retrieval, in order")
    members: tuple[str, ...] = Field(
        (), description="of a blend: rows above, whose weights are learned on validation"
    )

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, data: Any) -> Any:
        """In the file the recipe's settings stand next to the kind, not in a table of their own."""
        if not isinstance(data, dict):
            return data
        if "name" in data and "kind" in data:
            raise ValueError("'kind' and 'name' both say which model; keep 'kind'")
        known = {("kind" if key == "name" else key): value for key, value in data.items()}
        if "settings" in known:
            return known
        own = {key: known[key] for key in RESERVED if key in known}
        return own | {"settings": {k: v for k, v in known.items() if k not in RESERVED}}

    @field_validator("variant")
    @classmethod
    def _in_a_folder_name(cls, variant: str) -> str:
        found = _NOT_IN_A_NAME.search(variant)
        if found:
            raise ValueError(
                f"a variant becomes the name of a folder, which cannot hold {found[0]!r}; use "
                "letters, digits, '-', '_', '=' and '.'"
            )
        return variant

    @model_validator(mode="after")
    def _is_a_row(self) -> "Entry":
        if (self.kind == BLEND) != bool(self.members):
            raise ValueError("a blend, and nothing else, has 'members': rows that stand above it")
        if self.members and (extra := [*self.settings, *self.search]):
            raise ValueError(f"a blend has no setting '{extra[0]}'; it takes members and stages")
        if len(self.row.encode()) > _LONGEST:
            raise ValueError(
                f"the row's name '{self.row[:40]}…' is longer than {_LONGEST} bytes; set a "
                "shorter 'variant'"
            )
        return self

    @property
    def row(self) -> str:
        """The name of the row: the model's (of a path, the class), with any variant."""
        name = short_name(self.kind)
        return f"{name}-{self.variant}" if self.variant else name

    def recipes(self) -> list[Recipe]:
        """Every combination of what may be searched; one where nothing is, none of a blend.

        Raises:
            BadSetting, UnknownName: for a model, a key or a value that is not known.
        """
        if self.kind == BLEND:
            return []
        try:
            kind = RECIPES[self.kind]
        except (BadSetting, UnknownName) as error:
            raise BadSetting(str(error), at=("kind",)) from None
        where = f"model '{self.kind}'"
        both = set(self.search) & set(self.settings)
        if both:
            key = min(both)
            raise BadSetting(f"{where}: '{key}' is set and searched; keep one of the two", at=[key])
        _refuse_too_many(self.search, "search", "trials")
        tried = [
            dict(zip(self.search, values, strict=True)) for values in product(*self.search.values())
        ]
        return [kind.parse(self.settings | values, where) for values in tried]


def rows_of(entry: Any) -> list[Any]:
    """The entries that one of the file stands for: `each = { k = [5, 10] }` makes k=5 and k=10.

    Raises:
        BadSetting: if `each` is no table of lists, at the key.
    """
    each = entry.get("each") if isinstance(entry, dict) else None
    if each is None:
        return [entry]
    if not isinstance(each, dict) or not each:
        raise BadSetting(
            f"'each' is {each!r}: write a table of lists, such as {{ k = [5, 10] }}", at=("each",)
        )
    for key, values in each.items():
        if not isinstance(values, list) or not values:
            raise BadSetting(
                f"'each.{key}' is {values!r}: write a list of the values that make a row each",
                at=("each", key),
            )
        if key == "variant":
            raise BadSetting(
                "'each.variant': the rows of `each` are named after its other keys; leave "
                "'variant' out of it, or write an entry under [[models]] for each variant",
                at=("each", key),
            )
        if key in entry:
            raise BadSetting(
                f"'each.{key}': '{key}' is set by `each` and by its entry; keep one of the two",
                at=("each", key),
            )
    _refuse_too_many(each, "each", "rows")
    rest = {key: value for key, value in entry.items() if key != "each"}
    rows = []
    for values in product(*each.values()):
        parts = [_NOT_IN_A_NAME.sub("_", f"{k}={v}") for k, v in zip(each, values, strict=True)]
        variant = rest.get("variant", "")
        if isinstance(variant, str):  # what else it is, is refused where variants are checked
            variant = "-".join(filter(None, [variant, *parts]))
        rows.append({**rest, **dict(zip(each, values, strict=True)), "variant": variant})
    return rows


def _refuse_too_many(values: Mapping[str, list[Any]], key: str, what: str) -> None:
    count = prod(len(one) for one in values.values())
    if count > MOST:
        raise BadSetting(
            f"'{key}' makes {count:,} {what}; list fewer values, {MOST:,} {what} at most", at=(key,)
        )
