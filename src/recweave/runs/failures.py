"""What is said where a row of a run is asked for that could not be made."""

from collections.abc import Mapping
from pathlib import Path

from recweave.core.errors import BadArtifact


def row_failed(folder: Path, row: str, reason: str) -> BadArtifact:
    """The error of one row."""
    return BadArtifact(
        f"'{row}' of {folder} failed ({reason}); name another row, or mend the cause and run the "
        "recipe again"
    )


def all_failed(folder: Path, failed: Mapping[str, str]) -> BadArtifact:
    """The error of a run without a row.

    Args:
        folder: The run folder.
        failed: The reason of each row, by name; at least one.
    """
    row, reason = next(iter(failed.items()))
    return BadArtifact(
        f"every row of {folder} failed, the first, '{row}', with: {reason}; mend the cause and run "
        "the recipe again"
    )
