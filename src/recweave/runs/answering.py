"""What answers for a folder: the bundle itself, or the bundle of a run's best row.

What reads runs is imported where it is needed: it brings the metrics along, which a bundle answers
without, and they take as long to import as a bundle takes to load.
"""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from recweave.bundle import Bundle
from recweave.bundle.saved import MANIFEST
from recweave.core.errors import BadArtifact, BadSetting, UnknownName


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
    return Bundle.load(_of_run(folder, row))


def _of_run(folder: Path, row: str) -> Path:
    """The folder of the bundle of a run's row."""
    from recweave.runs.folder import MADE_FROM, RunFolder, read_json

    if not (folder / MADE_FROM).exists():
        raise BadArtifact(
            f"{folder} is neither a bundle (it has no {MANIFEST}) nor a run (no {MADE_FROM}); name "
            "a folder that `recweave fit --out` or `recweave run` wrote"
        )
    made_from = read_json(folder / MADE_FROM)
    found = _rows(folder)
    name = row or _best(found, made_from["recipe"]["choose"])
    if name not in found:
        raise UnknownName("row", name, found)
    path = RunFolder(folder).bundle(name)
    if not path.exists():
        raise BadArtifact(f"{folder} kept no bundle of '{name}'; run its recipe with save = true")
    return path


def _rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows of a run with the means of their metrics, in the order of the recipe.

    They come from the summary alone: the values of single users would take seconds to read.
    """
    from recweave.runs.folder import METRICS, read_json

    if not (folder / METRICS).exists():
        from recweave.runs.summary import read_run

        return {row["name"]: row for row in read_run(folder).to_json()["models"]}
    return {row["name"]: row for row in read_json(folder / METRICS)["models"]}


def _best(rows: Mapping[str, Mapping[str, Any]], choose: str) -> str:
    """The best row by a metric, as `Summary.best_row` finds it."""
    from recweave.evaluate.metrics import parse_metric

    metric = parse_metric(choose)
    means = {name: row["metrics"].get(metric.name, {}).get("mean") for name, row in rows.items()}
    known = {name: mean for name, mean in means.items() if mean is not None and isfinite(mean)}
    if not known:
        return next(iter(rows))
    return max(known, key=lambda name: metric.sign * known[name])
