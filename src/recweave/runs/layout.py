"""Names of the files in a run folder. Light to import: a command that answers reads two of them."""

from pathlib import Path
from typing import Any

from recweave.core import atomic
from recweave.core.errors import BadArtifact

MADE_FROM = "made_from.json"
RESULT = "result.json"
RESAMPLES = "resamples.parquet"
FAILED = "failed.json"
METRICS = "metrics.json"
FEATURES = "features.json"
REPORT = "report.html"
PER_USER = "per_user.parquet"


def bundle_folder(path: Path, row: str) -> Path:
    """The folder of a row's bundle in a run folder."""
    return path / "bundles" / row


def read_json(path: Path) -> Any:
    """Read a JSON file of a run.

    Raises:
        BadArtifact: if it is missing or broken.
    """
    return atomic.read_json(path, remedy="run the recipe again")


def read_made_from(path: Path) -> dict[str, Any]:
    """`made_from.json` of a run folder.

    Raises:
        BadArtifact: if the folder holds no run, or the file is broken.
    """
    if not (path / MADE_FROM).exists():
        raise BadArtifact(
            f"{path} is no run folder (it has no {MADE_FROM}); name what `recweave run` wrote"
        )
    found = read_json(path / MADE_FROM)
    if not isinstance(found, dict) or not {"recipe", "data"} <= set(found):
        raise BadArtifact(f"{path / MADE_FROM} names no recipe and data; run the recipe again")
    return found
