"""Settings searched on validation with Optuna: the same number of trials for every model."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.core.progress import track
from recweave.core.version import VERSION
from recweave.evaluate.metrics import parse_metric
from recweave.experiment.choose import Trial, best, try_out
from recweave.experiment.edges import edges_of_ranges
from recweave.experiment.prepare import Prepared, prepare
from recweave.models import RECIPES, Recipe, Tune
from recweave.runs.entry import Entry
from recweave.runs.environment import environment
from recweave.runs.folder import RunFolder
from recweave.runs.spec import Experiment

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tuned:
    """A row with the settings that validation chose.

    Attributes:
        row: The row's name.
        entry: The row with the best settings filled in.
        value: The choosing metric on validation.
        trials: How many settings were tried, the recipe's own among them.
    """

    row: str
    entry: Entry
    value: float
    trials: int


def tune(
    experiment: Experiment, out: Path, *, trials: int, seed: int = 0, base_dir: Path = Path()
) -> Iterator[Tuned]:
    """Search each row's settings; the rows come as they are done.

    The recipe's own settings are tried first, so the result is never worse than they are. Trials
    are saved: an interrupted search asks Optuna for the same settings again and finds their values.

    Args:
        experiment: The recipe; settings with a search space (`recweave show MODEL`) are searched,
            those written into the recipe are its first trial.
        out: The folder that keeps the trials.
        trials: Fits per row; the same for each, so that no model is favoured.
        seed: Of the search.
        base_dir: The folder that the recipe's relative paths start from.

    Raises:
        MissingExtra: without Optuna.
        BadSetting: if the split leaves no validation events.
    """
    require("optuna", extra="tune")
    folder = RunFolder(out)
    folder.check()
    prepared = prepare(experiment, base_dir, check=folder.check)
    if not len(prepared.split.valid):
        raise BadSetting(f"the split {prepared.split.how} leaves no validation events to tune by")
    made_from = {
        "tuning": experiment.key(),
        "data": prepared.identity,
        "version": VERSION,
    }
    folder.start(made_from, environment())
    for row, entry in zip(experiment.rows(), experiment.models, strict=True):
        if entry.members:
            continue  # its weights are learned by `run`
        tried = _search(prepared, folder, row, entry, trials, seed)
        found = best(tried, experiment.choose)
        for edge in edges_of_ranges(found.recipe, search_space(RECIPES[entry.kind])):
            log.warning("%s: %s; it is the end of the range", row, edge)
        chosen = {
            name: value
            for name, value in found.recipe.model_dump(mode="json").items()
            if name in entry.settings or value != _default(found.recipe, name)
        }
        tuned = entry.model_copy(update={"settings": chosen, "search": {}})
        yield Tuned(row, tuned, found.value, len(tried))


def _search(
    prepared: Prepared, folder: RunFolder, row: str, entry: Entry, trials: int, seed: int
) -> list[Trial]:
    optuna = require("optuna", extra="tune")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kind = RECIPES[entry.kind]
    space = search_space(kind)
    metric = parse_metric(prepared.experiment.choose)
    study = optuna.create_study(
        direction="maximize" if metric.sign > 0 else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed),
    )
    tried = [try_out(prepared, folder, entry, entry.recipes()[0])]
    if not space:
        return tried
    for _ in track(range(trials - 1), f"{row}: tuning"):
        asked = study.ask()
        suggested = {name: _suggest(asked, name, how, kind) for name, how in space.items()}
        recipe = kind.parse(entry.settings | suggested, f"model '{entry.kind}'")
        trial = try_out(prepared, folder, entry, recipe)
        study.tell(asked, trial.value)
        tried.append(trial)
    return tried


def search_space(kind: type[Recipe]) -> dict[str, Tune]:
    """The settings of a recipe that can be searched, and how."""
    return {
        name: mark
        for name, field in kind.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Tune)
    }


def _suggest(asked: Any, name: str, how: Tune, kind: type[Recipe]) -> Any:
    if how.choices:
        # By position, since Optuna takes only plain values as choices.
        return how.choices[asked.suggest_categorical(name, list(range(len(how.choices))))]
    if how.low is None or how.high is None:
        raise ValueError(f"{kind.__name__}.{name} has neither choices nor a range to tune over")
    if isinstance(how.low, int) and isinstance(how.high, int):
        return asked.suggest_int(name, how.low, how.high, log=how.log)
    return asked.suggest_float(name, how.low, how.high, log=how.log)


def _default(recipe: Recipe, name: str) -> Any:
    return json.loads(type(recipe)().model_dump_json()).get(name)
