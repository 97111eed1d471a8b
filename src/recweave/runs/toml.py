"""A recipe as a TOML file: the standard library reads TOML but does not write it."""

import json
from typing import Any

from recweave.core.value import Value
from recweave.runs.entry import usual_row
from recweave.runs.spec import Experiment


def to_toml(experiment: Experiment) -> str:
    """What of a recipe differs from the defaults, models last."""
    changed = _differing(experiment)
    models = changed.pop("models")
    lines = _lines(changed)
    for entry, dumped in zip(experiment.models, models, strict=True):
        settings = dumped["settings"]
        rest = {k: v for k, v in _differing(entry).items() if k not in ("kind", "settings")}
        if entry.row == usual_row(entry.kind, entry.variant):
            del rest["row"]
        lines += ["", "[[models]]", *_lines({"kind": entry.kind} | settings | rest)]
    return "\n".join(lines) + "\n"


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
        inside = (f"{json.dumps(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {', '.join(inside)} }}"
    if isinstance(value, list):
        return f"[{', '.join(_value(v) for v in value)}]"
    # TOML writes strings, numbers and booleans as JSON does.
    return json.dumps(value, ensure_ascii=False)
