"""What the numbers of a row depend on: a row whose key has not changed is not made again."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recweave.core.version import VERSION
from recweave.evaluate import parse_metric
from recweave.models import Recipe
from recweave.rank.stages import StageRecipe
from recweave.runs.entry import Entry
from recweave.runs.spec import Experiment

NEVER = {"title", "data", "baseline", "models", "features", "seeds"}
"""Keys of a recipe file that no row depends on, or that count in part only."""
OF_TEST = {"metrics", "slices", "test_users"}
"""Keys that change what is measured on test, and no model."""
AFTER_CHOICE = {"save", "refit"}
"""Keys that do not change the value of a tried setting."""
OF_DATA = ("fingerprint", "split", "users", "items", "train", "valid")
"""What identifies the events that are learned from …"""
OF_TEST_DATA = ("held_out", "test")
"""… and those that are reported on. The protocol "paper" may stop a training by them."""
CATEGORIES = "categories"
"""The feature that metrics beyond accuracy read, whether or not a model reads it."""
OF_CATALOGUE = ("per_list", "per_history", "all_lists", "pool", "pool_all")
"""Kinds of metrics that may read that feature."""


@dataclass(frozen=True)
class RowKey:
    """Two hashes of a row.

    Attributes:
        fit: Of all that its trained model and its stages depend on.
        whole: Of that, and of what is measured on test.
    """

    fit: str
    whole: str


def row_keys(experiment: Experiment, data: Mapping[str, Any]) -> dict[str, RowKey]:
    """The keys of each row: of its settings, stages, features, data and split, not of other rows.

    Args:
        experiment: The recipe.
        data: What `Prepared.about` says of the data.
    """
    keys: dict[str, RowKey] = {}
    for entry in experiment.models:
        members = [keys[row] for row in entry.members]
        fit = {
            "entry": entry.model_dump(mode="json", exclude={"row"}),
            "members": [member.fit for member in members],
            "recipe": experiment.model_dump(mode="json", exclude=NEVER | OF_TEST),
            **_basis(experiment, entry, data),
        }
        read = _features_of_metrics(experiment, experiment.metrics)
        measured = {
            "fit": fit,
            "members": [member.whole for member in members],
            "recipe": experiment.model_dump(mode="json", include=OF_TEST),
            "data": {key: data.get(key) for key in OF_TEST_DATA},
            "features": _made(experiment, _with_sources(experiment, read), data),
        }
        keys[entry.row] = RowKey(_hash(fit), _hash(measured))
    return keys


def trial_case(experiment: Experiment, entry: Entry, data: Mapping[str, Any]) -> str:
    """A hash of all that the value of a tried setting depends on, beside the setting."""
    return _hash({"recipe": choice_case(experiment, entry), **_basis(experiment, entry, data)})


def choice_case(experiment: Experiment, entry: Entry) -> dict[str, Any]:
    """What a recipe file says that the choice of settings depends on, by key.

    Two recipes that agree in it, in `data` and in the entry itself choose alike.
    """
    recipe = experiment.model_dump(mode="json", exclude=NEVER | OF_TEST | AFTER_CHOICE)
    read = features_of(experiment, entry)
    features = {name: experiment.features[name].model_dump(mode="json") for name in read}
    return recipe | {"features": features, "seeds": experiment.seeds[0]}


def features_of(experiment: Experiment, entry: Entry) -> tuple[str, ...]:
    """Features of the recipe file that an entry and its choice read, and what they are made from.

    Those of its recipes and stages, and of the metric that chooses.
    """
    parts: list[Recipe | StageRecipe] = [*entry.recipes(), *entry.stages]
    read = {name for part in parts for name in part.features_used()}
    return _with_sources(experiment, read | _features_of_metrics(experiment, [experiment.choose]))


def _features_of_metrics(experiment: Experiment, metrics: Iterable[str]) -> set[str]:
    kinds = {parse_metric(name).measure.kind for name in metrics}
    return {CATEGORIES} if kinds & set(OF_CATALOGUE) else set()


def _with_sources(experiment: Experiment, names: set[str]) -> tuple[str, ...]:
    """Those of some features that stand in the recipe file, with those they are made from."""
    found = set(names)
    for name, spec in reversed(experiment.features.items()):
        if name in found:
            found |= set(spec.made_from())
    return tuple(name for name in experiment.features if name in found)


def _basis(experiment: Experiment, entry: Entry, data: Mapping[str, Any]) -> dict[str, Any]:
    read = OF_DATA + (OF_TEST_DATA if experiment.protocol == "paper" else ())
    return {
        "data": {key: data.get(key) for key in read},
        "features": _made(experiment, features_of(experiment, entry), data),
        "seed": experiment.seeds[0],
        "version": VERSION,
    }


def _made(
    experiment: Experiment, names: Iterable[str], data: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """Of each feature: what the recipe says of it, and what it was made by and from."""
    made = data.get("features", {})
    return {
        name: [experiment.features[name].model_dump(mode="json"), made.get(name)] for name in names
    }


def _hash(case: Mapping[str, Any]) -> str:
    text = json.dumps(case, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
