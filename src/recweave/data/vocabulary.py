"""Ids outside, rows inside."""

import zlib
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import polars as pl
from jaxtyping import Int, UInt64

from recweave.core.arrays import Array
from recweave.core.errors import UnknownId, did_you_mean


def in_hash_order(ids: pl.Series) -> pl.Series:
    """The distinct ids, sorted by a fixed hash of the id; the same on every machine.

    Rows in this order say nothing about the item: a catalogue is often sorted by sales or by age,
    and ids are often given in order of time, so a tie that went by either would carry popularity.
    """
    distinct = ids.unique()
    keys = pl.DataFrame({"hash": _fixed_hash(distinct), "id": distinct})
    return keys.sort("hash", "id")["id"]


def _fixed_hash(ids: pl.Series) -> UInt64[Array, " n"]:
    """CRC-32 of the UTF-8 bytes, mixed by the finalizer of SplitMix64.

    CRC-32 alone is linear in the bits of an id, so ids that count up would keep some order.
    """
    crc = map(zlib.crc32, ids.cast(pl.Binary).to_list())
    mixed = np.fromiter(crc, np.uint64, len(ids))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


FEW = 4
"""Ids that are searched for one by one: a table of all ids takes longer to build."""

MANY = 100
"""… and of a list that is this much shorter than the vocabulary, each is looked up in a map that
is built once, as for the history of a request."""


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
        """Rows of some ids, -1 for an unknown one."""
        asked = pl.Series("id", ids, dtype=pl.String)
        if len(asked) <= FEW:
            one_by_one = [None if id is None else self.ids.index_of(id) for id in asked]
            return np.array([-1 if row is None else row for row in one_by_one], np.int32)
        if len(asked) * MANY < len(self):
            return np.array([self._row.get(id, -1) for id in asked], np.int32)
        found = asked.cast(pl.Enum(self.ids), strict=False).to_physical().cast(pl.Int32)
        return np.asarray(found.fill_null(-1).to_numpy())

    def names(self, rows: Int[Array, " n"]) -> list[str]:
        """Ids of rows; those that are -1, as at the end of a short list, are left out."""
        return self.ids.gather(rows[rows >= 0].astype(np.uint32)).to_list()
