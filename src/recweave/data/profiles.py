"""Texts about items and users, each with the rows of the dataset it was written from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.atomic import atomic_file
from recweave.core.errors import BadArtifact, BadInput, did_you_mean
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.data.dataset import Dataset
from recweave.data.parts import PAIR
from recweave.data.split import Split

Entity = Literal["item", "user"]
Table = Literal["reviews", "events"]

SCHEMA: dict[str, pl.DataType] = {
    "entity": pl.Enum(["item", "user"]),
    "id": pl.String(),
    "kind": pl.String(),  # summary, price, categories, …
    "fold": pl.Int32(),  # null: from all of train; f: from what the dealing left outside fold f
    "text": pl.String(),  # null: there was nothing to write from
    "writer": pl.String(),  # who wrote it, with its version
    "reviews": pl.List(pl.UInt32),  # rows of dataset.reviews that the writer was shown
    "events": pl.List(pl.UInt32),  # rows of dataset.events, likewise
}
KEY = ["entity", "id", "kind", "fold"]
FORMAT = "1"


def name_of(split: Split) -> str:
    """A split's name: how it was cut, and a hash of what fell where."""
    parts = b"" if split.part is None else np.asarray(split.part, np.int8).tobytes()
    return f"{split.how} {hashlib.sha256(parts).hexdigest()[:12]}"


@dataclass(frozen=True, eq=False)
class Profiles:
    """What writers made of the training part, with provenance.

    A model that learns from a row may not read a text that the row had a part in
    (target leakage): `folds` says which variant that row may see, and `texts` gives it.

    Attributes:
        table: The columns of `SCHEMA`; one row for each of `KEY`.
        dataset: Fingerprint of the dataset whose rows are meant.
        split: The `name_of` the split whose training part was read.
    """

    table: pl.DataFrame
    dataset: str
    split: str

    def __post_init__(self) -> None:
        try:
            table = self.table.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
        except POLARS_ERRORS as error:
            raise BadInput(f"the profiles do not fit their columns: {error}") from None
        twice = table.filter(table.select(KEY).is_duplicated())
        if len(twice):
            raise BadInput(f"two profiles have one key: {twice.row(0, named=True)}; drop one")
        object.__setattr__(self, "table", table)

    def __repr__(self) -> str:
        kinds = self.table.group_by("entity", "kind").len().sort("entity", "kind").iter_rows()
        listed = ", ".join(f"{n:,} {entity} {kind}" for entity, kind, n in kinds)
        return f"<Profiles: {listed or 'none'}>"

    def texts(
        self,
        kind: str,
        entity: Entity,
        ids: Sequence[str] | pl.Series,
        fold: int | Sequence[int | None] | pl.Series | None = None,
    ) -> pl.Series:
        """The text of each id, in order; null where there is none.

        Args:
            kind: Such as "summary".
            entity: Whose ids they are.
            ids: May repeat.
            fold: The variant: None is written from all of train, f without the rows of fold f;
                one for all ids, or one for each (see `folds`).

        Raises:
            BadInput: if no text of the kind was written for such entities.
        """
        return self._find(kind, entity, ids, fold)["text"]

    def used(
        self,
        kind: str,
        entity: Entity,
        ids: Sequence[str] | pl.Series,
        of: Table,
        size: int,
        fold: int | Sequence[int | None] | pl.Series | None = None,
    ) -> Csr:
        """Which of the `size` rows of a table each text was written from, one line per id.

        This is what `Feature.used` holds.
        """
        rows = self._find(kind, entity, ids, fold)[of]
        count = rows.list.len().fill_null(0).to_numpy()
        columns = rows.explode().drop_nulls().to_numpy()
        line = np.repeat(np.arange(len(rows)), count)
        ones = np.ones(len(columns), np.float32)
        matrix: Csr = sparse.csr_array((ones, (line, columns)), shape=(len(rows), size))
        return matrix

    def folds(
        self, kind: str, entity: Entity, rows: Int[Array, " n"] | Sequence[int], of: Table
    ) -> pl.Series:
        """For each row of a table, the fold whose text of its entity the row had no part in.

        Null stands for the text written from all of train: it is free of rows that it was not
        written from, those held out above all. The answer comes from provenance itself, so the text
        that it leads to was never shown the row.

        Raises:
            BadInput: if a row is in all variants, as the texts were not cross-fitted.
        """
        own = self._of_kind(kind, entity).select("id", "fold", row=of)
        shown = own.explode("row").drop_nulls("row")
        asked = pl.DataFrame({"row": np.asarray(rows)}, schema={"row": pl.UInt32})
        bound = asked.unique().join(shown.filter(pl.col("fold").is_null()).drop("fold"), on="row")
        variants = own.filter(pl.col("fold").is_not_null()).select("id", "fold")
        free = (
            bound.join(variants, on="id")
            .join(shown, on=["id", "fold", "row"], how="anti")
            .group_by("row")
            .agg(pl.col("fold").min())
        )
        caught = bound.join(free, on="row", how="anti")
        if len(caught):
            row, id = caught.row(0)
            raise BadInput(
                f"every {kind} of {entity} '{id}' was written with row {row} of the {of}, so none "
                "may be used to learn from that row; write them with `recweave enrich --folds`"
            )
        return asked.join(free, on="row", how="left", maintain_order="left")["fold"]

    def folds_of_events(
        self, kind: str, entity: Entity, dataset: Dataset, rows: Int[Array, " n"]
    ) -> pl.Series:
        """The same for rows of events: an event and the reviews of its user and item are one.

        Raises:
            BadInput: as `folds` does; or if the texts were written from another dataset.
        """
        if dataset.fingerprint != self.dataset:
            raise BadInput(
                f"the profiles were written from data with fingerprint {self.dataset}, not from "
                f"{dataset.name} ({dataset.fingerprint}); write them again with `recweave enrich`"
            )
        own = self._of_kind(kind, entity)
        if own["events"].list.len().sum():
            return self.folds(kind, entity, rows, "events")
        read = own["reviews"].explode().drop_nulls().unique()
        written = dataset.reviews.select(PAIR).with_row_index("row")
        pairs = dataset.events[rows].select(PAIR)
        first = written.filter(pl.col("row").is_in(read.implode())).join(pairs, on=PAIR, how="semi")
        first = first.group_by(PAIR).agg(pl.col("row").min())
        found = self.folds(kind, entity, first["row"].cast(pl.Int64).to_numpy(), "reviews")
        led = first.with_columns(fold=found)
        return pairs.join(led, on=PAIR, how="left", maintain_order="left")["fold"]

    def save(self, file: Path) -> None:
        """Write one Parquet file, whole or not at all."""
        about = {"format": FORMAT, "dataset": self.dataset, "split": self.split}
        metadata = {f"recweave.{key}": value for key, value in about.items()}
        with atomic_file(file) as draft:
            self.table.write_parquet(draft, metadata=metadata)

    @classmethod
    def load(cls, file: Path) -> "Profiles":
        """Read what `save` wrote.

        Raises:
            BadArtifact: if the file is missing, broken or of another format.
        """
        again = "write it again with `recweave enrich`"
        try:
            metadata = pl.read_parquet_metadata(file)
            table = pl.read_parquet(file, glob=False)
        except (OSError, *POLARS_ERRORS) as error:
            raise BadArtifact(f"{file} cannot be read ({error}); {again}") from None
        if metadata.get("recweave.format") != FORMAT:
            raise BadArtifact(f"{file} holds no profiles of format {FORMAT}; {again}")
        return cls(table, dataset=metadata["recweave.dataset"], split=metadata["recweave.split"])

    def _of_kind(self, kind: str, entity: Entity) -> pl.DataFrame:
        found = self.table.filter(entity=entity, kind=kind)
        if not len(found):
            known = self.table.filter(entity=entity)["kind"].unique()
            hint = did_you_mean(kind, known) if len(known) else "there are none at all"
            raise BadInput(f"no {kind} of any {entity} was written; {hint}")
        return found

    def _find(
        self,
        kind: str,
        entity: Entity,
        ids: Sequence[str] | pl.Series,
        fold: int | Sequence[int | None] | pl.Series | None,
    ) -> pl.DataFrame:
        own = self._of_kind(kind, entity)
        asked = pl.DataFrame({"id": pl.Series(ids, dtype=pl.String)})
        folds = pl.lit(fold) if fold is None or isinstance(fold, int) else pl.Series(fold)
        asked = asked.with_columns(fold=folds.cast(pl.Int32))
        return asked.join(
            own, on=["id", "fold"], how="left", nulls_equal=True, maintain_order="left"
        )
