"""What answers for a folder: the bundle itself, or the bundle of a run's best row."""

from pathlib import Path

from recweave.bundle import Bundle
from recweave.bundle.saved import MANIFEST
from recweave.core.errors import BadArtifact, BadSetting
from recweave.runs.folder import MADE_FROM, RunFolder
from recweave.runs.summary import read_run


def open_bundle(folder: Path, row: str = "") -> Bundle:
    """The bundle of a folder that `recweave fit` or `recweave run` wrote.

    Args:
        folder: A bundle, or a run.
        row: Of a run: the row whose bundle is meant; the best one without it.

    Raises:
        BadArtifact: if the folder is neither, or the run kept no bundle of the row.
        BadSetting: if a row is named for a bundle, which has but one.
        UnknownName: if the run has no such row.
    """
    if (folder / MANIFEST).exists():
        bundle = Bundle.load(folder)
        if row not in ("", bundle.name):
            raise BadSetting(f"{folder} is the bundle of '{bundle.name}'; leave --row out")
        return bundle
    if not (folder / MADE_FROM).exists():
        raise BadArtifact(
            f"{folder} is neither a bundle (it has no {MANIFEST}) nor a run (no {MADE_FROM}); name "
            "a folder that `recweave fit --out` or `recweave run` wrote"
        )
    run = read_run(folder)
    name = row or run.best_row().name
    run.experiment.entry(name)
    path = RunFolder(folder).bundle(name)
    if not path.exists():
        raise BadArtifact(f"{folder} kept no bundle of '{name}'; run its recipe with save = true")
    return Bundle.load(path)
