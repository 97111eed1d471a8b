"""Settings that are values: typed, frozen, comparable, and strict about unknown keys."""

from typing import Any, TypeVar

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
            near = did_you_mean(str(problem["loc"][-1]), cls.model_fields)
            found.append(f"unknown key '{key}', {near}")
        elif problem["type"] == "missing":
            found.append(f"the key '{key}' is missing")
        else:
            found.append(f"'{key}' is {problem['input']!r}: {problem['msg'].lower()}")
    return found
