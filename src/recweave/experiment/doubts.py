"""What is doubtful about an experiment: refused, or warned of."""

import logging

import numpy as np

from recweave.core.errors import BadSetting, did_you_mean
from recweave.core.lists import pair_keys
from recweave.data.labels import yes_or_no
from recweave.data.split import Split
from recweave.evaluate.metrics import parse_metric
from recweave.models import Recipe
from recweave.rank.stages import StageRecipe
from recweave.runs.keys import CATEGORIES
from recweave.runs.spec import Experiment

log = logging.getLogger(__name__)


def check_relevant(experiment: Experiment, split: Split, *, choosing: bool) -> None:
    """At least one held-out event must count as liked, or no user has a value."""
    least = experiment.relevant_from
    if least is None:
        return
    for part, events in (("validation", split.valid), ("test", split.test)):
        if len(events) and events.value.max() < least and (part == "test" or choosing):
            raise BadSetting(
                f"'relevant_from' is {least:g}, and no {part} event has such a value: they go from "
                f"{events.value.min():g} to {events.value.max():g}; set it within these",
                at=("relevant_from",),
            )


def check_labels(experiment: Experiment, split: Split) -> None:
    """Click models need events of both classes to learn from, and to be evaluated on."""
    least = experiment.positive_from
    for part, events in (("training", split.train), ("test", split.test)):
        positive = yes_or_no(events.value, least)
        if positive.all() or not positive.any():
            which = "positive" if positive.all() else "negative"
            rule = "all are 0 or 1" if least is None else f"'positive_from' is {least:g}"
            raise BadSetting(
                f"{rule}, and every {part} event is {which}: values go from "
                f"{events.value.min():g} to {events.value.max():g}; set positive_from within these",
                at=("positive_from",),
            )


def warn_of_few_items(experiment: Experiment, items: int) -> None:
    """Lists that are longer than the catalogue hold all items."""
    names = dict.fromkeys((*experiment.metrics, experiment.choose))
    if long := [name for name in names if (parse_metric(name).k or 0) > items]:
        log.warning(
            "the catalogue has %d items, fewer than %s %s for: lists hold all items that may be "
            "shown",
            items,
            ", ".join(long),
            "asks" if len(long) == 1 else "ask",
        )


def warn_of_hidden(split: Split) -> None:
    """Items that a user had before are hidden from lists, so held-out events of them are lost."""
    parts = (split.known, split.test)
    known, test = (pair_keys(part.user, part.item, part.shape[1]) for part in parts)
    hidden = int(np.isin(test, known).sum())
    if 2 * hidden > len(test):
        log.warning(
            "%s of %s test events are of an item that their user had before, such as a view of "
            "what is bought later. Lists hide such items, so no model can score here. Set `fresh = "
            "true` in a leave_last_out split to keep such views out of histories.",
            f"{hidden:,}",
            f"{len(test):,}",
        )


def check_features(experiment: Experiment) -> None:
    """Refuse rows that read a feature which the recipe has not: before hours of other rows.

    Raises:
        BadSetting: naming the row.
    """
    known = dict.fromkeys([CATEGORIES, *experiment.features])
    for index, entry in enumerate(experiment.models):
        parts: list[Recipe | StageRecipe] = [*entry.recipes(), *entry.stages]
        for name in {name: None for part in parts for name in part.features_used()}:
            if name not in known:
                raise BadSetting(
                    f"row '{entry.row}' reads the feature '{name}', which is not there: add a "
                    f"table [features.{name}]; {did_you_mean(name, known)}",
                    at=("models", index),
                )
