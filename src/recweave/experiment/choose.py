"""Which settings are best on validation: every tried one is kept, so none is tried twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recweave.core.progress import track
from recweave.evaluate.metrics import parse_metric
from recweave.experiment.bench import Bench
from recweave.experiment.folder import RunFolder, read_json, write_json
from recweave.experiment.spec import Entry
from recweave.models import Recipe


@dataclass(frozen=True)
class Trial:
    """A setting that was tried.

    Attributes:
        recipe: What was fitted on train.
        value: The choosing metric on validation.
        seconds: Of the fit.
    """

    recipe: Recipe
    value: float
    seconds: float


def try_out(bench: Bench, folder: RunFolder, entry: Entry, recipe: Recipe) -> Trial:
    """Fit on train, judge on validation; from the folder if it was done before."""
    metric = bench.experiment.choose
    stages = [stage.model_dump(mode="json") for stage in entry.stages]
    seed = bench.experiment.seeds[0]
    asked = {"name": entry.name, "recipe": recipe.model_dump(mode="json"), "stages": stages}
    file = folder.trial(metric=metric, seed=seed, **asked)
    if not file.exists():
        model, cost = bench.fit(recipe, seed=seed, final=False)
        value = bench.judge(model, entry, on="valid", metrics=(metric,)).means()[metric].mean
        write_json(file, {**asked, "metric": metric, "value": value, "seconds": cost.seconds})
    kept: dict[str, Any] = read_json(file)
    return Trial(recipe, kept["value"], kept["seconds"])


def choose(bench: Bench, folder: RunFolder, row: str, entry: Entry) -> tuple[Recipe, list[Trial]]:
    """The recipe that is best on validation, and all that were tried; the first of equals.

    Nothing is tried where there is nothing to choose.
    """
    recipes = entry.recipes()
    if len(recipes) == 1:
        return recipes[0], []
    trials = [
        try_out(bench, folder, entry, recipe) for recipe in track(recipes, f"{row}: choosing")
    ]
    return best(trials, bench.experiment.choose).recipe, trials


def best(trials: Sequence[Trial], metric: str) -> Trial:
    """The trial with the best value of the metric; the first of equals."""
    sign = -1 if parse_metric(metric).lower_is_better else 1
    return max(trials, key=lambda trial: sign * trial.value)
