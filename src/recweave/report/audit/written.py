"""Every text that a run may have read of an item or user: columns, and what writers made."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.errors import RecweaveError
from recweave.data.profiles import Entity, Profiles
from recweave.data.reviews import review_parts
from recweave.data.split import TRAIN
from recweave.data.vocabulary import Vocabulary
from recweave.enrich import KINDS
from recweave.enrich.job import PROFILES
from recweave.features.profiles import ProfileText
from recweave.report.audit.case import Case, Cut
from recweave.report.audit.finding import Level

LONGEST = 40_000_000
"""Characters of one column that are looked at; of a longer one, every n-th text."""
NO_TEXT = ("item_id", "user_id", "images")


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts of items or of users.

    Attributes:
        where: What they are, such as "the column 'description' of the items".
        of: Whose.
        row: The item or user of each; one may have several.
        text: No nulls.
        features, stages: Of the run, that read them.
        read: Whether anything of the run may read them.
    """

    where: str
    of: Entity
    row: Int[Array, " n"]
    text: pl.Series
    features: tuple[str, ...] = ()
    stages: tuple[tuple[str, int], ...] = field(default=())
    read: bool = True

    @property
    def level(self) -> Level:
        """Of a finding in these texts: a leak only if the run may have read it."""
        return "leak" if self.read else "note"

    @property
    def remedy(self) -> str:
        """What to do about held-out data in these texts."""
        if not self.read:
            return "nothing of this run reads it; take it out of the data before something does"
        return "take it out of the data, or make it from the training part alone, and run again"


def all_texts(case: Case) -> Iterator[Texts]:
    """The texts of the items' and users' tables, and of folders that `recweave enrich` wrote."""
    tables: tuple[tuple[Entity, pl.DataFrame, Vocabulary], ...] = (
        ("item", case.dataset.items, case.dataset.item_ids),
        ("user", case.dataset.users, case.dataset.user_ids),
    )
    for of, table, ids in tables:
        for column in table.columns:
            if column in NO_TEXT or (words := as_text(table[column])) is None:
                continue
            yield _bounded(
                Texts(
                    where=f"the column '{column}' of the {of}s",
                    of=of,
                    row=ids.rows(table[f"{of}_id"]),
                    text=words,
                    features=case.features_reading(column),
                    stages=case.stages_reading(column),
                    read=case.is_read(column),
                )
            )
    yield from _profiles(case)


def as_text(column: pl.Series) -> pl.Series | None:
    """A column of texts, or of lists of them, as texts; None for anything else."""
    if isinstance(column.dtype, pl.List) and column.dtype.inner == pl.String:
        return column.list.join(" ", ignore_nulls=True)
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    return None


def _profiles(case: Case) -> Iterator[Texts]:
    for name, spec in case.summary.experiment.features.items():
        if not isinstance(spec, ProfileText) or not spec.folder:
            continue
        try:
            table = Profiles.load(case.base_dir / spec.folder / PROFILES).table
        except RecweaveError:
            continue  # its texts were deleted since; the rows behind them are checked all the same
        own = table.filter(pl.col("kind").is_in(spec.kinds), entity=spec.of)
        ids = case.dataset.item_ids if spec.of == "item" else case.dataset.user_ids
        yield _bounded(
            Texts(
                where=f"the texts in '{spec.folder}' behind the feature '{name}'",
                of=spec.of,
                row=ids.rows(own["id"]),
                text=own["text"],
                features=(name, *_made_from(case, name)),
            )
        )


def _made_from(case: Case, name: str) -> tuple[str, ...]:
    """Features that are made from one."""
    found = [name]
    for other, spec in case.summary.experiment.features.items():
        if any(above in found for above in spec.made_from()):
            found.append(other)
    return tuple(found[1:])


def _bounded(texts: Texts) -> Texts:
    """Without nulls, blanks and rows that are not known; of very long ones every n-th."""
    present = (texts.text.fill_null("").str.strip_chars() != "").to_numpy() & (texts.row >= 0)
    chosen = np.flatnonzero(present)
    size = int(texts.text.str.len_chars().sum() or 0)
    chosen = chosen[:: max(1, -(-size // LONGEST))]
    return Texts(
        texts.where,
        texts.of,
        texts.row[chosen].astype(np.int64),
        texts.text.gather(chosen),
        texts.features,
        texts.stages,
        texts.read,
    )


def without_rows(table: pl.DataFrame, cut: Cut) -> pl.Series:
    """Ids of texts that name no rows they were written from, though their writer had some.

    A text of an item without training reviews may be written from the catalogue alone, if the kind
    of text allows it.

    Args:
        table: Of `Profiles`, of one entity.
        cut: What the texts were written of.
    """
    bare = table.filter(
        pl.col("text").is_not_null(),
        pl.col("reviews").list.len().fill_null(0) == 0,
        pl.col("events").list.len().fill_null(0) == 0,
    )
    found = []
    for (entity, kind), own in bare.group_by("entity", "kind", maintain_order=True):
        known = KINDS.get(str(kind))
        if known is None or not known.catalogue:
            found.append(own["id"])
            continue
        rows = np.flatnonzero(
            np.asarray(cut.split.part) == TRAIN
            if known.reads == "events"
            else review_parts(cut.dataset, cut.split) == TRAIN
        )
        having = getattr(cut.dataset, known.reads)[f"{entity}_id"].gather(rows)
        found.append(own["id"].filter(own["id"].is_in(having.unique().implode())))
    return pl.concat(found) if found else pl.Series("id", [], pl.String)
