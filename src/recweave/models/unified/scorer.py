"""Another model whose scores take part, by name and settings."""

from typing import Any

from pydantic import Field, field_serializer, field_validator, model_validator

from recweave.core.errors import RecweaveError
from recweave.core.value import Value
from recweave.models.base import Recipe
from recweave.models.recipes import RECIPES

Settings = tuple[tuple[str, Any], ...]


class Scorer(Value):
    """A recipe by name; its settings stand beside the name, as in a recipe file."""

    name: str = Field(description="a name from `recweave show`")
    settings: Settings = Field((), description="the recipe's settings")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, data: Any) -> Any:
        if isinstance(data, dict) and "settings" not in data:
            return {"name": data.get("name"), "settings": {k: data[k] for k in data if k != "name"}}
        return data

    @field_validator("settings", mode="before")
    @classmethod
    def _pairs(cls, told: Any) -> Any:
        """As a value that can be hashed."""
        return _frozen(told)

    @model_validator(mode="after")
    def _known(self) -> "Scorer":
        try:
            self.recipe()
        except RecweaveError as error:
            raise ValueError(str(error)) from None
        return self

    @field_serializer("settings")
    def _table(self, settings: Settings) -> dict[str, Any]:
        return {key: _thawed(value) for key, value in settings}

    def recipe(self) -> Recipe:
        """What is to be fitted.

        Raises:
            BadSetting, UnknownName: for a model, a key or a value that is not known.
        """
        told = {key: _thawed(value) for key, value in self.settings}
        # A saved model holds scorers, and what is read from a file must not be imported.
        recipe = RECIPES.named(self.name)
        return recipe.parse(told, f"the scorer '{self.name}'", names_only=True)


def _frozen(told: Any) -> Any:
    if isinstance(told, dict):
        return tuple((key, _frozen(told[key])) for key in sorted(told))
    return tuple(_frozen(value) for value in told) if isinstance(told, list | tuple) else told


def _thawed(value: Any) -> Any:
    """Pairs of names and values are a table again."""
    if not isinstance(value, tuple):
        return value
    pairs = value and all(isinstance(v, tuple) and len(v) == 2 for v in value)
    if pairs and all(isinstance(v[0], str) for v in value):
        return {key: _thawed(inner) for key, inner in value}
    return [_thawed(inner) for inner in value]
