"""A model and stages to a list: top-k, rules, diversity, blending, and why."""

from recweave.rank.ranking import Ranking, Stage
from recweave.rank.recommend import recommend

__all__ = ["Ranking", "Stage", "recommend"]
