"""What the numbers of a row hang on: a row whose key has not changed is not fitted again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from recweave.core.version import VERSION
from recweave.models import Recipe
from recweave.rank.stages import StageRecipe
from recweave.runs.entry import Entry
from recweave.runs.spec import Experiment

NEVER = {"title", "data", "baseline", "models", "features", "seeds"}
"""Keys of a recipe file that no row hangs on, or that count in part only."""
OF_REPORTS = {"metrics", "choose", "slices", "save", "refit"}
"""Keys that do not change the value of a tried setting."""
OF_DATA = ("fingerprint", "split", "held_out", "users", "items", "train", "valid", "test")
"""What identifies the events that are learned from and reported on."""


def row_keys(experiment: Experiment, data: Mapping[str, Any]) -> dict[str, str]:
    """A hash for each row: of its settings, stages, features, data and split, not of other rows.

    Args:
        experiment: The recipe.
        data: What `Prepared.about` says of the data.
    """
    keys: dict[str, str] = {}
    for entry in experiment.models:
        case = {
            "entry": entry.model_dump(mode="json"),
            "members": [keys[row] for row in entry.members],
            "recipe": experiment.model_dump(mode="json", exclude=NEVER),
            **_basis(experiment, entry, data),
        }
        keys[entry.row] = _hash(case)
    return keys


def trial_case(experiment: Experiment, entry: Entry, data: Mapping[str, Any]) -> str:
    """A hash of all that the value of a tried setting hangs on, beside the setting and the seed."""
    recipe = experiment.model_dump(mode="json", exclude=NEVER | OF_REPORTS)
    return _hash({"recipe": recipe, **_basis(experiment, entry, data)})


def features_of(experiment: Experiment, entry: Entry) -> tuple[str, ...]:
    """Features of the recipe file that an entry reads, with those that they are made from."""
    parts: list[Recipe | StageRecipe] = [*entry.recipes(), *entry.stages]
    wanted = {name for part in parts for name in part.features_used()}
    for name, spec in reversed(experiment.features.items()):
        if name in wanted:
            wanted |= set(spec.made_from())
    return tuple(name for name in experiment.features if name in wanted)


def _basis(experiment: Experiment, entry: Entry, data: Mapping[str, Any]) -> dict[str, Any]:
    made = data.get("features", {})
    return {
        "data": {key: data.get(key) for key in OF_DATA},
        "features": {
            name: [experiment.features[name].model_dump(mode="json"), made.get(name)]
            for name in features_of(experiment, entry)
        },
        "seed": experiment.seeds[0],
        "version": VERSION,
    }


def _hash(case: Mapping[str, Any]) -> str:
    text = json.dumps(case, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
