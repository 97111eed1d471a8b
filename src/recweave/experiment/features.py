"""What a recipe file may ask to be made of words and numbers: `[features.NAME]`, one for each."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field
from scipy import sparse

from recweave.core.arrays import Csr, unit_rows
from recweave.core.errors import BadSetting, UnknownName
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.data.profiles import SCHEMA, Entity, Profiles, Table, name_of
from recweave.data.reviews import train_reviews
from recweave.data.split import TRAIN, Split
from recweave.encode import Feature, Features
from recweave.encode.encoder import fingerprint
from recweave.encode.items import FIELDS, encode_items, item_texts
from recweave.encode.numeric import Code, Fourier, LogBucket, encode_numbers
from recweave.encode.reviews import encode_reviews
from recweave.encode.text import text_encoder
from recweave.enrich import KINDS, Extractive, Material
from recweave.enrich.interest import Interest
from recweave.enrich.job import PROFILES

TABLES: Sequence[Table] = ("reviews", "events")
"""Tables that texts are written from."""
HERE = Path()


class FeatureSpec(Value, ABC):
    """How a feature is made: from the catalogue, or from train's part of the reviews."""

    @abstractmethod
    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
        """The vectors.

        Args:
            dataset: Whose items and users.
            split: Tells train's reviews from those held out.
            made: The features above this one in the file.
            beside: The folder that relative paths start from.
        """


class ItemText(FeatureSpec):
    """The words of the catalogue."""

    kind: Literal["items"] = "items"
    fields: tuple[str, ...] = Field(FIELDS, min_length=1, description="columns, in order")
    encoder: str = Field("minilm", description="minilm, tfidf, a path, owner/model or openai:…")

    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
        """See `FeatureSpec.build`."""
        return encode_items(dataset, self.fields, text_encoder(self.encoder))


class ReviewText(FeatureSpec):
    """The mean of the reviews of an item, or of a user; those of train alone."""

    kind: Literal["reviews"] = "reviews"
    of: Literal["item", "user"] = Field("item", description="whose reviews are averaged")
    encoder: str = Field("minilm", description="minilm, tfidf, a path, owner/model or openai:…")
    leak: bool = Field(False, description="read held-out reviews too: wrong, to test the audit by")

    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
        """See `FeatureSpec.build`."""
        if not len(dataset.reviews):
            raise BadSetting(f"{dataset.name} has no reviews; use kind = 'items'")
        rows = np.arange(len(dataset.reviews)) if self.leak else train_reviews(dataset, split)
        return encode_reviews(dataset, rows, self.of, text_encoder(self.encoder))


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

    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
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
            self._read(beside / self.folder, dataset, split)
            if self.folder
            else self._write(dataset, split)
        )
        ids = (dataset.item_ids if self.of == "item" else dataset.user_ids).ids
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
            used=self._used(profiles, dataset, ids),
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


class Number(FeatureSpec):
    """A number of the catalogue, such as the price."""

    kind: Literal["number"] = "number"
    field: str = Field(description="a column of the items")
    code: Code = Field(LogBucket(), description="digits, log_bucket or fourier")

    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
        """See `FeatureSpec.build`."""
        if self.field not in dataset.items.columns:
            raise UnknownName("column of the items", self.field, dataset.items.columns)
        values = np.full(len(dataset.item_ids), np.nan)
        row = dataset.item_ids.rows(dataset.items["item_id"])
        values[row] = dataset.items[self.field].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return encode_numbers(values, self.code, source=f"items.{self.field}")


class InterestHorizon(FeatureSpec):
    """How long interest in an item lasts: its half-life in days, fitted from train's events."""

    kind: Literal["interest"] = "interest"
    code: Code = Field(Fourier(), description="how the number becomes a vector")

    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
        """See `FeatureSpec.build`."""
        half_life = Interest.fit(split.train).half_life.astype(np.float64)
        feature = encode_numbers(half_life, self.code, source="half-life of interest, in days")
        return replace(feature, used={"events": _events_behind(split)})


def _events_behind(split: Split) -> Csr:
    """Which rows of the log are train's events with each item."""
    if split.part is None:
        raise BadSetting("a split that was not cut from one log cannot tell a feature's events")
    rows = np.flatnonzero(split.part == TRAIN)
    shape = (split.train.shape[1], len(split.part))
    ones = np.ones(len(rows), np.float32)
    return sparse.csr_array((ones, (split.train.item, rows)), shape=shape)


class TextLength(FeatureSpec):
    """A control: nothing but how long the text of each item is."""

    kind: Literal["length"] = "length"
    fields: tuple[str, ...] = Field(FIELDS, min_length=1, description="columns, in order")

    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
        """See `FeatureSpec.build`."""
        lengths = np.array([float(len(text)) for text in item_texts(dataset, self.fields)])
        return encode_numbers(
            lengths, LogBucket(per_doubling=4), source=f"length of items.{'+'.join(self.fields)}"
        )


class Shuffled(FeatureSpec):
    """A control: the vectors of another feature, dealt out among the items that have one."""

    kind: Literal["shuffled"] = "shuffled"
    feature: str = Field(description="a feature above this one")
    seed: int = Field(0, description="of the draw")

    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
        """See `FeatureSpec.build`."""
        other = made[self.feature]
        rows = np.flatnonzero(other.present)
        drawn = np.random.default_rng(self.seed).permutation(rows)
        source = np.arange(len(other.present))
        source[rows] = drawn
        return replace(
            other,
            vectors=other.vectors[source],
            source=f"{other.source}, shuffled",
            used={table: used[source] for table, used in other.used.items()},
        )


class RandomVectors(FeatureSpec):
    """A control: random vectors of length 1, as many numbers as another feature has."""

    kind: Literal["random"] = "random"
    feature: str = Field(description="a feature above this one")
    seed: int = Field(0, description="of the draw")

    def build(self, dataset: Dataset, split: Split, made: Features, beside: Path = HERE) -> Feature:
        """See `FeatureSpec.build`."""
        other = made[self.feature]
        rng = np.random.default_rng(self.seed)
        vectors = unit_rows(rng.standard_normal(other.vectors.shape, dtype=np.float32))
        vectors[~other.present] = 0
        return Feature(vectors, other.present, "random/1", "drawn at random", of=other.of)


AnyFeature = Annotated[
    ItemText
    | ReviewText
    | ProfileText
    | Number
    | InterestHorizon
    | TextLength
    | Shuffled
    | RandomVectors,
    Field(discriminator="kind"),
]


def in_order(features: Mapping[str, FeatureSpec]) -> None:
    """Make sure that features stand below those they are made from.

    Raises:
        ValueError: naming the first that does not.
    """
    above: list[str] = []
    for name, spec in features.items():
        needed = getattr(spec, "feature", None)
        if needed is not None and needed not in above:
            raise ValueError(
                f"the feature '{name}' is made from '{needed}', which must be above it"
            )
        above.append(name)
