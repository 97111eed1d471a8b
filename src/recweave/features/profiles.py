"""What a writer made of train's reviews and the catalogue, as a feature."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from recweave.core.arrays import Csr
from recweave.core.errors import BadSetting, UnknownName
from recweave.data.dataset import Dataset
from recweave.data.profiles import SCHEMA, Entity, Profiles, Table, name_of
from recweave.data.split import Split
from recweave.encode.encoder import fingerprint
from recweave.encode.features import Feature
from recweave.encode.text import text_encoder
from recweave.enrich import KINDS, Extractive, Material
from recweave.enrich.job import PROFILES
from recweave.features.spec import FeatureContext, FeatureSpec

TABLES: Sequence[Table] = ("reviews", "events")
"""Tables that texts are written from."""


class ProfileText(FeatureSpec):
    """What a writer made of train's reviews and the catalogue: summaries, profiles, …

    A run writes extractively or reads what `recweave enrich` wrote, so that running a recipe never
    spends money: estimates, budgets and the ledger are those of `enrich`.
    """

    kind: Literal["profiles"] = "profiles"
    kinds: tuple[str, ...] = Field(
        ("profile",), min_length=1, description="kinds of text, put together in this order"
    )
    of: Entity = Field("item", description="of whom: item or user")
    folder: str = Field(
        "",
        description="written by `recweave enrich --out`, relative to the recipe file; if empty, "
        "written now, extractively",
    )
    encoder: str = Field("minilm", description="minilm, tfidf, a path, owner/model or openai:…")
    sentences: str = Field("minilm", description="the encoder that the extractive writer picks by")

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`.

        Raises:
            BadSetting: if the folder's texts were written from other data or for another split.
        """
        for kind in self.kinds:
            if kind not in KINDS:
                raise UnknownName("kind of text", kind, KINDS)
            if self.of not in KINDS[kind].entities:
                raise BadSetting(f"no {kind} is written of a {self.of}; {KINDS[kind].what}")
        profiles = (
            self._read(context.base_dir / self.folder, context.dataset, context.split)
            if self.folder
            else self._write(context.dataset, context.split)
        )
        ids = (context.dataset.item_ids if self.of == "item" else context.dataset.user_ids).ids
        told = pl.DataFrame({kind: profiles.texts(kind, self.of, ids) for kind in self.kinds})
        joined = told.select(pl.concat_str(pl.all(), separator="\n", ignore_nulls=True))
        texts = joined.to_series().to_list()
        encoder = text_encoder(self.encoder)
        vectors = encoder.encode(texts)
        writers = profiles.table.filter(pl.col("kind").is_in(self.kinds), entity=self.of)
        by = ", ".join(writers["writer"].unique(maintain_order=True))
        return Feature(
            vectors=vectors,
            present=np.any(vectors, axis=1),
            encoder=encoder.name,
            source=f"{'+'.join(self.kinds)} of {self.of}s by {by}, {fingerprint(texts)}",
            used=self._used(profiles, context.dataset, ids),
            of=self.of,
        )

    def _read(self, folder: Path, dataset: Dataset, split: Split) -> Profiles:
        profiles = Profiles.load(folder / PROFILES)
        for what, theirs, ours in (
            ("data", profiles.dataset, dataset.fingerprint),
            ("the split", profiles.split, name_of(split)),
        ):
            if theirs != ours:
                raise BadSetting(
                    f"the texts in {folder} were written from {what} {theirs}, and this run "
                    f"has {ours}; write them for this recipe: recweave enrich RECIPE.toml --out …"
                )
        return profiles

    def _write(self, dataset: Dataset, split: Split) -> Profiles:
        writer = Extractive(text_encoder(self.sentences))
        material = Material.of(dataset, split)
        tasks = [task for task in material.tasks(self.kinds) if task.entity == self.of]
        rows = [
            {"entity": task.entity, "id": task.id, "kind": task.kind, "text": text}
            | {"writer": writer.name, KINDS[task.kind].reads: task.rows.tolist()}
            for task, text in writer.write(material, tasks)
        ]
        table = pl.DataFrame(rows, schema=SCHEMA)
        return Profiles(table, dataset.fingerprint, name_of(split))

    def _used(self, profiles: Profiles, dataset: Dataset, ids: pl.Series) -> dict[str, Csr]:
        """The rows behind the texts of all kinds, by table."""
        found: dict[str, Csr] = {}
        for table in TABLES:
            size = len(getattr(dataset, table))
            parts = [profiles.used(kind, self.of, ids, table, size) for kind in self.kinds]
            behind = sum(parts[1:], parts[0])
            if behind.nnz:
                behind.data[:] = 1
                found[table] = behind
        return found
