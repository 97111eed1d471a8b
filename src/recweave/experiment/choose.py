"""The best settings on validation; each trial is saved, so none is made twice."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any

from recweave.core.atomic import write_json
from recweave.core.errors import TooLarge
from recweave.core.measure import Cost
from recweave.core.progress import track
from recweave.evaluate.metrics import parse_metric
from recweave.experiment.edges import edges_of_grid
from recweave.experiment.prepare import Prepared
from recweave.models import Model, Recipe
from recweave.runs.entry import Entry
from recweave.runs.folder import RunFolder
from recweave.runs.keys import trial_case
from recweave.runs.layout import read_json

log = logging.getLogger(__name__)

Fitted = tuple[Model, Cost]


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


@dataclass(frozen=True, eq=False)
class Chosen:
    """What validation chose for a row.

    Attributes:
        recipe: The best setting.
        trials: All that were tried; none where there was nothing to choose.
        fitted: Its model and cost, if it was fitted just now and not in an earlier run.
    """

    recipe: Recipe
    trials: Sequence[Trial] = ()
    fitted: Fitted | None = None


def try_out(prepared: Prepared, folder: RunFolder, entry: Entry, recipe: Recipe) -> Trial:
    """Fit on train, evaluate on validation; from the folder if it was done before."""
    return attempt(prepared, folder, entry, recipe)[0]


def attempt(
    prepared: Prepared, folder: RunFolder, entry: Entry, recipe: Recipe
) -> tuple[Trial, Fitted | None]:
    """The same, with the model and its cost if it was fitted just now."""
    metric = prepared.experiment.choose
    settings = [stage.model_dump(mode="json") for stage in entry.stages]
    seed = prepared.experiment.seeds[0]
    made = recipe.same_fit().model_dump(mode="json")
    asked = {"name": entry.kind, "recipe": made, "stages": settings}
    case = trial_case(prepared.experiment, entry, prepared.identity)
    file = folder.trial(metric=metric, seed=seed, case=case, **asked)
    fitted = None
    if not file.exists():
        fitted = model, cost = prepared.fit(recipe, seed=seed, final=False)
        stages = prepared.fit_stages(entry, model)
        report = prepared.evaluate(model, stages, on="valid", metrics=(metric,))
        value = report.value(metric)
        write_json(file, {**asked, "metric": metric, "value": value, "seconds": cost.seconds})
    saved: dict[str, Any] = read_json(file)
    return Trial(recipe, saved["value"], saved["seconds"]), fitted


def choose(prepared: Prepared, folder: RunFolder, row: str, entry: Entry) -> Chosen:
    """The recipe that is best on validation; the first of equals.

    Nothing is tried where there is nothing to choose. The best model so far is kept while others
    are fitted, so that it need not be fitted again, unless there is no room for both.
    """
    recipes = _distinct(row, entry.recipes())
    if len(recipes) == 1:
        return Chosen(recipes[0])
    trials: list[Trial] = []
    best_fitted: Fitted | None = None
    for recipe in track(recipes, f"{row}: choosing"):
        try:
            trial, fitted = attempt(prepared, folder, entry, recipe)
        except TooLarge:
            if best_fitted is None:
                raise
            best_fitted = None
            trial, fitted = attempt(prepared, folder, entry, recipe)
        trials.append(trial)
        if best(trials, prepared.experiment.choose) is trial:
            best_fitted = fitted
        del fitted
    found = best(trials, prepared.experiment.choose).recipe
    for edge in edges_of_grid(entry, found):
        log.warning("%s: %s; widen `search`, or let `recweave auto` look", row, edge)
    return Chosen(found, trials, best_fitted)


def _distinct(row: str, recipes: Sequence[Recipe]) -> list[Recipe]:
    """Recipes that make different models; the first of those that make the same."""
    found: dict[str, Recipe] = {}
    for recipe in recipes:
        found.setdefault(recipe.same_fit().model_dump_json(), recipe)
    if len(found) < len(recipes):
        log.warning(
            "%s: %d of the %d settings to search make the same model as another; they are not "
            "fitted again",
            row,
            len(recipes) - len(found),
            len(recipes),
        )
    return list(found.values())


def best(trials: Sequence[Trial], metric: str) -> Trial:
    """The trial with the best value of the metric; the first of equals.

    A trial without a value (NaN: no user has one) is worse than any other.
    """
    sign = parse_metric(metric).sign
    return max(trials, key=lambda trial: -inf if isnan(trial.value) else sign * trial.value)
