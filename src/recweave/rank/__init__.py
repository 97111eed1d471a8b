"""A model and stages to a list: top-k, rules, diversity, blending, and why."""

from recweave.models.learn_blend import learn_blend
from recweave.rank.explain import Explanation, explain, sentences
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.recommend import recommend
from recweave.rank.rules import allowed
from recweave.rank.stages import STAGES, AnyStage, StageRecipe

__all__ = [
    "STAGES",
    "AnyStage",
    "Explanation",
    "Ranking",
    "Stage",
    "StageRecipe",
    "allowed",
    "explain",
    "learn_blend",
    "recommend",
    "sentences",
]
