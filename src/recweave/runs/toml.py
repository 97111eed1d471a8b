"""A recipe as a TOML file: the standard library reads TOML but does not write it."""

import json
import re
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from recweave.core.value import Value
from recweave.runs.entry import usual_row
from recweave.runs.spec import Experiment

WIDTH = 98
"""Characters of a comment's line, at most."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(experiment: Experiment, remarks: Mapping[str, str] | None = None) -> str:
    """What of a recipe differs from the defaults or has a remark, models last.

    Args:
        experiment: The recipe.
        remarks: Comments, by what they stand above: a key of the file, the name of a row, or ""
            for the head of the file.
    """
    remarks = remarks or {}
    whole = experiment.model_dump(mode="json")
    changed = _differing(experiment)
    changed = {key: whole[key] for key in whole if key in changed or key in remarks}
    models = changed.pop("models")
    lines = _comment(remarks.get("", ""))
    for key, value in changed.items():
        lines += [*_comment(remarks.get(key, "")), *_lines({key: value})]
    for entry, dumped in zip(experiment.models, models, strict=True):
        settings = dumped["settings"]
        rest = {k: v for k, v in _differing(entry).items() if k not in ("kind", "settings")}
        if entry.row == usual_row(entry.kind, entry.variant):
            del rest["row"]
        lines += ["", *_comment(remarks.get(entry.row, "")), "[[models]]"]
        lines += _lines({"kind": entry.kind} | settings | rest)
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    """Lines of a comment; a line that is too long is broken between words."""
    return [
        f"# {line}"
        for part in text.splitlines()
        for line in wrap(part, WIDTH, break_on_hyphens=False)
    ]


def _differing(value: Value) -> dict[str, Any]:
    """The fields that differ from their defaults, each whole (a split keeps its kind)."""
    whole = value.model_dump(mode="json")
    default = {
        n: f.get_default(call_default_factory=True) for n, f in type(value).model_fields.items()
    }
    return {name: dumped for name, dumped in whole.items() if getattr(value, name) != default[name]}


def _lines(settings: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in settings.items() if value is not None]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inside = (f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {', '.join(inside)} }}"
    if isinstance(value, list):
        return f"[{', '.join(_value(v) for v in value)}]"
    # TOML writes strings, numbers and booleans as JSON does.
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
