"""Whether anything a run learned from was held out, row by row, from what the run wrote down."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array, digest
from recweave.core.errors import BadArtifact
from recweave.data.dataset import Dataset
from recweave.data.interactions import join
from recweave.data.reviews import review_parts
from recweave.data.split import BETWEEN, DROPPED, PARTS, TEST, TRAIN, VALID, Parts, Split
from recweave.evaluate import Catalogue
from recweave.experiment.prepare import cut
from recweave.report.audit_events import reads_itself
from recweave.runs.folder import RunFolder
from recweave.runs.summary import Comparison, Row, Summary, against, read_run

SHOWN = 5
"""Rows that a finding names."""
NAMES = {code: name for name, code in PARTS.items()}
NAMES |= {BETWEEN: "after validation", DROPPED: "left out"}


@dataclass(frozen=True)
class Finding:
    """A feature that knows what it must not.

    Attributes:
        feature: Its name in the recipe.
        table: The table of the dataset that it read.
        rows: The rows it was made from that are not train's.
        parts: How many of these are of each part.
        examples: The first of them: row, user, item and part.
        circular: The rows are train's, but the very training event they belong to learns from
            them.
    """

    feature: str
    table: str
    rows: Int[Array, " rows"]
    parts: dict[str, int]
    examples: Sequence[dict[str, Any]]
    circular: bool = False

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} of {name}" for name, count in self.parts.items())
        some = "; ".join(
            f"row {e['row']} (user {e['user_id']}, item {e['item_id']}, {e['part']})"
            for e in self.examples
        )
        more = " …" if len(self.rows) > len(self.examples) else ""
        if self.circular:
            return (
                f"the feature '{self.feature}' gives {len(self.rows):,} training events a vector "
                f"that was made from their own {self.table}: {some}{more}"
            )
        return (
            f"the feature '{self.feature}' was made from {len(self.rows):,} {self.table} that are "
            f"not train's ({told}): {some}{more}"
        )

    def to_json(self) -> dict[str, Any]:
        """For machines; all rows."""
        return {
            "feature": self.feature,
            "table": self.table,
            "rows": self.rows.tolist(),
            "parts": self.parts,
            "examples": list(self.examples),
            "circular": self.circular,
        }


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        findings: Leaks; none if the run is clean.
        checked: What was looked at, in words.
        inflated: For each row that draws on a leaking feature and has a twin that does not (the
            same model, the same other settings): how much better it looks than its twin.
    """

    findings: Sequence[Finding]
    checked: Sequence[str]
    inflated: Sequence[tuple[str, Comparison]]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "clean": not self.findings,
            "checked": list(self.checked),
            "findings": [finding.to_json() for finding in self.findings],
            "inflated": [
                {
                    "row": c.row,
                    "twin": twin,
                    "metric": c.metric,
                    "by": c.difference.mean,
                    "low": c.difference.low,
                    "high": c.difference.high,
                    "p": c.p,
                }
                for twin, c in self.inflated
            ],
        }


def audit(folder: Path) -> Audit:
    """Walk the rows behind each feature of a run, and check them against the split.

    The data is read and cut again as the recipe says; the rows behind a feature are those that the
    run wrote down as it made it.

    Args:
        folder: A finished run.

    Raises:
        BadArtifact: if the folder holds no run, if its provenance is missing, or if the data is
            no longer that of the run.
    """
    summary = read_run(folder)
    base_dir = Path(summary.environment.get("base_dir", "."))
    checked: list[str] = []
    findings: list[Finding] = []
    for fold in summary.experiment.folds():
        dataset, split, _ = cut(summary.experiment, base_dir, fold)
        if dataset.fingerprint != summary.data["fingerprint"]:
            raise BadArtifact(
                f"{folder} was run on data with fingerprint {summary.data['fingerprint']}; what "
                f"'{summary.data['name']}' holds now is another ({dataset.fingerprint}); run it "
                "again"
            )
        found, told = _audit_fold(folder, summary, dataset, split, fold)
        findings += found
        checked += told if fold is None else [f"fold {fold}: {line}" for line in told]
    leaking = {finding.feature for finding in findings}
    return Audit(findings, checked, _inflated(summary, leaking))


def _audit_fold(
    folder: Path, summary: Summary, dataset: Dataset, split: Split, fold: int | None
) -> tuple[list[Finding], list[str]]:
    checked = [_parts_are_apart(split), *_learned(folder, summary, split, fold)]
    if not summary.experiment.features:
        return [], checked
    found, told = _features(folder, summary, dataset, split, fold)
    return found, checked + told


def _parts_are_apart(split: Split) -> str:
    counts = {name: len(getattr(split, name)) for name in PARTS}
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    assert split.part is not None
    if [int((split.part == code).sum()) for code in PARTS.values()] != list(counts.values()):
        raise ValueError("the parts of the split share events")
    return f"the split, cut again: {told} events, none in two parts"


def _learned(folder: Path, summary: Summary, split: Split, fold: int | None) -> list[str]:
    """Models and statistics, by the hash of the events that they were made from.

    Raises:
        BadArtifact: if one of them was made from other events than it may learn from.
    """
    experiment = summary.experiment
    allowed = experiment.final_events(split).digest()
    cells = [(row, seed) for row in experiment.rows() for seed in experiment.seeds]
    results = {cell: RunFolder(folder).read_cell(*cell, fold)[0] for cell in cells}
    for (row, seed), result in results.items():
        if result.get("learned_from") != allowed:
            raise BadArtifact(
                f"{folder}: '{row}' (seed {seed}) was not fitted on the events of "
                f"{experiment.refit} of the recipe's split; run the recipe again into a new "
                "folder"
            )
    train = Catalogue.of(split.train)
    counted = [result.get("statistics") for result in results.values()]
    if fold is None:
        counted = [summary.data.get("statistics")]
    if any(one != digest(train.events, train.owners) for one in counted):
        raise BadArtifact(
            f"{folder}: what metrics and slices know of items was not counted in train alone; "
            "run the recipe again into a new folder"
        )
    ids = len(np.setdiff1d(join(split.valid, split.test).item, split.train.item))
    return [
        f"{len(cells)} fitted models: each from the events of {experiment.refit} and no others",
        "counts of items behind metrics and slices: from train alone",
        f"vocabulary: {ids:,} items occur in held-out events alone; models know their rows and "
        "what the catalogue says of them, and no event",
    ]


def _features(
    folder: Path, summary: Summary, dataset: Dataset, split: Split, fold: int | None
) -> tuple[list[Finding], list[str]]:
    path = RunFolder(folder).provenance(fold)
    try:
        behind = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadArtifact(
            f"{path} cannot be read ({error}), so nobody can tell what its features were made "
            "from; run the recipe again into a new folder"
        ) from None
    findings: list[Finding] = []
    told = []
    for name in summary.experiment.features:
        own = behind.filter(pl.col("feature") == name)
        made_from = own.filter(pl.col("part").is_in(["whole", "variant"]))
        tables = made_from.group_by("table", maintain_order=True)
        looked = 0
        for (table,), part in tables:
            rows = np.unique(part["row"].to_numpy()).astype(np.int64)
            looked += len(rows)
            parts = parts_of(str(table), dataset, split)
            held = rows[parts[rows] != TRAIN]
            if len(held):
                findings.append(finding(name, str(table), held, parts, dataset))
        what = f"{looked:,} rows behind it" if looked else "from the catalogue alone"
        told.append(f"the feature '{name}': {what}")
        if (own["part"] == "entity_of").any():
            circular, line = own_rows(name, own, dataset, split)
            findings += circular
            told.append(line)
    return findings, told


def parts_of(table: str, dataset: Dataset, split: Split) -> Parts:
    """The part of each row of a table.

    Raises:
        BadArtifact: for a table whose rows have none.
    """
    if table == "reviews":
        return review_parts(dataset, split)
    parts = {"events": split.part, "impressions": split.impressions}.get(table)
    if parts is not None:
        return parts
    raise BadArtifact(f"the provenance speaks of a table '{table}', which has no parts")


def finding(
    name: str, table: str, rows: Int[Array, " rows"], parts: Parts, dataset: Dataset
) -> Finding:
    """What there is to say of held-out rows (see `Finding`)."""
    frame = getattr(dataset, table)
    codes = (TRAIN, VALID, TEST, BETWEEN, DROPPED)
    counts = {NAMES[c]: int((parts[rows] == c).sum()) for c in codes}
    examples = [
        {
            "row": int(row),
            "user_id": frame["user_id"][int(row)],
            "item_id": frame["item_id"][int(row)],
            "part": NAMES[int(parts[row])],
        }
        for row in rows[:SHOWN]
    ]
    return Finding(name, table, rows, {k: v for k, v in counts.items() if v}, examples)


def own_rows(
    name: str, behind: pl.DataFrame, dataset: Dataset, split: Split
) -> tuple[list[Finding], str]:
    """Whether a training event's vector was made from that event, or from its review.

    Args:
        name: The feature, one of events.
        behind: Its lines of the provenance.
        dataset, split: What the run was made of.

    Returns:
        A finding for each table with such rows, and what was checked, in words.
    """
    assert split.part is not None
    train = np.flatnonzero(split.part == TRAIN)
    findings = []
    for (table,), part in behind.filter(pl.col("part") == "whole").group_by("table"):
        rows = reads_itself(behind, str(table), part, dataset, train)
        if len(rows):
            parts = parts_of(str(table), dataset, split)
            findings.append(replace(finding(name, str(table), rows, parts, dataset), circular=True))
    return findings, f"the feature '{name}': {len(train):,} training events, each without itself"


def _inflated(summary: Summary, leaking: set[str]) -> list[tuple[str, Comparison]]:
    drawn = {row.name: set(summary.drawn_on(row.name)) for row in summary.rows}

    def apart_from_features(row: Row) -> tuple[str, dict[str, Any], int]:
        """The model and its settings but for the names of features; how many there are counts."""
        kept = {
            key: value
            for key, value in row.settings.items()
            if not _names_features(value, summary.experiment.features)
        }
        return row.model, kept, len(drawn[row.name])

    clean = [row for row in summary.rows if not drawn[row.name] & leaking]
    found = []
    for row in summary.rows:
        if row in clean:
            continue
        asked = apart_from_features(row)
        twin = next((one for one in clean if apart_from_features(one) == asked), None)
        if twin is not None:
            looks = against([row], twin, summary.experiment.metrics)
            found += [(twin.name, comparison) for comparison in looks]
    return found


def _names_features(value: Any, features: Collection[str]) -> bool:
    """Whether a setting is the name of a feature, or a list of such names."""
    if isinstance(value, str):
        return value in features
    return isinstance(value, list) and bool(value) and all(one in features for one in value)
