"""Recommendations woven from what people did, what they wrote and what a shop shows.

The names below are imported when first used, so that `import recweave` stays quick.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recweave.data.catalogue import load
    from recweave.data.dataset import Dataset
    from recweave.data.interactions import Interactions
    from recweave.data.readers import read
    from recweave.data.split import (
        GlobalTime,
        LeaveLastOut,
        RandomWarm,
        RatioUser,
    )
    from recweave.evaluate import evaluate_model
    from recweave.models import RECIPES, Query, load_model, save_model
    from recweave.rank import Ranking, recommend

__version__ = version("recweave")

__all__ = [
    "RECIPES",
    "Dataset",
    "GlobalTime",
    "Interactions",
    "LeaveLastOut",
    "Query",
    "RandomWarm",
    "Ranking",
    "RatioUser",
    "evaluate_model",
    "load",
    "load_model",
    "read",
    "recommend",
    "save_model",
]

_HOME = {
    "data.catalogue": ("load",),
    "data.dataset": ("Dataset",),
    "data.interactions": ("Interactions",),
    "data.readers": ("read",),
    "data.split": ("GlobalTime", "LeaveLastOut", "RandomWarm", "RatioUser"),
    "evaluate": ("evaluate_model",),
    "models": ("RECIPES", "Query", "load_model", "save_model"),
    "rank": ("Ranking", "recommend"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"recweave.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'recweave' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
