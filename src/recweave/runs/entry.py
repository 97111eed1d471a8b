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

RESERVED = ("kind", "variant", "row", "search", "stages", "members", "weights")
NAMES = ("variant", "row")
"""Keys that name the row."""
BLEND = "blend"
"""The kind of an entry that is no model of its own but a blend of other rows."""
MOST = 10_000
"""Trials or rows that one entry may stand for; more is a mistake, and would not fit into memory."""
_NOT_IN_A_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]|\.\.')
"""A row's name is the name of a folder, on any system."""
_NOT_AT_AN_END = re.compile(r"^[ .]|[ .]$")
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
        "", description="distinguishes rows of the same model: the row is KIND-VARIANT"
    )
    row: str = Field(
        "", description="the whole name of the row, and of its folders, in place of KIND-VARIANT"
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="the recipe's settings")
    search: dict[str, Values] = Field(
        default_factory=dict, description="values to try; validation chooses"
    )
    stages: tuple[AnyStage, ...] = Field((), description="steps after retrieval, in order")
    members: tuple[str, ...] = Field(
        (), description="of a blend: rows above, whose weights are learned on validation"
    )
    weights: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(
        (), description="of a blend: one for each member, in place of learning them"
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
        if "settings" not in known:
            settings = {k: v for k, v in known.items() if k not in RESERVED}
            known = {key: known[key] for key in RESERVED if key in known} | {"settings": settings}
        kind, variant = known.get("kind"), known.get("variant", "")
        if not isinstance(kind, str) or not isinstance(variant, str):
            return known  # is refused where each is checked
        usual = usual_row(kind, variant)
        if variant and known.get("row", usual) != usual:
            raise ValueError(
                "'row' is the whole name of the row, and 'variant' a part of it; keep one of them"
            )
        return {"row": usual} | known

    @field_validator("variant", "row")
    @classmethod
    def _in_a_folder_name(cls, text: str) -> str:
        found = _NOT_IN_A_NAME.search(text)
        if found:
            raise ValueError(
                f"a row's name becomes the name of a folder, which cannot hold {found[0]!r}; use "
                "letters, digits, '-', '_', '=' and '.'"
            )
        return text

    @field_validator("row")
    @classmethod
    def _is_a_folder_name(cls, row: str) -> str:
        if not row or _NOT_AT_AN_END.search(row):
            raise ValueError(
                "a row's name becomes the name of a folder; it must not be empty, and must start "
                "and end with another character than a dot or a space"
            )
        return row

    @model_validator(mode="after")
    def _is_a_row(self) -> "Entry":
        if (self.kind == BLEND) != bool(self.members):
            raise ValueError("a blend, and nothing else, has 'members': rows that stand above it")
        if self.weights and len(self.weights) != len(self.members):
            raise ValueError(
                f"'weights' has {len(self.weights)} values for {len(self.members)} members; write "
                "one for each, or none"
            )
        if self.weights and not any(self.weights):
            raise ValueError("all 'weights' are 0, so no member counts; raise one of them")
        if self.members and (extra := [*self.settings, *self.search]):
            raise ValueError(
                f"a blend has no setting '{extra[0]}'; it takes members, weights and stages"
            )
        if len(self.row.encode()) > _LONGEST:
            raise ValueError(
                f"the row's name '{self.row[:40]}…' is longer than {_LONGEST} bytes; set a "
                "shorter 'variant' or 'row'"
            )
        return self

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


def usual_row(kind: str, variant: str) -> str:
    """What a row is called that has no name of its own: its model's, with any variant.

    >>> usual_row("ease", "text"), usual_row("my_package.models:Buys", "")
    ('ease-text', 'Buys')
    """
    return "-".join(filter(None, [short_name(kind), variant]))


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
        if key in NAMES:
            raise BadSetting(
                f"'each.{key}': the rows of `each` are named after its other keys; leave "
                f"'{key}' out of it, or write an entry under [[models]] for each {key}",
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
        named = {key: rest[key] for key in NAMES if key in rest} or {"variant": ""}
        for key, text in named.items():
            if isinstance(text, str):  # what else it is, is refused where names are checked
                named[key] = "-".join(filter(None, [text, *parts]))
        rows.append({**rest, **dict(zip(each, values, strict=True)), **named})
    return rows


def _refuse_too_many(values: Mapping[str, list[Any]], key: str, what: str) -> None:
    count = prod(len(one) for one in values.values())
    if count > MOST:
        raise BadSetting(
            f"'{key}' makes {count:,} {what}; list fewer values, {MOST:,} {what} at most", at=(key,)
        )
