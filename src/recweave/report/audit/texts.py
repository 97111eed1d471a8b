"""Whether texts that `recweave enrich` wrote rest on held-out rows, or on the rows they are for."""

from pathlib import Path

import numpy as np
import polars as pl

from recweave.core.errors import BadArtifact, BadInput
from recweave.data.dataset import Dataset
from recweave.data.profiles import Entity, Profiles, Table, name_of
from recweave.data.split import TRAIN, Split
from recweave.enrich.job import PROFILES
from recweave.report.audit.case import Cut
from recweave.report.audit.finding import Audit, Finding
from recweave.report.audit.ids import named_in
from recweave.report.audit.quotes import HeldOutReviews, quoted_in
from recweave.report.audit.rows import BEHIND, held_out_rows, parts_of
from recweave.report.audit.written import Texts, without_rows


def audit_texts(folder: Path, dataset: Dataset, split: Split) -> Audit:
    """Check the rows behind each text against the split, and what the texts say themselves.

    Cross-fitted texts are checked against themselves too: for each row that a kind of text rests
    on there must be a variant of its entity that the row had no part in.

    Args:
        folder: What `recweave enrich --out` wrote.
        dataset: What it was written from.
        split: What it was written for.

    Raises:
        BadArtifact: if there are no texts, they were written from other data or for another split,
            or a row is behind every variant of a cross-fitted text.
    """
    profiles = Profiles.load(folder / PROFILES)
    if profiles.dataset != dataset.fingerprint:
        raise BadArtifact(
            f"{folder} was written from data with fingerprint {profiles.dataset}; "
            f"{dataset.name} has {dataset.fingerprint}"
        )
    if name_of(split) != profiles.split:
        raise BadArtifact(
            f"{folder} was written for the split {profiles.split}, not for {name_of(split)}; "
            "give the same --split and --split-seed as to `recweave enrich`"
        )
    cut = Cut(dataset, split)
    held_out = HeldOutReviews.of(cut)
    findings: list[Finding] = []
    checked = []
    for (entity, kind), own in profiles.table.group_by("entity", "kind", maintain_order=True):
        name = f"{entity} {kind}"
        tables: tuple[Table, ...] = ("reviews", "events")
        for table in tables:
            rows = np.unique(own[table].explode().drop_nulls().to_numpy()).astype(np.int64)
            if not len(rows):
                continue
            parts = parts_of(table, dataset, split)
            leaked = rows[parts[rows] != TRAIN]
            if len(leaked):
                where = f"the texts '{name}'"
                findings.append(held_out_rows(where, name, table, leaked, parts, dataset))
            line = f"{len(own):,} texts '{name}': {len(rows):,} {table} behind them"
            checked.append(line + _crossed(profiles, kind, entity, own, table))
        findings += _by_content(own, name, entity, cut, held_out)
    checked.append("texts: searched for ids of held-out pairs and words of held-out reviews")
    return Audit(findings, checked)


def _by_content(
    own: pl.DataFrame, name: str, entity: Entity, cut: Cut, held_out: HeldOutReviews
) -> list[Finding]:
    """What the texts themselves say, whatever rows they name; and those that name none."""
    ids = cut.dataset.item_ids if entity == "item" else cut.dataset.user_ids
    there = own.filter(pl.col("text").is_not_null())
    row = ids.rows(there["id"]).astype(np.int64)
    texts = Texts(f"the texts '{name}'", entity, row[row >= 0], there["text"].filter(row >= 0))
    findings = [*named_in(cut, texts), *quoted_in(cut, texts, held_out)]
    bare = without_rows(own, cut)
    if len(bare):
        findings.append(
            Finding(
                check=BEHIND,
                level="unverified",
                where=f"the texts '{name}'",
                what=f"{len(bare):,} of {len(own):,} name no rows that they were written from, so "
                "nobody can check whether held-out rows are in them",
                count=len(bare),
                example=f"the text of {bare[0]}",
                remedy="write them with `recweave enrich`, which keeps the rows behind each",
                evidence={"texts": len(own), "without_rows": len(bare)},
            )
        )
    return findings


def _crossed(profiles: Profiles, kind: str, entity: str, own: pl.DataFrame, table: Table) -> str:
    if own["fold"].is_null().all():
        return "; not cross-fitted, so no model may learn from these rows with them"
    whole = own.filter(pl.col("fold").is_null())[table].explode().drop_nulls().unique()
    try:
        profiles.folds(
            kind, "item" if entity == "item" else "user", whole.cast(pl.Int64).to_numpy(), table
        )
    except BadInput as error:
        raise BadArtifact(str(error)) from None
    return "; each has a variant that it had no part in"
