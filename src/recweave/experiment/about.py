"""What a bundle of a recipe's row says of itself, so that it can be made again and extended."""

from collections.abc import Mapping
from typing import Any

from recweave.runs.spec import Experiment


def about_row(
    experiment: Experiment, result: Mapping[str, Any], fingerprint: str
) -> dict[str, Any]:
    """Plain JSON: the recipe with its settings, the stages, and how its features are made.

    Args:
        experiment: The recipe file.
        result: With the keys "recipe", name and settings as they were fitted, and "stage_settings",
            those of the stages with what they have learned.
        fingerprint: Of the dataset.
    """
    return {
        "recipe": dict(result["recipe"]),
        "stages": list(result["stage_settings"]),
        "features": {
            name: spec.model_dump(mode="json") for name, spec in experiment.features.items()
        },
        "data": fingerprint,
        "learned_from": result.get("learned_from", ""),
    }
