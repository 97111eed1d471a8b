"""Models that several rows of a recipe share: rows that differ in stages alone, and blends."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from recweave.core.measure import Cost
from recweave.core.memory import available
from recweave.models import Model, Recipe
from recweave.models.artifact import model_bytes
from recweave.runs.spec import Experiment

SHARE = 0.1
"""Share of the free memory that a kept model may take."""


@dataclass(frozen=True, eq=False)
class SharedFits:
    """Fitted models by `fit_key`, kept until the last row that needs them is done.

    Attributes:
        last: The models that are kept, and the position of the last row that needs each.
        models: Those that were fitted, with their costs.
    """

    last: Mapping[str, int] = field(default_factory=dict)
    models: dict[str, tuple[Model, Cost]] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment, before: "SharedFits") -> "SharedFits":
        """For the rows of a recipe, with what was fitted before.

        Rows whose settings are searched are not looked at.
        """
        uses: dict[str, list[int]] = defaultdict(list)
        for position, entry in enumerate(experiment.models):
            for name in entry.members or (entry.row,):
                one = experiment.entry(name)
                if one.search:
                    continue
                for recipe in one.recipes():
                    for seed in experiment.seeds:
                        for joined in (False, True):
                            uses[fit_key(recipe, seed, joined=joined)].append(position)
        last = {key: rows[-1] for key, rows in uses.items() if len(set(rows)) > 1}
        return cls(last, dict(before.models))

    def keep(self, key: str, model: Model, cost: Cost) -> None:
        """Keep a model, if another row needs it and it takes little memory."""
        free = available()
        if key in self.last and (free is None or model_bytes(model) <= SHARE * free):
            self.models[key] = model, cost

    def forget(self, position: int) -> None:
        """Drop what no row after a position needs."""
        for key in [key for key in self.models if self.last.get(key, inf) <= position]:
            del self.models[key]


def fit_key(recipe: Recipe, seed: int, *, joined: bool) -> str:
    """What distinguishes a model of train, or of train and validation, from others of the data."""
    kind = f"{type(recipe).__module__}.{type(recipe).__qualname__}"
    drawn = seed if recipe.stochastic else 0
    return f"{kind} {drawn} {joined} {recipe.same_fit().model_dump_json()}"
