"""Settings that are values: typed, frozen, comparable, and strict about unknown keys."""

from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from recweave.core.errors import BadSetting, did_you_mean

V = TypeVar("V", bound="Value")


class Value(BaseModel):
    """A frozen pydantic object. Unknown names are refused; use `parse` for a user's input."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls: type[V], data: Any, where: str) -> V:
        """Read from a user's mapping.

        Raises:
            BadSetting: naming `where` (a file, an option), the key, what is wrong with it and,
                for an unknown key, the nearest known one.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise BadSetting(f"{where}: " + "; ".join(_explain(cls, error))) from None


def _explain(cls: type[BaseModel], error: ValidationError) -> list[str]:
    found = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            *path, last = problem["loc"]
            near = did_you_mean(str(last), _keys_at(cls, path))
            found.append(f"unknown key '{key}', {near}")
        elif problem["type"] == "missing":
            found.append(f"the key '{key}' is missing")
        else:
            said = problem["msg"].removeprefix("Value error, ")
            said = said[:1].lower() + said[1:]
            # What is said of several keys at once needs no print of them all.
            whole = not key and isinstance(problem["input"], dict)
            found.append(said if whole else f"'{key}' is {problem['input']!r}: {said}")
    return found


def _keys_at(cls: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The keys that a part of a value knows; a path holds keys, tags of unions and list places."""
    models = [cls]
    for step in (step for step in path if isinstance(step, str)):
        fields = [model.model_fields[step] for model in models if step in model.model_fields]
        inner = [model for field in fields for model in _models_in(field.annotation)]
        tagged = [m for m in models if any(f.default == step for f in m.model_fields.values())]
        models = inner or tagged or models
    return [name for model in models for name in model.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
