"""Another model whose scores are added to those of a model or a list, by name and settings."""

from typing import Any

from pydantic import Field, field_serializer, field_validator, model_validator

from recweave.core.errors import RecweaveError
from recweave.core.value import Value
from recweave.models.base import Recipe
from recweave.models.recipes import RECIPES

Settings = tuple[tuple[str, Any], ...]


class Scorer(Value):
    """A recipe by its `kind` (`name` is read as well) and settings, as in a recipe file."""

    name: str = Field(description="a model that `recweave show` lists; in a recipe file: `kind`")
    settings: Settings = Field((), description="the recipe's settings")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, data: Any) -> Any:
        if isinstance(data, dict) and "kind" in data and "name" not in data:
            data = {("name" if key == "kind" else key): value for key, value in data.items()}
        if isinstance(data, dict) and "settings" not in data:
            return {"name": data.get("name"), "settings": {k: data[k] for k in data if k != "name"}}
        return data

    @field_validator("settings", mode="before")
    @classmethod
    def _pairs(cls, settings: Any) -> Any:
        """The settings as a hashable value."""
        return _freeze(settings)

    @model_validator(mode="after")
    def _known(self) -> "Scorer":
        try:
            self.recipe()
        except RecweaveError as error:
            raise ValueError(str(error)) from None
        return self

    @field_serializer("settings")
    def _table(self, settings: Settings) -> dict[str, Any]:
        return {key: _thaw(value) for key, value in settings}

    def recipe(self) -> Recipe:
        """The recipe to fit.

        Raises:
            BadSetting, UnknownName: for an unknown model or key, or a bad value.
        """
        settings = {key: _thaw(value) for key, value in self.settings}
        # Saved models contain scorers: only listed names are allowed, no import paths from a file.
        recipe = RECIPES.named(self.name)
        return recipe.parse(settings, f"the scorer '{self.name}'", names_only=True)


def _freeze(value: Any) -> Any:
    """Tables and lists become tuples."""
    if isinstance(value, dict):
        return tuple((key, _freeze(value[key])) for key in sorted(value))
    return tuple(_freeze(item) for item in value) if isinstance(value, list | tuple) else value


def _thaw(value: Any) -> Any:
    """The inverse of `_freeze`: tuples of (name, value) pairs become tables."""
    if not isinstance(value, tuple):
        return value
    pairs = value and all(isinstance(v, tuple) and len(v) == 2 for v in value)
    if pairs and all(isinstance(v[0], str) for v in value):
        return {key: _thaw(inner) for key, inner in value}
    return [_thaw(inner) for inner in value]
