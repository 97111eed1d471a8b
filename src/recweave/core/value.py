"""Settings that are values: typed, frozen, comparable, and strict about unknown keys."""

from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from recweave.core.errors import BadSetting, did_you_mean

V = TypeVar("V", bound="Value")

MESSAGE, UNKNOWN_KEY = "message", "unknown_key"
"""Types of pydantic errors: one that says all by itself; one that says what key is near."""
SAID = "said"
"""The key of what a custom error says, in its context."""
NAMES_ONLY = "names_only"
"""In the context of a validation: classes are named as registries list them, never by a path."""


class Value(BaseModel):
    """A frozen pydantic object. Unknown names are refused; use `parse` for a user's input."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls: type[V], data: Any, where: str, *, names_only: bool = False) -> V:
        """Read from a user's mapping.

        Args:
            data: The mapping.
            where: What to name in errors.
            names_only: Whether parts that are one of many must be named as registries list them.
                So for what comes out of a saved file, as `package.module:Class` would be imported.

        Raises:
            BadSetting: naming `where` (a file, an option), the key, what is wrong with it and,
                for an unknown key, the nearest known one.
        """
        try:
            return cls.model_validate(data, context={NAMES_ONLY: names_only})
        except ValidationError as error:
            at = error.errors()[0]["loc"]
            raise BadSetting(f"{where}: " + "; ".join(_explain(cls, error)), at=at) from None
        except BadSetting as error:  # of a validator that knows better where it is
            raise BadSetting(f"{where}: {error}", at=error.at) from None


def _explain(cls: type[BaseModel], error: ValidationError) -> list[str]:
    found = []
    problems = error.errors()
    inner = {p["loc"][:depth] for p in problems for depth in range(len(p["loc"]))}
    for problem in problems:
        if problem["type"] == "too_short" and problem["loc"] in inner:
            continue  # only because an entry of it is wrong, which is said
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            found.append(f"unknown key '{key}', {_near(cls, problem['loc'])}")
        elif problem["type"] == UNKNOWN_KEY:
            found.append(f"unknown key '{key}', {problem['msg']}")
        elif problem["type"] == MESSAGE:
            found.append(problem["msg"])
        elif problem["type"] == "missing":
            found.append(f"the key '{key}' is missing")
        else:
            said = _plain(problem).removeprefix("Value error, ")
            said = said[:1].lower() + said[1:]
            # What is said of several keys at once needs no print of them all.
            whole = not key and isinstance(problem["input"], dict)
            found.append(said if whole else f"'{key}' is {problem['input']!r}: {said}")
    return found


_PLAIN = {
    "too_short": "it must hold at least {min_length}",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "list_type": "write a list, such as [1, 2]",
    "tuple_type": "write a list, such as [1, 2]",
    "dict_type": "write a table, such as {{ key = 1 }}",
    "model_type": "write a table, such as {{ key = 1 }}",
}
"""pydantic's messages in the terms of a recipe file."""


def _plain(problem: ErrorDetails) -> str:
    if problem["type"] not in _PLAIN or problem.get("ctx", {}).get(SAID):  # or done before
        return problem["msg"]
    return _PLAIN[problem["type"]].format(**problem.get("ctx", {}))


def tagged(cls: type[BaseModel], tag: str, error: ValidationError) -> ValidationError:
    """The error of a part whose class only the data name, as one of the whole.

    Args:
        cls: The class of the part.
        tag: Put before the keys, as pydantic does for its own unions.
        error: What is wrong with the part.
    """
    found: list[InitErrorDetails] = []
    for problem in error.errors():
        kind, said = problem["type"], _plain(problem)
        if kind == "extra_forbidden":
            kind, said = UNKNOWN_KEY, _near(cls, problem["loc"])
        custom = PydanticCustomError(kind, "{said}", {SAID: said})
        found.append(
            InitErrorDetails(type=custom, loc=(tag, *problem["loc"]), input=problem["input"])
        )
    return ValidationError.from_exception_data(error.title, found)


def message_at(title: str, at: str, message: str, given: Any) -> ValidationError:
    """An error of one key whose message says all by itself."""
    problem = InitErrorDetails(
        type=PydanticCustomError(MESSAGE, "{said}", {SAID: message}), loc=(at,), input=given
    )
    return ValidationError.from_exception_data(title, [problem])


def _near(cls: type[BaseModel], location: Sequence[int | str]) -> str:
    """A hint for an unknown key."""
    *path, last = location
    return did_you_mean(str(last), _keys_at(cls, path))


def _keys_at(cls: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The keys that a part of a value knows; a path holds keys, union tags and list positions."""
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
