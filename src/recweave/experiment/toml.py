"""A recipe as a TOML file: the standard library reads TOML but does not write it."""

import json
from typing import Any

from recweave.experiment.spec import Experiment


def to_toml(experiment: Experiment) -> str:
    """The recipe's own words: what differs from the defaults, models last."""
    told = experiment.model_dump(mode="json", exclude_defaults=True)
    models = told.pop("models")
    lines = [f"{key} = {_value(value)}" for key, value in told.items() if value is not None]
    for entry in models:
        settings = entry.pop("settings", {})
        lines += ["", "[[models]]"]
        both = {"name": entry.pop("name")} | settings | entry
        lines += [f"{key} = {_value(value)}" for key, value in both.items() if value is not None]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inside = (f"{json.dumps(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {', '.join(inside)} }}"
    if isinstance(value, list):
        return f"[{', '.join(_value(v) for v in value)}]"
    # TOML writes strings, numbers and booleans as JSON does.
    return json.dumps(value, ensure_ascii=False)
