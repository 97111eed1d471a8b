"""What each part of a run was made from, on disk, for the audit."""

from pathlib import Path

import numpy as np
import polars as pl

from recweave.core.atomic import atomic_file
from recweave.encode import Features

PROVENANCE = "provenance.parquet"
COLUMNS = {
    "feature": pl.String,
    "line": pl.UInt32,
    "table": pl.String,
    "row": pl.UInt32,
}


def write_provenance(features: Features, path: Path) -> None:
    """One line for each row of a table that had a part in a vector; the file appears whole."""
    parts = [pl.DataFrame(schema=COLUMNS)]
    for name, feature in features.items():
        for table, used in feature.used.items():
            line, row = used.nonzero()
            columns = {
                "feature": pl.repeat(name, len(row), eager=True),
                "line": line.astype(np.uint32),
                "table": pl.repeat(table, len(row), eager=True),
                "row": row.astype(np.uint32),
            }
            parts.append(pl.DataFrame(columns, schema=COLUMNS))
    with atomic_file(path) as draft:
        pl.concat(parts).write_parquet(draft)
