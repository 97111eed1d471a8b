"""Recommendations woven from what people did, what they wrote and what a shop shows.

    import recweave as rw

    shop = rw.load("shop")                                 # or rw.Dataset.from_frames(events=df)
    bundle = rw.auto(shop, budget="10m").bundle            # or a model of your own choice:
    bundle = rw.fit("recipe.toml", row="slit-text")        # or rw.EASE(reg=200).fit_bundle(shop)
    bundle.recommend(["u7", "u9"], k=5)
    bundle.recommend(history=["p01", "p05"], k=5)          # somebody new
    bundle.similar("p01", by="text")
    bundle.save("b"); rw.Bundle.load("b")

Names are imported when first used, so that `import recweave` stays quick. Every model is here too,
by its class: `recweave.EASE`, `recweave.SASRec`, …
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recweave.bundle import Bundle
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
    from recweave.experiment.auto.auto import auto
    from recweave.experiment.files import fit, run
    from recweave.models import RECIPES, Query, load_model, save_model
    from recweave.models.training import Options, TrainingData
    from recweave.rank import Ranking, recommend
    from recweave.report.compare import compare

__version__ = version("recweave")

__all__ = [
    "RECIPES",
    "Bundle",
    "Dataset",
    "GlobalTime",
    "Interactions",
    "LeaveLastOut",
    "Options",
    "Query",
    "RandomWarm",
    "Ranking",
    "RatioUser",
    "TrainingData",
    "auto",
    "compare",
    "evaluate_model",
    "fit",
    "load",
    "load_model",
    "read",
    "recommend",
    "run",
    "save_model",
]

_HOME = {
    "bundle": ("Bundle",),
    "data.catalogue": ("load",),
    "data.dataset": ("Dataset",),
    "data.interactions": ("Interactions",),
    "data.readers": ("read",),
    "data.split": ("GlobalTime", "LeaveLastOut", "RandomWarm", "RatioUser"),
    "evaluate": ("evaluate_model",),
    "experiment.auto.auto": ("auto",),
    "experiment.files": ("fit", "run"),
    "models": ("RECIPES", "Query", "load_model", "save_model"),
    "models.training": ("Options", "TrainingData"),
    "rank": ("Ranking", "recommend"),
    "report.compare": ("compare",),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"recweave.{_WHERE[name]}"), name)
    if not name.startswith("_"):
        from recweave.models.recipes import recipe_class

        found = recipe_class(name)
        if found is not None:
            return found
    raise AttributeError(f"module 'recweave' has no attribute '{name}'")


def __dir__() -> list[str]:
    from recweave.models.recipes import class_names

    return sorted([*__all__, *class_names(), "__version__"])
