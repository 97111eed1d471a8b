"""Recipe files from Python: what `recweave run` and `recweave fit` do, as two functions."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from recweave.bundle import Bundle
from recweave.experiment.fit import fit as fit_row
from recweave.experiment.run import run as run_experiment
from recweave.runs.spec import Experiment, RecipeText, read_recipe
from recweave.runs.summary import Summary


def fit(recipe: str | Path | Experiment, row: str = "", *, run: str | Path | None = None) -> Bundle:
    """Train one row of a recipe on all data.

    Args:
        recipe: A recipe file, or one that was read.
        row: The row; needed where there are several.
        run: The folder of a finished run of the recipe, whose chosen settings are taken.

    Raises:
        BadSetting: for a file that cannot be read, or several rows of which none is named.
    """
    experiment, base_dir = _read(recipe)
    with _naming_lines(recipe):
        return fit_row(experiment, row, base_dir=base_dir, run=None if run is None else Path(run))


def run(recipe: str | Path | Experiment, out: str | Path | None = None) -> Summary:
    """Run all rows of a recipe into a run folder; what was done before is not done again.

    Args:
        recipe: A recipe file, or one that was read.
        out: The run folder; one under runs/ without it.
    """
    experiment, base_dir = _read(recipe)
    named = "run" if isinstance(recipe, Experiment) else Path(recipe).stem
    folder = Path("runs") / f"{named}-{experiment.key()}" if out is None else Path(out)
    text = None if isinstance(recipe, Experiment) else RecipeText.of(Path(recipe))
    family = named if out is None else ""
    with _naming_lines(recipe):
        return run_experiment(experiment, folder, base_dir=base_dir, family=family, text=text)


def _naming_lines(recipe: str | Path | Experiment) -> AbstractContextManager[None]:
    if isinstance(recipe, Experiment):
        return nullcontext()
    return RecipeText.of(Path(recipe)).naming_lines()


def _read(recipe: str | Path | Experiment) -> tuple[Experiment, Path]:
    if isinstance(recipe, Experiment):
        return recipe, Path()
    path = Path(recipe)
    return read_recipe(path), path.parent
