"""One row of the table fitted: its model, and its stages with what they learn on validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recweave.core.measure import Cost
from recweave.experiment.blend import fit_blend
from recweave.experiment.choose import Chosen
from recweave.experiment.prepare import Prepared
from recweave.models import Model
from recweave.rank import Stage
from recweave.rank.stages import StageRecipe, settled
from recweave.runs.entry import Entry
from recweave.runs.folder import RunFolder


@dataclass(frozen=True, eq=False)
class FittedRow:
    """A row for one seed and fold.

    Attributes:
        model: What is reported.
        stages: Applied to its lists.
        settings: Of the recipe; of a blend, its weights.
        stage_settings: Those that make the stages again without validation.
        cost: Of the model's fit.
    """

    model: Model
    stages: Sequence[Stage]
    settings: dict[str, Any]
    stage_settings: Sequence[StageRecipe]
    cost: Cost


def fit_row(
    prepared: Prepared,
    folder: RunFolder,
    entry: Entry,
    seed: int,
    fold: int | None,
    chosen: Chosen | None,
) -> FittedRow:
    """Fit a row's model and stages, as the recipe file says.

    What stages learn on validation, they learn with a model fitted on train alone; the reported
    model may be fitted on validation as well (`refit`).

    Args:
        prepared: The data.
        folder: Of the run; a blend finds the settings of its members there.
        entry: The row.
        seed, fold: Of the fit.
        chosen: The settings of the row; None for a blend.
    """
    refits = prepared.experiment.refits
    model: Model
    honest: Model | None
    if chosen is None:
        blend, honest, cost = fit_blend(prepared, folder, entry, seed, fold)
        model = blend
        settings = {"weights": dict(zip(entry.members, blend.weights.tolist(), strict=True))}
    else:
        tried = chosen.fitted if seed == prepared.experiment.seeds[0] else None
        if tried is not None and not refits:
            model, cost = tried
        else:
            model, cost = prepared.fit(chosen.recipe, seed=seed, final=True)
        settings = chosen.recipe.model_dump(mode="json")
        honest = model if not refits else tried[0] if tried else None
        if honest is None and any(stage.learns for stage in entry.stages):
            honest = prepared.fit(chosen.recipe, seed=seed, final=False)[0]
    stages = prepared.fit_stages(entry, honest)
    return FittedRow(model, stages, settings, settled(entry.stages, stages), cost)
