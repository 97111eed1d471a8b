"""The rows that a run wrote down behind its models, statistics and features, against the split."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array, digest
from recweave.core.errors import BadArtifact
from recweave.data.dataset import Dataset
from recweave.data.interactions import join
from recweave.data.profiles import Profiles
from recweave.data.reviews import review_parts
from recweave.data.split import BETWEEN, DROPPED, PARTS, TEST, TRAIN, VALID, Parts, Split
from recweave.enrich.job import PROFILES
from recweave.evaluate import Catalogue
from recweave.features.categories import Category
from recweave.features.controls import Permuted, RandomVectors, TextLength
from recweave.features.numbers import Number, Numbers
from recweave.features.profiles import ProfileText
from recweave.features.text import ItemText
from recweave.report.audit.case import Case, is_plug_in
from recweave.report.audit.events import reads_itself
from recweave.report.audit.finding import CheckResult, Finding
from recweave.report.audit.written import without_rows
from recweave.runs.folder import RunFolder

SHOWN = 5
"""Rows that a finding names."""
NAMES = {code: name for name, code in PARTS.items()}
NAMES |= {BETWEEN: "after validation", DROPPED: "left out"}
CATALOGUE_ALONE = (Category, ItemText, Number, Numbers, Permuted, RandomVectors, TextLength)
"""Features that read no rows of reviews or events by what their code is."""
LEARNS_LABELS = ("clicks", "ratings")
"""Tasks whose models learn the value of an event, which the event's own review tells."""
OWN = "learning from itself"
BEHIND = "rows behind features"


def parts_are_apart(case: Case) -> CheckResult:
    """No event is in two parts of the split, cut again."""
    split = case.split
    counts = {name: len(getattr(split, name)) for name in PARTS}
    sizes = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    assert split.part is not None
    if [int((split.part == code).sum()) for code in PARTS.values()] != list(counts.values()):
        raise ValueError("the parts of the split share events")
    return CheckResult(checked=[f"the split, cut again: {sizes} events, none in two parts"])


def learned(case: Case) -> CheckResult:
    """Models and statistics, by the hash of the events that they say they were made from.

    Raises:
        BadArtifact: if one of them was made from other events than it may learn from.
    """
    summary, split, fold, folder = case.summary, case.split, case.fold, case.folder
    experiment = summary.experiment
    allowed = experiment.final_events(split).digest()
    cells = [(row, seed) for row in summary.names() for seed in experiment.seeds]
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
    checked = [
        f"{len(cells)} fitted models: each from the events of {experiment.refit} and no others",
        "counts of items behind metrics and slices: from train alone",
        f"vocabulary: {ids:,} items occur in held-out events alone; models know their rows and "
        "what the catalogue says of them, and no event",
    ]
    return CheckResult(checked=checked)


def behind_features(case: Case) -> CheckResult:
    """Every row that a feature was made from is of the training part.

    Raises:
        BadArtifact: if the run's provenance is missing.
    """
    if not case.summary.experiment.features:
        return CheckResult()
    behind = _provenance(case)
    findings: list[Finding] = []
    checked = []
    for name in case.summary.experiment.features:
        own = behind.filter(pl.col("feature") == name)
        used = 0
        made_from = own.filter(pl.col("part").is_in(["whole", "variant"]))
        for (table,), part in made_from.group_by("table", maintain_order=True):
            rows = np.unique(part["row"].to_numpy()).astype(np.int64)
            used += len(rows)
            parts = parts_of(str(table), case.dataset, case.split)
            leaked = rows[parts[rows] != TRAIN]
            if len(leaked):
                findings.append(
                    held_out_rows(f"the feature '{name}'", name, str(table), leaked, parts, case)
                )
        if used:
            checked.append(f"the feature '{name}': {used:,} rows behind it")
        elif reads_catalogue_alone(case, name):
            checked.append(f"the feature '{name}': from the catalogue alone")
        if (own["part"] == "entity_of").any():
            circular, line = own_rows(name, own, case.dataset, case.split)
            findings += circular
            checked.append(line)
        findings += _unverified(case, name, used)
        findings += _plain_feature_of_labels(case, name, own)
    return CheckResult(findings, checked)


def _provenance(case: Case) -> pl.DataFrame:
    path = RunFolder(case.folder).provenance(case.fold)
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadArtifact(
            f"{path} cannot be read ({error}), so nobody can tell what its features were made "
            "from; run the recipe again into a new folder"
        ) from None


def reads_catalogue_alone(case: Case, name: str) -> bool:
    """Whether a feature's code reads no reviews and no events, nor do those it is made from."""
    spec = case.summary.experiment.features[name]
    if any(not reads_catalogue_alone(case, above) for above in spec.made_from()):
        return False
    return isinstance(spec, CATALOGUE_ALONE) or (
        not is_plug_in(spec) and spec.kind_name() == "length"
    )


def _unverified(case: Case, name: str, used: int) -> list[Finding]:
    """A feature, or some of its vectors, that names no rows though it is not of the catalogue."""
    if reads_catalogue_alone(case, name):
        return []
    spec = case.summary.experiment.features[name]
    present = int(case.summary.features.get(name, {}).get("present", 0))
    bare, example = 0 if used else present, ""
    if isinstance(spec, ProfileText):
        if not spec.folder:  # written by the run itself, from train's reviews and the catalogue
            return []
        try:
            table = Profiles.load(case.base_dir / spec.folder / PROFILES).table
        except BadArtifact:  # deleted since; what the run wrote down is all there is
            pass
        else:
            own = table.filter(pl.col("kind").is_in(spec.kinds), entity=spec.of)
            ids = without_rows(own, case)
            bare, example = len(ids), f"the text of {ids[0]}" if len(ids) else ""
    if not bare:
        return []
    return [
        Finding(
            check=BEHIND,
            level="unverified",
            where=f"the feature '{name}'",
            what=f"{bare:,} of its vectors name no rows that they were made from, so nobody can "
            "check whether held-out rows are in them",
            count=bare,
            example=example,
            remedy="make it with provenance: texts by `recweave enrich`; a feature of your own "
            "gives the rows behind each vector in `Feature.used`",
            features=(name,),
            evidence={"vectors": present, "without_rows": bare},
        )
    ]


def _plain_feature_of_labels(case: Case, name: str, own: pl.DataFrame) -> list[Finding]:
    """A click or rating model reads vectors that each training event had a part in (F-SUMLEAK)."""
    experiment = case.summary.experiment
    readers = [row.name for row in case.summary.rows if name in case.summary.drawn_on(row.name)]
    whole = own.filter(pl.col("part") == "whole")
    crossed = (own["part"] == "entity_of").any()
    if experiment.task not in LEARNS_LABELS or crossed or not readers or not len(whole):
        return []
    rows, example = _own_part(case, whole)
    if not rows:
        return []
    return [
        Finding(
            check=OWN,
            level="leak",
            where=f"the feature '{name}'",
            what=f"{rows:,} training events had a part in the vector that {', '.join(readers)} "
            "reads for them, so the model learns from their answers instead of predicting them",
            count=rows,
            example=example,
            remedy='give each event a vector made without it: kind = "statistics", or kind = '
            '"profiles" with for_events = true and folds = 5',
            features=(name,),
            evidence={"training_events": rows, "rows_of_table": readers},
        )
    ]


def _own_part(case: Case, whole: pl.DataFrame) -> tuple[int, str]:
    """Training events that a feature's own vectors were made from, and one of them in words."""
    spec_of = case.summary.data.get("features", {})
    name = str(whole["feature"][0])
    of = str(spec_of.get(name, {}).get("of", "item"))
    dataset = case.dataset
    ids = dataset.item_ids if of == "item" else dataset.user_ids
    events = dataset.events.with_row_index("event").filter(
        pl.Series(np.asarray(case.split.part) == TRAIN)
    )
    events = events.with_columns(
        line=pl.Series(ids.rows(events[f"{of}_id"])).cast(pl.UInt32),
        event=pl.col("event").cast(pl.UInt32),
    )
    found = []
    for (table,), rows in whole.group_by("table", maintain_order=True):
        used = rows.select("line", "row")
        if table == "events":
            joined = events.join(used, left_on=["line", "event"], right_on=["line", "row"])
        elif table == "reviews":
            reviews = dataset.reviews.select("user_id", "item_id").with_row_index("row")
            reviews = reviews.with_columns(pl.col("row").cast(pl.UInt32))
            written = used.join(reviews, on="row")
            joined = events.join(written, on=["user_id", "item_id", "line"], how="semi")
        else:
            continue
        found.append(joined.select("event", "user_id", "item_id"))
    if not found:
        return 0, ""
    events_found = pl.concat(found).unique("event", maintain_order=True).sort("event")
    if not len(events_found):
        return 0, ""
    first = events_found.row(0, named=True)
    return len(events_found), (
        f"event {first['event']} of user {first['user_id']} and item {first['item_id']}"
    )


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


def held_out_rows(
    where: str,
    feature: str,
    table: str,
    rows: Int[Array, " rows"],
    parts: Parts,
    case: "Case | Dataset",
    *,
    circular: bool = False,
) -> Finding:
    """The finding of a feature or text that was made from rows which are not train's.

    Args:
        where: What was made from them.
        feature: Its name.
        table: The table of the dataset.
        rows: Which of its rows.
        parts: The part of every row of the table.
        case: The run, or the dataset.
        circular: The rows are train's, but the very training event they belong to learns from them.
    """
    dataset = case if isinstance(case, Dataset) else case.dataset
    counts = {
        NAMES[c]: int((parts[rows] == c).sum()) for c in (TRAIN, VALID, TEST, BETWEEN, DROPPED)
    }
    counts = {name: count for name, count in counts.items() if count}
    examples = _examples(getattr(dataset, table), rows[:SHOWN], parts)
    shown = "; ".join(
        f"row {e['row']} (user {e['user_id']}, item {e['item_id']}, {e['part']})" for e in examples
    )
    by_part = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    what = (
        f"it gives {len(rows):,} training events a vector that was made from their own {table}"
        if circular
        else f"it was made from {len(rows):,} {table} that are not train's ({by_part})"
    )
    return Finding(
        check=OWN if circular else BEHIND,
        level="leak",
        where=where,
        what=what,
        count=len(rows),
        example=shown + (" …" if len(rows) > SHOWN else ""),
        remedy="make the variant of each training event without that event and its review"
        if circular
        else "make it from the training part alone (`train_reviews`), and run the recipe again",
        features=(feature,),
        evidence={
            "feature": feature,
            "table": table,
            "rows": rows.tolist(),
            "parts": counts,
            "examples": list(examples),
            "circular": circular,
        },
    )


def _examples(
    frame: pl.DataFrame, rows: Int[Array, " rows"], parts: Parts
) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "row": int(row),
            "user_id": frame["user_id"][int(row)],
            "item_id": frame["item_id"][int(row)],
            "part": NAMES[int(parts[row])],
        }
        for row in rows
    ]


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
            where = f"the feature '{name}'"
            findings.append(
                held_out_rows(where, name, str(table), rows, parts, dataset, circular=True)
            )
    return findings, f"the feature '{name}': {len(train):,} training events, each without itself"
