"""What each part of a run was made from, on disk, for the audit."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.atomic import atomic_file
from recweave.encode import Features
from recweave.encode.features import AnyFeature, EventFeature

PROVENANCE = "provenance.parquet"
COLUMNS: Mapping[str, pl.DataType] = {
    "feature": pl.String(),
    "part": pl.Enum(["whole", "variant", "left_out", "entity_of", "variant_of"]),
    "line": pl.UInt32(),
    "table": pl.String(),
    "row": pl.UInt32(),
}
"""`part` says what a line of the file means.

whole: Row `row` of `table` had a part in vector `line` of an item or user.
variant: The same of vector `line` of a feature of events.
left_out: Vector `line` of a feature of events was made without this row, which its entity's has.
entity_of, variant_of: The event `row` has the entity, or the variant, `line`.
"""


def write_provenance(features: Features, path: Path) -> None:
    """Write the rows behind each feature, and the vector of each event; the file appears whole."""
    parts = [pl.DataFrame(schema=COLUMNS)]
    for name, feature in features.items():
        for part, table, line, row in _lines(feature):
            columns = {
                "feature": pl.repeat(name, len(row), eager=True),
                "part": pl.repeat(part, len(row), eager=True),
                "line": line.astype(np.uint32),
                "table": pl.repeat(table, len(row), eager=True),
                "row": row.astype(np.uint32),
            }
            parts.append(pl.DataFrame(columns, schema=COLUMNS))
    with atomic_file(path) as draft:
        pl.concat(parts).write_parquet(draft)


Lines = tuple[str, str, Int[Array, " n"], Int[Array, " n"]]
"""Part, table, lines and rows."""


def _lines(feature: AnyFeature) -> Iterator[Lines]:
    if isinstance(feature, EventFeature):
        yield from _lines(feature.whole)
        for part, behind in (("variant", feature.used), ("left_out", feature.left_out)):
            for table, rows in behind.items():
                yield part, table, *rows.nonzero()
        events = np.arange(len(feature.entity))
        yield "entity_of", "events", feature.entity, events
        own = np.flatnonzero(feature.variant >= 0)
        yield "variant_of", "events", feature.variant[own], own
    else:
        for table, used in feature.used.items():
            yield "whole", table, *used.nonzero()
