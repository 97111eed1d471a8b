"""The settings of a value as text: for the command line and the generated pages."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

SIGNS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
KINDS = {
    "null": "none",
    "integer": "whole number",
    "string": "text",
    "array": "list",
    "object": "table",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class Setting:
    """One field of a value.

    Attributes:
        name: As written in a recipe file.
        default: As text; "required" where there is none.
        takes: What it may be.
        meaning: What it does.
        marks: What else the field is annotated with.
    """

    name: str
    default: str
    takes: str
    meaning: str
    marks: tuple[Any, ...]


def settings_of(kind: type[BaseModel]) -> list[Setting]:
    """The fields of a value, in the order of its class."""
    schema = kind.model_json_schema()
    if "$ref" in schema:  # a value that may hold one of its own kind
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    properties = schema.get("properties", {})
    return [
        Setting(
            name=name,
            default=_default(field.get_default(call_default_factory=True)),
            takes=_takes(properties[name]),
            meaning=field.description or "",
            marks=tuple(field.metadata),
        )
        for name, field in kind.model_fields.items()
    ]


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel):
        return str(getattr(value, "kind", type(value).__name__))
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value) or "none"
    return "none" if value in (None, "", {}) else str(value)


def _takes(schema: dict[str, Any]) -> str:
    """A JSON schema's types and limits as people write them."""
    types = []
    for option in schema.get("anyOf", schema.get("oneOf", [schema])):
        if "enum" in option:
            types.append(" | ".join(str(value) for value in option["enum"]))
        elif "const" in option:
            types.append(str(option["const"]))
        else:
            limits = [f"{sign} {option[key]:g}" for key, sign in SIGNS.items() if key in option]
            kind = option.get("type", "table" if "$ref" in option else "any")
            types.append(" ".join([KINDS.get(kind, kind), ", ".join(limits)]).strip())
    return " or ".join(dict.fromkeys(types))
