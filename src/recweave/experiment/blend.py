"""A row that blends other rows of the table, by weights learned on validation."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recweave.core.measure import Cost, measured
from recweave.evaluate import parse_metric
from recweave.experiment.prepare import Prepared
from recweave.models import RECIPES, Model, Query, Recipe
from recweave.models.blend import Blend
from recweave.models.learn_blend import learn_blend
from recweave.runs.entry import Entry
from recweave.runs.folder import RunFolder


def fit_blend(
    prepared: Prepared, folder: RunFolder, entry: Entry, seed: int, fold: int | None = None
) -> tuple[Blend, Blend, Cost]:
    """The members fitted again with the settings of their rows, and their blend.

    Weights are learned with members that have seen train alone, whatever they are refitted on.

    Returns:
        The blend, the blend of the members that have seen train alone (the same one, unless the
        recipe refits), and what both cost.
    """
    recipes = member_recipes(folder, entry, seed, fold)
    fits = [prepared.fit(recipe, seed=seed, final=False) for recipe in recipes]
    with measured() as cost:
        blend = honest = weighted(prepared, entry, [model for model, _ in fits])
    if prepared.experiment.refits:
        again = [prepared.fit(recipe, seed=seed, final=True) for recipe in recipes]
        blend = replace(blend, members=tuple(model for model, _ in again))
        fits += again
    cost.seconds += sum(one.seconds for _, one in fits)
    peaks = [one.peak_mb for one in (cost, *(one for _, one in fits)) if one.peak_mb is not None]
    cost.peak_mb = max(peaks, default=None)
    return blend, honest, cost


def member_recipes(folder: RunFolder, entry: Entry, seed: int, fold: int | None) -> list[Recipe]:
    """What the rows that a blend joins were fitted with.

    Raises:
        BadArtifact: if one of them is not done.
    """
    chosen = [folder.read_cell(row, seed, fold)[0]["recipe"] for row in entry.members]
    return [RECIPES[one["name"]].parse(one["settings"], "a blend's member") for one in chosen]


def weighted(prepared: Prepared, entry: Entry, members: Sequence[Model]) -> Blend:
    """The blend of models fitted on train alone, by the entry's weights or learned ones."""
    if entry.weights:
        return Blend(tuple(members), np.array(entry.weights, np.float32), entry.members)
    return replace(learn_weights(prepared, members), names=entry.members)


def learn_weights(prepared: Prepared, members: Sequence[Model]) -> Blend:
    """The blend of trained models, by weights learned on validation.

    Each query is asked at the time of its first validation event, as in evaluation.
    """
    split = prepared.split
    k = min(parse_metric(prepared.experiment.choose).k or 10, split.train.shape[1])
    return learn_blend(members, Query.before(split.train, split.valid), split.valid, k=k)
