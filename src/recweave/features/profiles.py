"""Texts written from the training reviews and the catalogue (summaries, profiles), as a feature."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from recweave.core.arrays import Csr
from recweave.core.errors import BadSetting, UnknownName
from recweave.data.dataset import Dataset
from recweave.data.profiles import SCHEMA, Entity, Profiles, Table, name_of
from recweave.data.split import TRAIN, Split
from recweave.encode.encoder import TextEncoder, fingerprint
from recweave.encode.features import AnyFeature as AnyVectors
from recweave.encode.features import EventFeature, Feature
from recweave.encode.labels import MultiHot
from recweave.encode.text import text_encoder
from recweave.enrich import KINDS, Extractive, Material
from recweave.enrich.job import PROFILES
from recweave.features.spec import FeatureContext, FeatureSpec, require_separate_vectors

TABLES: Sequence[Table] = ("reviews", "events")
"""Tables that texts are written from."""


class ProfileText(FeatureSpec):
    """Texts written from train's reviews and the catalogue: summaries, profiles, …

    A run uses the extractive writer, or reads the texts that `recweave enrich` wrote, so running a
    recipe never costs money: estimates, budgets and the ledger belong to `enrich`.
    """

    kind: Literal["profiles"] = "profiles"
    kinds: tuple[str, ...] = Field(
        ("profile",), min_length=1, description="kinds of text, put together in this order"
    )
    of: Entity = Field("item", description="texts of items or of users: item or user")
    folder: str = Field(
        "",
        description="written by `recweave enrich --out`, relative to the recipe file; if empty, "
        "the run writes the texts itself, extractively",
    )
    encoder: str = Field(
        "minilm",
        description="minilm, tfidf, a path, owner/model or openai:…; labels: one number for each "
        "label of the texts, for tags such as price and categories",
    )
    sentences: str = Field("minilm", description="encoder of the extractive writer")
    folds: int = Field(
        0, ge=0, description="cross-fitted variants of each text that the run writes; 0 for none"
    )
    for_events: bool = Field(
        False,
        description="vectors of events: each training event gets the text written without it; "
        "needs cross-fitted texts (`folds`, or `recweave enrich --folds`)",
    )

    def build(self, context: FeatureContext) -> AnyVectors:
        """See `FeatureSpec.build`.

        Raises:
            BadSetting: if the folder's texts were written from other data or for another split.
            BadInput: with `for_events`, if the texts were not cross-fitted.
        """
        for kind in self.kinds:
            if kind not in KINDS:
                raise UnknownName("kind of text", kind, KINDS)
            if self.of not in KINDS[kind].entities:
                raise BadSetting(f"no {kind} is written of a {self.of}; {KINDS[kind].what}")
        if self.for_events:
            require_separate_vectors(self.encoder)
        profiles = (
            self._read(context.base_dir / self.folder, context.dataset, context.split)
            if self.folder
            else self._write(context.dataset, context.split)
        )
        ids = (context.dataset.item_ids if self.of == "item" else context.dataset.user_ids).ids
        texts = self._texts(profiles, ids, {})
        encoder = MultiHot.of(texts) if self.encoder == "labels" else text_encoder(self.encoder)
        vectors = encoder.encode(texts)
        writers = profiles.table.filter(pl.col("kind").is_in(self.kinds), entity=self.of)
        by = ", ".join(writers["writer"].unique(maintain_order=True))
        whole = Feature(
            vectors=vectors,
            present=np.any(vectors, axis=1),
            encoder=encoder.name,
            source=f"{'+'.join(self.kinds)} of {self.of}s by {by}, {fingerprint(texts)}",
            used=self._used(profiles, context.dataset, ids, {}),
            of=self.of,
            columns=encoder.labels if isinstance(encoder, MultiHot) else (),
        )
        if not self.for_events:
            return whole
        return self._for_events(whole, encoder, profiles, context)

    def _for_events(
        self, whole: Feature, encoder: TextEncoder, profiles: Profiles, context: FeatureContext
    ) -> EventFeature:
        """Variants of the texts for the training events that are part of them."""
        dataset, part = context.dataset, context.split.part
        if part is None:
            raise BadSetting("features of events need a split that was cut from the log")
        rows = np.flatnonzero(part == TRAIN)
        folds = pl.DataFrame(
            {kind: profiles.folds_of_events(kind, self.of, dataset, rows) for kind in self.kinds}
        ).with_columns(pl.all().cast(pl.Int32))
        events = folds.with_columns(id=dataset.events[rows][f"{self.of}_id"], row=pl.Series(rows))
        events = events.filter(pl.any_horizontal(pl.col(self.kinds).is_not_null()))
        key = ["id", *self.kinds]
        variants = events.select(key).unique(maintain_order=True).with_row_index("variant")
        events = events.join(variants, on=key, how="left", nulls_equal=True, maintain_order="left")
        by_kind = {kind: variants[kind] for kind in self.kinds}
        texts = self._texts(profiles, variants["id"], by_kind)
        vectors = encoder.encode(texts)
        variant = np.full(len(part), -1, np.int64)
        variant[events["row"].to_numpy()] = events["variant"].to_numpy()
        log = dataset.interactions()
        return EventFeature(
            whole=whole,
            entity=log.item if self.of == "item" else log.user,
            variant=variant,
            vectors=vectors.reshape(-1, whole.vectors.shape[1]),
            present=np.any(vectors, axis=1),
            used=self._used(profiles, dataset, variants["id"], by_kind),
        )

    def _texts(
        self, profiles: Profiles, ids: pl.Series, folds: Mapping[str, pl.Series]
    ) -> list[str]:
        """The texts of all kinds joined: the variants in `folds`, or those of all of train."""
        texts = pl.DataFrame(
            {kind: profiles.texts(kind, self.of, ids, folds.get(kind)) for kind in self.kinds}
        )
        joined = texts.select(pl.concat_str(pl.all(), separator="\n", ignore_nulls=True))
        return joined.to_series().to_list()

    def _read(self, folder: Path, dataset: Dataset, split: Split) -> Profiles:
        profiles = Profiles.load(folder / PROFILES)
        for what, found, expected in (
            ("data", profiles.dataset, dataset.fingerprint),
            ("the split", profiles.split, name_of(split)),
        ):
            if found != expected:
                raise BadSetting(
                    f"the texts in {folder} were written from {what} {found}, and this run has "
                    f"{expected}; write them for this recipe: recweave enrich RECIPE.toml --out …"
                )
        return profiles

    def _write(self, dataset: Dataset, split: Split) -> Profiles:
        writer = Extractive(text_encoder(self.sentences))
        material = Material.of(dataset, split, folds=self.folds)
        tasks = [task for task in material.tasks(self.kinds) if task.entity == self.of]
        rows = [
            {"entity": task.entity, "id": task.id, "kind": task.kind, "fold": task.fold}
            | {"text": text, "writer": writer.name, KINDS[task.kind].reads: task.rows.tolist()}
            for task, text in writer.write(material, tasks)
        ]
        table = pl.DataFrame(rows, schema=SCHEMA)
        return Profiles(table, dataset.fingerprint, name_of(split))

    def _used(
        self, profiles: Profiles, dataset: Dataset, ids: pl.Series, folds: Mapping[str, pl.Series]
    ) -> dict[str, Csr]:
        """The rows behind the texts of all kinds, by table."""
        rows: dict[str, Csr] = {}
        for table in TABLES:
            size = len(getattr(dataset, table))
            parts = [
                profiles.used(kind, self.of, ids, table, size, folds.get(kind))
                for kind in self.kinds
            ]
            used = sum(parts[1:], parts[0])
            if used.nnz:
                used.data[:] = 1
                rows[table] = used
        return rows
