"""Ids outside, rows inside."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.errors import UnknownId, did_you_mean


class Vocabulary:
    """A one-to-one map between ids (strings) and rows 0, 1, 2, …

    Attributes:
        kind: What the ids name, for messages ("user", "item").
        ids: The ids in row order, as a Polars string column.
    """

    def __init__(self, kind: str, ids: Iterable[str] | pl.Series) -> None:
        self.kind = kind
        given = ids if isinstance(ids, pl.Series) else list(ids)
        self.ids = pl.Series(kind, given, dtype=pl.String)
        if self.ids.null_count() or self.ids.n_unique() != len(self.ids):
            raise ValueError(f"the ids of a {kind} vocabulary must be unique and present")

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id: object) -> bool:
        return id in self._row

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self):,} {self.kind}s>"

    @cached_property
    def _row(self) -> dict[str, int]:
        return {id: row for row, id in enumerate(self.ids)}

    def row(self, id: str) -> int:
        """The row of one id.

        Raises:
            UnknownId: if there is no such id, with the nearest one.
        """
        try:
            return self._row[id]
        except KeyError:
            hint = did_you_mean(id, self.ids.head(50_000)) if len(self) > 5 else ""
            example = f", such as '{self.ids[0]}'" if len(self) else ""
            known = f"there are {len(self):,} known ones{example}"
            near = hint if hint.startswith("did") else known
            raise UnknownId(f"no {self.kind} has the id '{id}'; {near}") from None

    def rows(self, ids: pl.Series | Sequence[str]) -> Int[Array, " n"]:
        """Rows of many ids, -1 for an unknown one."""
        asked = pl.Series("id", ids, dtype=pl.String)
        found = asked.cast(pl.Enum(self.ids), strict=False).to_physical().cast(pl.Int32)
        return np.asarray(found.fill_null(-1).to_numpy())

    def names(self, rows: Int[Array, " n"]) -> list[str]:
        """Ids of rows; those that are -1, as at the end of a short list, are left out."""
        return self.ids.gather(rows[rows >= 0].astype(np.uint32)).to_list()
