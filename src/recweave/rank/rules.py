"""Which items a rule on the catalogue's fields speaks of: `price <= 20`, `categories contains Tea`.

Rules are values, read from text or tables and never run as code. What an item lacks (null, an empty
text, an empty list, NaN) is unknown: no comparison matches it and none under `not` either; only
`is null` finds it.
"""

import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from jaxtyping import Bool
from pydantic import BeforeValidator, Field, SerializeAsAny, StrictBool, StrictFloat, StrictInt

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, UnknownName
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.rank.rule_text import parse

Plain = StrictBool | StrictInt | StrictFloat | str
ORDERS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TAKES: dict[str, tuple[str, ...]] = {
    "numbers": (*ORDERS, "in"),
    "text": ("==", "!=", "in", "contains"),
    "true or false": ("==", "!="),
    "lists": ("contains",),
}
"""What may be asked of a field, by what it holds."""

_BARE = re.compile(r"[^\s\"'`(),\[\]=<>!&|]+(?: [^\s\"'`(),\[\]=<>!&|]+)*")
_KEYWORD = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)
_NAME = re.compile(r"(?!not$)[\w.-]+", re.IGNORECASE)


class Rule(Value, ABC):
    """Says of each item yes, no or, where the item lacks the field, neither."""

    @abstractmethod
    def expression(self, table: pl.DataFrame) -> pl.Expr:
        """The rule over a table of items, null for neither.

        Raises:
            UnknownName: for a field that the table lacks.
            BadSetting: for a question that the field's type cannot answer, or a field that is
                empty for all items.
        """

    def matches(self, dataset: Dataset) -> Bool[Array, " items"]:
        """Which items the rule says yes to."""
        table = item_table(dataset)
        return table.select(self.expression(table).fill_null(False)).to_series().to_numpy()


class Where(Rule):
    """One question to one field.

    Numbers take == != < <= > >= in; texts == != in, and `contains` for a part of the text; lists
    `contains` for one of their members; any field `is_null`.
    """

    field: str = Field(description="a column of the items table")
    op: Literal["==", "!=", "<", "<=", ">", ">=", "in", "contains", "is_null"] = "=="
    value: Plain | tuple[Plain, ...] | None = Field(None, description="`in` takes a list")

    def expression(self, table: pl.DataFrame) -> pl.Expr:
        """See `Rule.expression`."""
        if self.op == "is_null" and self.field in table.columns:
            return pl.col(self.field).is_null()
        require_field(table, self.field)
        column, contents = pl.col(self.field), _contents(table[self.field])
        takes = TAKES.get(contents, ())
        if self.op not in takes:
            ops = ", ".join((*takes, "is_null"))
            raise BadSetting(f"'{self.field}' holds {contents} and takes {ops}; not '{self.op}'")
        if self.op == "in":
            given = self.value if isinstance(self.value, tuple) else (self.value,)
            return column.is_in([self._as(contents, value) for value in given])
        if self.op != "contains":
            compared: pl.Expr = ORDERS[self.op](column, pl.lit(self._as(contents, self.value)))
            return compared
        part = pl.lit(self._as("text", self.value))
        lists = contents == "lists"
        return column.list.contains(part) if lists else column.str.contains(part, literal=True)

    def _as(self, contents: str, value: Any) -> Plain:
        """The value as what the field holds; a text that reads as one will do."""
        if contents == "text" and isinstance(value, str):
            return value
        if contents == "true or false" and (isinstance(value, bool) or value in ("true", "false")):
            return value in (True, "true")
        number = isinstance(value, int | float | str) and not isinstance(value, bool)
        if contents == "numbers" and number:
            try:
                return float(value)
            except ValueError:
                pass
        raise BadSetting(f"'{self.field} {self.op}' needs {contents}, not {value!r}")

    def __str__(self) -> str:
        field = self.field if _NAME.fullmatch(self.field) else f"`{self.field}`"
        if self.op == "is_null":
            return f"{field} is null"
        listed = self.value if isinstance(self.value, tuple) else (self.value,)
        return f"{field} {self.op} {', '.join(_written(one) for one in listed if one is not None)}"


class AllOf(Rule):
    """Every one of several rules."""

    all: tuple["AnyRule", ...] = Field(min_length=1)

    def expression(self, table: pl.DataFrame) -> pl.Expr:
        """See `Rule.expression`; no if one says no, else neither if one does."""
        return pl.all_horizontal([rule.expression(table) for rule in self.all])

    def __str__(self) -> str:
        return f"({' and '.join(map(str, self.all))})"


class AnyOf(Rule):
    """At least one of several rules."""

    any: tuple["AnyRule", ...] = Field(min_length=1)

    def expression(self, table: pl.DataFrame) -> pl.Expr:
        """See `Rule.expression`; yes if one says yes, else neither if one does."""
        return pl.any_horizontal([rule.expression(table) for rule in self.any])

    def __str__(self) -> str:
        return f"({' or '.join(map(str, self.any))})"


class Not(Rule):
    """The items that a rule says no to; not those it knows nothing of."""

    no: "AnyRule"

    def expression(self, table: pl.DataFrame) -> pl.Expr:
        """See `Rule.expression`."""
        return ~self.no.expression(table)

    def __str__(self) -> str:
        return f"not {self.no}"


def read_rule(given: Any) -> Rule:
    """A rule from a text, a table of a recipe file, or itself.

    A text is one or more comparisons, joined by `and`, `or`, `not` and parentheses (see
    `rank.rule_text`): == (or =) != < <= > >= in contains, `FIELD is null`, `"Tea" in categories`.
    Tables are `{field, op, value}`, `{all = [...]}`, `{any = [...]}` or `{no = ...}`.

    >>> read_rule("price<=20")
    Where(field='price', op='<=', value='20')
    >>> read_rule("not brand in OPI, 'Essie'")
    Not(no=Where(field='brand', op='in', value=('OPI', 'Essie')))

    Raises:
        BadSetting: if it is none of these.
    """
    if isinstance(given, Rule):
        return given
    if isinstance(given, str):
        given = parse(given)
    if not isinstance(given, dict):
        raise BadSetting(f"a rule is a text such as 'price <= 20' or a table, not {given!r}")
    for key, kind in (("all", AllOf), ("any", AnyOf), ("no", Not)):
        if key in given:
            return kind.parse(given, "rule")
    return Where.parse(given, "rule")


AnyRule = Annotated[SerializeAsAny[Rule], BeforeValidator(read_rule)]
"""A rule in a recipe: a text or a table."""


def allowed(
    dataset: Dataset, rules: Iterable[Rule | str] = (), *, deny: Iterable[Rule | str] = ()
) -> Bool[Array, " items"]:
    """The items that may be shown: all `rules` say yes to them and none of `deny` does.

    An item that lacks a field is therefore kept out by a rule on it, but not by a denial. Lists of
    items are rules too: `Where(field="item_id", op="in", value=("B1", "B2"))`.

    Raises:
        UnknownName: for a field that the items lack.
        BadSetting: for a rule that cannot be read, or that its field's type cannot answer.
    """
    mask = np.ones(len(dataset.item_ids), bool)
    for rule in rules:
        mask &= read_rule(rule).matches(dataset)
    for rule in deny:
        mask &= ~read_rule(rule).matches(dataset)
    return mask


def item_table(dataset: Dataset) -> pl.DataFrame:
    """The items table with one line per item row; null for what an item lacks.

    Items that only occur in the log lack everything.
    """
    rows = pl.DataFrame({"item_id": dataset.item_ids.ids})
    table = rows.join(dataset.items, on="item_id", how="left", maintain_order="left")
    return table.select(_or_null(column) for column in table.iter_columns())


def require_field(table: pl.DataFrame, field: str) -> None:
    """Refuse a field that no item has.

    Raises:
        UnknownName: if it is no column of the table.
        BadSetting: if the column is empty.
    """
    if field not in table.columns:
        raise UnknownName("field of the items", field, table.columns)
    if table[field].is_null().all():
        raise BadSetting(f"no item has a '{field}'; ask for another field")


def _written(value: Plain) -> str:
    """A value as `read_rule` reads it, in quotes only where it needs them."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if _BARE.fullmatch(text) and not _KEYWORD.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _contents(column: pl.Series) -> str:
    """What a field holds, in the words of `TAKES`; else the name of its type."""
    kind = column.dtype
    if kind == pl.List(pl.String):
        return "lists"
    if kind == pl.String:
        return "text"
    if kind == pl.Boolean:
        return "true or false"
    return "numbers" if kind.is_numeric() else str(kind)


def _or_null(given: pl.Series) -> pl.Expr:
    """The column with null for what says nothing."""
    kind, column = given.dtype, pl.col(given.name)
    if kind == pl.String:
        return pl.when(column.str.len_chars() > 0).then(column)
    if isinstance(kind, pl.List):
        return pl.when(column.list.len() > 0).then(column)
    return column.fill_nan(None) if kind.is_float() else column


for _kind in (AllOf, AnyOf, Not):
    _kind.model_rebuild()
