"""Content as numbers: named arrays aligned to items, users or events, with their provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting, TooLarge, did_you_mean

IMAGES = "images/"
"""What the names of image encoders begin with, so that their vectors are known as such."""

Entity = Literal["item", "user"]


@dataclass(frozen=True, eq=False)
class Feature:
    """One vector per item, or per user, computed from the catalogue and the training part.

    Attributes:
        vectors: Zero where there is none.
        present: Whether the item or user has one.
        encoder: The encoder of the vectors, with its version.
        source: The input of the encoder (columns, fingerprints), in words.
        used: By table of the dataset ("reviews", "events"), the rows that each vector was computed
            from: entry (i, r) is 1 if row r is part of item i's vector. Empty for features of the
            catalogue alone. The audit compares it with the held-out rows (data leakage).
        of: Whether rows are items or users.
        columns: What each number of a vector stands for, such as the name of an object; empty where
            they have no names.
    """

    vectors: Float[Array, "rows dim"]
    present: Bool[Array, " rows"]
    encoder: str
    source: str
    used: Mapping[str, Csr] = field(default_factory=dict)
    of: Entity = "item"
    columns: Sequence[str] = ()


OTHER = "(other)"
"""The level of rare values, and of values that no training entity has."""
MOST_ONE_HOT = 2 << 30
"""Bytes of a one-hot view at most."""


@dataclass(frozen=True, eq=False)
class CategoricalFeature:
    """Categories of items, or of users: one level of each field, as an integer code.

    Models that embed levels read the codes, so that a field may have very many levels. All others
    read the one-hot vectors.

    Attributes:
        codes: Number of the level of each field; -1 where it is missing.
        fields: Name of each field, such as a column of the catalogue.
        levels: Names of the levels of each field.
        encoder, source, used, of: See `Feature`.
    """

    codes: Int[Array, "rows fields"]
    fields: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    encoder: str
    source: str
    used: Mapping[str, Csr] = field(default_factory=dict)
    of: Entity = "item"

    @property
    def present(self) -> Bool[Array, " rows"]:
        """Whether an item or user has any level."""
        return np.asarray((self.codes >= 0).any(axis=1))

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of each column of the one-hot vectors."""
        fields = zip(self.fields, self.levels, strict=True)
        return tuple(f"{name}={level}" for name, levels in fields for level in levels)

    def one_hot(self) -> Feature:
        """The same as vectors with one column for each level.

        Raises:
            TooLarge: if they would take more than 2 GiB.
        """
        counts = np.array([len(levels) for levels in self.levels], np.int64)
        size = 4 * len(self.codes) * int(counts.sum())
        if size > MOST_ONE_HOT:
            raise TooLarge(
                f"the one-hot vectors of {int(counts.sum()):,} levels for {len(self.codes):,} "
                f"{self.of}s take {size >> 30:,} GiB; raise min_count, or name the feature in "
                "`embed` of a model that embeds levels (dlrm, dcn)"
            )
        vectors = np.zeros((len(self.codes), int(counts.sum())), np.float32)
        row, column = np.nonzero(self.codes >= 0)
        vectors[row, (np.cumsum(counts) - counts)[column] + self.codes[row, column]] = 1
        return Feature(
            vectors, self.present, self.encoder, self.source, self.used, self.of, self.columns
        )


@dataclass(frozen=True, eq=False)
class EventFeature:
    """A feature of the items or users of events, computed without the event itself.

    If the vector of a training event was computed from the event itself, a model learns to read the
    target from the vector (target leakage). So each training event has a variant that was
    computed without it (cross-fitted, or leave-one-out); all other events, and pairs that are no
    event, get the vector that was computed from all of train.

    Attributes:
        whole: Computed from all of the training part.
        entity: Row of each event's item or user, in `whole`.
        variant: Row of each event's own variant in `vectors`; -1 where the whole one is free of
            the event, as for every event that is held out.
        vectors: The variants; zero where there is none.
        present: Whether a variant has a vector.
        used: By table, the rows that each variant was computed from, as in `Feature`.
        left_out: By table, instead of `used`, the rows that are part of the entity's whole vector
            but not of the variant. Leave-one-out variants have far fewer of these.
    """

    whole: Feature
    entity: Int[Array, " events"]
    variant: Int[Array, " events"]
    vectors: Float[Array, "variants dim"]
    present: Bool[Array, " variants"]
    used: Mapping[str, Csr] = field(default_factory=dict)
    left_out: Mapping[str, Csr] = field(default_factory=dict)

    @property
    def of(self) -> Literal["event"]:
        """Whose rows it is aligned to."""
        return "event"

    @property
    def encoder(self) -> str:
        """See `Feature.encoder`."""
        return self.whole.encoder

    @property
    def source(self) -> str:
        """See `Feature.source`."""
        return self.whole.source

    def at(self, rows: Int[Array, " n"]) -> tuple[Float[Array, "n dim"], Bool[Array, " n"]]:
        """Vectors of these events (rows of the log), and whether each has one."""
        entity, variant = self.entity[rows], self.variant[rows]
        vectors, present = self.whole.vectors[entity], self.whole.present[entity]
        own = np.flatnonzero(variant >= 0)
        vectors[own], present[own] = self.vectors[variant[own]], self.present[variant[own]]
        return vectors, present


@dataclass(frozen=True, eq=False)
class TextFeature:
    """The texts of items themselves, for models that read words.

    Attributes:
        text: The texts; none is blank.
        item: Row of the item that each is about.
        user: Row of its author; -1 for texts of the catalogue.
        kind: Number of each text's kind, in `kinds`.
        kinds: Names of the kinds: columns of the catalogue, such as "title", and "review".
        present: Whether an item has a text.
        encoder, source, used: See `Feature`; `used` has one line for each item.
    """

    text: Sequence[str]
    item: Int[Array, " texts"]
    user: Int[Array, " texts"]
    kind: Int[Array, " texts"]
    kinds: tuple[str, ...]
    present: Bool[Array, " items"]
    encoder: str
    source: str
    used: Mapping[str, Csr] = field(default_factory=dict)

    @property
    def of(self) -> Entity:
        """Whose rows it is aligned to."""
        return "item"

    def of_kind(self, name: str) -> Int[Array, " n"]:
        """The texts of a kind; none if there is no such kind."""
        if name not in self.kinds:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.kind == self.kinds.index(name))

    def about(self, items: Bool[Array, " items"]) -> "TextFeature":
        """The texts of some items alone."""
        rows = np.flatnonzero(items[self.item])
        return replace(
            self,
            text=[self.text[row] for row in rows.tolist()],
            item=self.item[rows],
            user=self.user[rows],
            kind=self.kind[rows],
            present=self.present & items,
        )


AnyFeature = Feature | CategoricalFeature | EventFeature | TextFeature
Features = Mapping[str, AnyFeature]
"""The features that a recipe may read, by name."""


def find_feature(features: Features | None, name: str) -> AnyFeature:
    """The feature that a setting names.

    Raises:
        BadSetting: if there is none of that name.
    """
    known = features or {}
    if name not in known:
        hint = did_you_mean(name, known) if known else "there are none"
        raise BadSetting(
            f"there is no feature '{name}': add a table [features.{name}] to the recipe file, or "
            f"give it in TrainingData(features=…); {hint}"
        )
    return known[name]


def find_entity_feature(features: Features | None, name: str) -> Feature:
    """The same, of items or users; categories as one-hot vectors.

    Raises:
        BadSetting: also if it is of events.
        TooLarge: for categories with too many levels.
    """
    feature = find_feature(features, name)
    if isinstance(feature, CategoricalFeature):
        return feature.one_hot()
    if isinstance(feature, EventFeature):
        raise BadSetting(f"the feature '{name}' is of events; name one of items or users")
    if isinstance(feature, TextFeature):
        raise BadSetting(
            f"the feature '{name}' holds texts, which only language models read (cllm4rec); name "
            'one of vectors, such as kind = "items" or "reviews"'
        )
    return feature


def find_item_feature(features: Features | None, name: str) -> Feature:
    """The same, of items.

    Raises:
        BadSetting: also if it is of users or events.
    """
    feature = find_entity_feature(features, name)
    if feature.of != "item":
        raise BadSetting(f"the feature '{name}' is of users; name one of items")
    return feature


def find_user_feature(features: Features | None, name: str) -> Feature:
    """The same, of users.

    Raises:
        BadSetting: also if it is of items or events.
    """
    feature = find_entity_feature(features, name)
    if feature.of != "user":
        raise BadSetting(f"the feature '{name}' is of items; name one of users")
    return feature


def find_texts(features: Features | None, name: str) -> TextFeature:
    """The same, of texts.

    Raises:
        BadSetting: also if it holds vectors.
    """
    feature = find_feature(features, name)
    if not isinstance(feature, TextFeature):
        raise BadSetting(f"the feature '{name}' holds vectors; name one of kind = \"documents\"")
    return feature
