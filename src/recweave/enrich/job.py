"""A whole job: all texts of a training part, stored as they are written, resumed if killed."""

import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from recweave.core.atomic import atomic_file, clear_drafts, write_json
from recweave.core.errors import BadArtifact, BadSetting, RecweaveError
from recweave.data.dataset import Dataset
from recweave.data.profiles import KEY, SCHEMA, Profiles, name_of
from recweave.data.split import Split
from recweave.enrich.material import KINDS, Material, Task
from recweave.enrich.writer import Failure, Writer, Written

PROFILES = "profiles.parquet"
JOB = "job.json"
PARTS = "parts"
BATCH_TEXTS, BATCH_SECONDS = 2_000, 20.0
"""Texts are written to disk after so many of them, or after so much time."""

SHOWN = 5
"""Reasons of failures that are shown, the commonest first."""

NO_WRITER = ""
"""The writer of a text that failed: its row stays in the table, so that no other variant is used
instead, and the next call tries it again."""

log = logging.getLogger(__name__)


def enrich(
    dataset: Dataset,
    split: Split,
    writer: Writer,
    folder: Path,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    folds: int = 0,
    small: int = 0,
    seed: int = 0,
) -> Profiles:
    """Write every text of some kinds from the training part, and store them in a folder.

    If interrupted, the same call resumes with what is missing; kinds may be added to a folder
    later. A text that failed is null and has no writer; the log counts them by reason, and the next
    call tries them again.

    Args:
        dataset: What was split.
        split: Cut from this dataset's events.
        writer: Extractive, generative, or of your own.
        folder: For `profiles.parquet`.
        kinds: Keys of `KINDS`.
        folds: Cross-fitted variants of each text, for models that learn from the rows behind it.
        small: Entities with no more pairs than this have a variant for each (leave-one-out).
        seed: Of the assignment to folds.

    Raises:
        BadSetting: if the folder belongs to other data, another split, writer or folds.
        RecweaveError: if every text failed, with the commonest reasons; nothing is written then.
    """
    material = Material.of(dataset, split, folds=folds, small=small, seed=seed)
    about = {
        "dataset": dataset.fingerprint,
        "split": name_of(split),
        "writer": writer.name,
        "folds": str(folds),
        "small": str(small),
        "seed": str(seed),
    }
    tasks = list(material.tasks(kinds))
    _begin(folder, about)
    stored = _stored(folder)
    done = set(stored.select(KEY).iter_rows())
    missing = [task for task in tasks if _key(task) not in done]
    reasons: Counter[str] = Counter()
    for rows in _batches(writer.write(material, missing), writer.name, reasons):
        _store(pl.DataFrame(rows, schema=SCHEMA), folder / PARTS)
    stored = _stored(folder)
    done = set(stored.select(KEY).iter_rows())
    failed = [_row(task, None, NO_WRITER) for task in missing if _key(task) not in done]
    if failed:
        message = _failures(len(failed), len(tasks), reasons)
        if not _any_text(stored, tasks):
            raise RecweaveError(f"no text was written: {message}")
        log.warning(message)
    table = pl.concat([stored, pl.DataFrame(failed, schema=SCHEMA)]).sort(KEY)
    profiles = Profiles(table, about["dataset"], about["split"])
    profiles.save(folder / PROFILES)
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    return profiles


def _any_text(stored: pl.DataFrame, tasks: Sequence[Task]) -> bool:
    """Whether one of the tasks has a text; null where there was nothing to write from."""
    texts = set(stored.filter(pl.col("text").is_not_null()).select(KEY).iter_rows())
    return any(_key(task) in texts for task in tasks)


def _failures(failed: int, tasks: int, reasons: Counter[str]) -> str:
    """How many texts failed, with the commonest reasons, each with its count."""
    unknown = failed - reasons.total()
    counted = reasons + Counter({"the writer gave no reason": unknown} if unknown > 0 else {})
    lines = [f"  {count:,} times: {reason}" for reason, count in counted.most_common(SHOWN)]
    if len(counted) > SHOWN:
        lines.append(f"  and {len(counted) - SHOWN:,} other reasons")
    again = "fix the cause, then run the same command with --retry"
    return "\n".join([f"{failed:,} of {tasks:,} texts failed; {again}", *lines])


def _row(task: Task, text: str | None, writer: str) -> dict[str, object]:
    used = {"reviews": [], "events": []} | {KINDS[task.kind].reads: task.rows.tolist()}
    key = {"entity": task.entity, "id": task.id, "kind": task.kind, "fold": task.fold}
    return {**key, "text": text, "writer": writer, **used}


def _key(task: Task) -> tuple[str, str, str, int | None]:
    return task.entity, task.id, task.kind, task.fold


def _begin(folder: Path, about: dict[str, str]) -> None:
    """Write down the job of a new folder; refuse a folder of another job."""
    folder.mkdir(parents=True, exist_ok=True)
    clear_drafts(folder)
    note = folder / JOB
    if not note.exists():
        if any(folder.iterdir()):
            raise BadSetting(f"{folder} has other files; choose a new folder")
        write_json(note, about)
        return
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        other = [key for key, value in about.items() if found[key] != value]
    except (ValueError, KeyError, TypeError):
        raise BadArtifact(f"{note} cannot be read; remove the folder or choose another") from None
    if other:
        differences = "; ".join(f"{key}: {found[key]}, now {about[key]}" for key in other)
        raise BadSetting(f"{folder} belongs to another job ({differences}); choose another folder")


def _stored(folder: Path) -> pl.DataFrame:
    """The texts that are written already, each once."""
    files = [*folder.glob(PROFILES), *sorted((folder / PARTS).glob("*.parquet"))]
    parts = [pl.read_parquet(file, glob=False) for file in files]
    table = pl.concat([pl.DataFrame(schema=SCHEMA), *parts]).filter(pl.col("writer") != NO_WRITER)
    return table.unique(KEY, maintain_order=True)


def _batches(
    texts: Iterable[Written], writer: str, reasons: Counter[str]
) -> Iterator[list[dict[str, object]]]:
    """Rows of the table, in the batches that are written to disk; failures are counted."""
    batch: list[dict[str, object]] = []
    since = time.monotonic()
    for task, text in texts:
        if isinstance(text, Failure):
            reasons[text.reason] += 1
            continue
        batch.append(_row(task, text, writer))
        if len(batch) >= BATCH_TEXTS or time.monotonic() - since > BATCH_SECONDS:
            yield batch
            batch, since = [], time.monotonic()
    if batch:
        yield batch


def _store(table: pl.DataFrame, parts: Path) -> None:
    """Write one more part, whole or not at all; parts of an earlier run keep their names."""
    number = len(list(parts.glob("*.parquet")))
    with atomic_file(parts / f"{number:06}.parquet") as draft:
        table.write_parquet(draft)
