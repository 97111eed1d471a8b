"""A row that blends other rows of the table, by weights learned on validation."""

from dataclasses import replace
from typing import Any

from recweave.evaluate import parse_metric
from recweave.experiment.bench import Bench
from recweave.experiment.folder import RunFolder
from recweave.experiment.measure import Cost, measured
from recweave.experiment.spec import Entry
from recweave.models import RECIPES, Model, Query
from recweave.models.learn_blend import learn_blend


def fit_blend(
    bench: Bench, folder: RunFolder, entry: Entry, seed: int
) -> tuple[Model, dict[str, Any], Cost]:
    """The members fitted anew as their rows chose, their blend, and the weight of each.

    Weights are learned with members that have seen train alone, whatever they are refitted on.
    """
    chosen = [folder.read_cell(row, seed)[0]["recipe"] for row in entry.members]
    recipes = [RECIPES[one["name"]].parse(one["settings"], "a blend's member") for one in chosen]
    split = bench.split
    with measured() as cost:
        members = [bench.fit(recipe, seed=seed, final=False)[0] for recipe in recipes]
        k = parse_metric(bench.experiment.choose).k or 10
        blend = learn_blend(members, Query.of(split.train), split.valid, k=k)
        if bench.experiment.refits:
            again = (bench.fit(recipe, seed=seed, final=True)[0] for recipe in recipes)
            blend = replace(blend, members=tuple(again))
    blend = replace(blend, names=entry.members)
    weights = dict(zip(entry.members, blend.weights.tolist(), strict=True))
    return blend, {"weights": weights}, cost
