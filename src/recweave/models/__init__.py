"""Interactions and features to trained models. `RECIPES` answers "what models are there?"."""

from recweave.core.registry import Registry
from recweave.models.artifact import load_model, save_model
from recweave.models.base import DotProduct, Model, RatingModel, Recipe, Tune
from recweave.models.query import Query

RECIPES: Registry[type[Recipe]] = Registry(
    "model",
    {
        "popularity": "recweave.models.popularity:Popularity",
        "random": "recweave.models.popularity:Random",
        "item_knn": "recweave.models.neighbours.knn:ItemKNN",
        "user_knn": "recweave.models.neighbours.knn:UserKNN",
        "item_cf": "recweave.models.neighbours.item_cf:ItemCF",
        "user_cf": "recweave.models.neighbours.user_cf:UserCF",
        "t_item_cf": "recweave.models.neighbours.text_cf:TItemCF",
        "t_user_cf": "recweave.models.neighbours.text_cf:TUserCF",
        "content_knn": "recweave.models.neighbours.content:ContentKNN",
        "als": "recweave.models.factors.als:ALS",
        "bpr": "recweave.models.factors.bpr:BPR",
        "ease": "recweave.models.factors.ease:EASE",
        "slit": "recweave.models.factors.slit:SLIT",
        "biased_mf": "recweave.models.factors.mf:BiasedMF",
        "gf_cf": "recweave.models.graph.gfcf:GFCF",
        "markov": "recweave.models.sequence.markov:Markov",
        "recency": "recweave.models.sequence.recency:Recency",
    },
    group="recweave.models",
)

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
