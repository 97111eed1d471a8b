"""Trains models from interactions and features. `RECIPES` lists the models by name."""

from recweave.models.artifact import load_model, save_model
from recweave.models.base import DotProduct, Model, RatingModel, Recipe, Tune
from recweave.models.query import Query
from recweave.models.recipes import RECIPES

__all__ = [
    "RECIPES",
    "DotProduct",
    "Model",
    "Query",
    "RatingModel",
    "Recipe",
    "Tune",
    "load_model",
    "save_model",
]
