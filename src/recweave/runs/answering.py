"""What answers for a folder: the bundle itself, or the bundle of a run's best row.

What reads whole runs is imported only if it is needed: it imports the metrics, which takes as long
as loading a bundle.
"""

from pathlib import Path

from recweave.bundle import Bundle
from recweave.bundle.saved import MANIFEST
from recweave.core.errors import BadArtifact, BadSetting, UnknownName
from recweave.runs.failures import row_failed
from recweave.runs.layout import MADE_FROM, METRICS, bundle_folder, read_json, read_made_from


def open_bundle(folder: Path, row: str = "") -> Bundle:
    """The bundle of a folder that `recweave fit` or `recweave run` wrote.

    Args:
        folder: A bundle, or a run.
        row: Of a run: the row whose bundle is meant; the best one without it.

    Raises:
        BadArtifact: if the folder is neither, the run kept no bundle of the row, or the row failed.
        BadSetting: if a row is named for a bundle, which has but one.
        UnknownName: if the run has no such row.
    """
    if (folder / MANIFEST).exists():
        bundle = Bundle.load(folder)
        if row not in ("", bundle.name):
            raise BadSetting(f"{folder} is the bundle of '{bundle.name}'; leave --row out")
        return bundle
    return Bundle.load(_of_run(folder, row))


def _of_run(folder: Path, row: str) -> Path:
    """The folder of the bundle of a run's row."""
    if not (folder / MADE_FROM).exists():
        raise BadArtifact(
            f"{folder} is neither a bundle (it has no {MANIFEST}) nor a run (no {MADE_FROM}); name "
            "a folder that `recweave fit --out` or `recweave run` wrote"
        )
    read_made_from(folder)
    rows, best, failed = _rows(folder)
    if row in failed:
        raise row_failed(folder, row, failed[row])
    name = row or best
    if name not in rows:
        raise UnknownName("row", name, rows)
    path = bundle_folder(folder, name)
    if not path.exists():
        raise BadArtifact(f"{folder} kept no bundle of '{name}'; run its recipe with save = true")
    return path


def _rows(folder: Path) -> tuple[list[str], str, dict[str, str]]:
    """The names of a run's rows, the best one, and why others failed.

    They come from the summary alone: the values of single users would take seconds to read.
    """
    match read_json(folder / METRICS) if (folder / METRICS).exists() else None:
        case {"models": [*models], "best": str(best), "failed": dict(failed)}:
            return [row["name"] for row in models], best, failed
    from recweave.runs.summary import read_run

    run = read_run(folder)
    return run.names(), run.best_row().name, dict(run.failed)
