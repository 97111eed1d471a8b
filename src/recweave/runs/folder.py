"""A run on disk. Each piece is written whole or not at all, so a killed run goes on from there."""

import hashlib
import json
import math
import os
import shutil
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from recweave.core.atomic import atomic_folder, clear_drafts, write_json
from recweave.core.errors import BadArtifact, BadSetting, RecweaveError
from recweave.core.measure import Cost
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.encode import Features
from recweave.encode.features import (
    AnyFeature,
    CategoricalFeature,
    EventFeature,
    Feature,
    TextFeature,
)
from recweave.evaluate import Report
from recweave.evaluate.resampled import Pooled
from recweave.rank.ranking import StageCost
from recweave.runs.layout import (
    FAILED,
    FEATURES,
    MADE_FROM,
    METRICS,
    PER_USER,
    REPORT,
    RESAMPLES,
    RESULT,
    bundle_folder,
    read_json,
)
from recweave.runs.provenance import PROVENANCE, write_provenance


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it has done.

    made_from.json (recipe, data, version, what each row depends on), environment.json,
    features.json and provenance.parquet (what features cost and rest on), trials/ (validation
    values of tried settings), cells/ROW.SEED/ or, of a split with folds, cells/ROW.SEED.FOLD/
    (result.json, users.parquet, by SLICE.parquet; of clicks, resamples.parquet; of a row that
    failed, only failed.json), bundles/ROW/ (what answers for the row, of the first seed and fold),
    metrics.json, per_user.parquet (each user's values by id), report.html; during it, checkpoints/
    (of networks in training).
    """

    path: Path

    def check(self, data: str = "") -> None:
        """Make sure that a run may use the folder, before it computes anything.

        Args:
            data: Fingerprint of the run's data; that of an older run is not compared if not given.

        Raises:
            BadSetting: if a file has its name, or it holds something else or a run on other data.
        """
        if self.path.exists() and not self.path.is_dir():
            raise BadSetting(
                f"{self.path} is a file, and a run needs a folder; choose another with --out"
            )
        if (self.path / MADE_FROM).exists():
            if data and self.data() != data:
                raise BadSetting(
                    f"{self.path} belongs to a run on other data, or on data that have changed "
                    "since; choose another folder with --out"
                )
        elif self.path.exists() and any(self.path.iterdir()):
            raise BadSetting(
                f"{self.path} is not empty and holds no run; choose another folder with --out"
            )

    def start(self, made_from: dict[str, Any], environment: dict[str, Any]) -> None:
        """Make the folder, or make sure that it holds a run on the same data.

        The recipe may have changed: each row says by its key what it was made from. What sums up
        the rows of the old recipe is removed.

        Raises:
            BadSetting: if it holds something else.
        """
        self.check(made_from["data"]["fingerprint"])
        clear_drafts(self.path)
        there = self.path / MADE_FROM
        if there.exists():
            before = read_json(there)
            if ("recipe" in before) != ("recipe" in made_from):
                raise BadSetting(
                    f"{self.path} belongs to a run of another command (`run` or `tune`); choose "
                    "another folder with --out"
                )
            if _of_features(before) != _of_features(made_from):
                for stale in (FEATURES, PROVENANCE, "provenance.*.parquet"):
                    for file in self.path.glob(stale):
                        file.unlink()
            if before != json.loads(json.dumps(made_from)):
                for name in (METRICS, PER_USER, REPORT):
                    (self.path / name).unlink(missing_ok=True)
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(there, made_from)
        made_in = self.path / "environment.json"
        if not made_in.exists():
            write_json(made_in, environment)
        elif (first := read_json(made_in)) | environment != first:
            later = first.get("resumed_in", [])
            write_json(made_in, first | {"resumed_in": [*later, environment]})

    def keep_features(
        self, features: Features, costs: Mapping[str, Cost], fold: int | None = None
    ) -> None:
        """Write what each feature of the recipe cost when first made, and the rows behind it.

        The costs are those of the first fold; the rows are kept of every fold.
        """
        provenance = self.provenance(fold)
        if not costs or provenance.exists():
            return
        write_provenance({name: features[name] for name in costs}, provenance)
        if fold:
            return
        described = {
            name: {
                "seconds": cost.seconds,
                "present": int(_of_entities(features[name]).present.sum()),
                "encoder": features[name].encoder,
                "source": features[name].source,
            }
            for name, cost in costs.items()
        }
        write_json(self.path / FEATURES, described)

    def data(self) -> str:
        """The fingerprint of the data that the run is on; empty where the folder holds no run.

        Raises:
            BadArtifact: if `made_from.json` is broken.
        """
        file = self.path / MADE_FROM
        if not file.exists():
            return ""
        match read_json(file):
            case {"data": {"fingerprint": str(fingerprint)}}:
                return fingerprint
        raise BadArtifact(f"{file} does not say what the run is on; remove the folder, run again")

    @property
    def checkpoints(self) -> Path:
        """Where networks in training keep their state; gone when the run is done."""
        return self.path / "checkpoints"

    def provenance(self, fold: int | None = None) -> Path:
        """The file of the rows behind the features of one fold."""
        return self.path / (f"provenance.{fold}.parquet" if fold else PROVENANCE)

    def cell(self, row: str, seed: int, fold: int | None = None) -> Path:
        """The folder of one row, seed and fold (None: the split has no folds)."""
        name = f"{row}.{seed}" if fold is None else f"{row}.{seed}.{fold}"
        return self.path / "cells" / name

    def is_done(self, row: str, seed: int, fold: int | None, key: str | None) -> bool:
        """Whether a cell is there and was made from what `key` stands for (see `runs.keys`)."""
        result = self.result(row, seed, fold)
        return bool(result) and result.get("key") == key

    def has_fit(self, row: str, seed: int, fold: int | None, fit: str) -> bool:
        """Whether a cell is there whose model is the one of `RowKey.fit`, whatever was measured."""
        return self.result(row, seed, fold).get("fit") == fit

    def result(self, row: str, seed: int, fold: int | None) -> dict[str, Any]:
        """`result.json` of a cell; empty where there is none or it is broken."""
        file = self.cell(row, seed, fold) / RESULT
        try:
            found = read_json(file) if file.exists() else {}
        except BadArtifact:  # the cell is made again
            return {}
        return found if isinstance(found, dict) else {}

    def take_cell(
        self,
        other: "RunFolder",
        row: str,
        seed: int,
        fold: int | None,
        *,
        with_bundle: bool,
    ) -> None:
        """Copy a cell, and the row's bundle if it is to come along, from another run."""
        pairs = [(other.cell(row, seed, fold), self.cell(row, seed, fold))]
        if with_bundle and other.bundle(row).exists():
            pairs.insert(0, (other.bundle(row), self.bundle(row)))  # the cell says it is whole
        for source, target in pairs:
            with atomic_folder(target, replace=True) as draft:
                _copy(source, draft)

    def keep_failure(
        self, row: str, seed: int, fold: int | None, key: str, error: BaseException
    ) -> None:
        """Write why a cell could not be made, in place of the cell."""
        cell = self.cell(row, seed, fold)
        shutil.rmtree(cell, ignore_errors=True)
        cell.mkdir(parents=True)
        ours = isinstance(error, RecweaveError)
        reason = str(error) if ours else f"{type(error).__name__}: {error}".rstrip(": ")
        trace = "" if ours else "".join(traceback.format_exception(error))
        write_json(cell / FAILED, {"key": key, "reason": reason, "traceback": trace})

    def failure(self, row: str, seed: int, fold: int | None, key: str | None) -> str:
        """Why a cell could not be made; empty where it was made, or has not been tried."""
        file = self.cell(row, seed, fold) / FAILED
        if not file.exists():
            return ""
        found = read_json(file)
        return str(found["reason"]) if found.get("key") == key else ""

    def bundle(self, row: str) -> Path:
        """The folder of a row's bundle."""
        return bundle_folder(self.path, row)

    def keep_cell(
        self,
        row: str,
        seed: int,
        result: dict[str, Any],
        report: Report,
        fold: int | None = None,
    ) -> None:
        """Write a finished cell, in place of an older one."""
        numbers = {
            "whole": dict(report.whole),
            "slices": list(report.slices),
            "not_asked": report.not_asked,
            "stages": [cost.to_json() for cost in report.costs],
            "pooled": {name: _finite(one.value) for name, one in report.pooled.items()},
            "judged_by": report.judged_by,
            "left_out": report.left_out,
            "decided_at": report.decided_at,
            "roc": [_finite(rate) for rate in report.roc],
        }
        with atomic_folder(self.cell(row, seed, fold), replace=True) as draft:
            report.per_user.write_parquet(draft / "users.parquet")
            if report.pooled:
                resamples = {name: one.resampled for name, one in report.pooled.items()}
                pl.DataFrame(resamples).write_parquet(draft / RESAMPLES)
            for way, table in report.slices.items():
                table.write_parquet(draft / f"by {way}.parquet")
            write_json(draft / RESULT, result | numbers)

    def copy_cell(self, row: str, seed: int, other: int, fold: int | None = None) -> None:
        """Copy a cell to another seed, where training is not random."""
        with atomic_folder(self.cell(row, other, fold), replace=True) as draft:
            _copy(self.cell(row, seed, fold), draft)
            result = read_json(draft / RESULT)
            write_json(draft / RESULT, result | {"seed": other})

    def read_cell(
        self, row: str, seed: int, fold: int | None = None, *, key: str | None = None
    ) -> tuple[dict[str, Any], Report]:
        """What `keep_cell` wrote.

        Args:
            row, seed, fold: Of the cell.
            key: What it must have been made from; anything without it.

        Raises:
            BadArtifact: if the cell is not there or not whole.
        """
        cell = self.cell(row, seed, fold)
        stale = key is not None and not self.is_done(row, seed, fold, key)
        if stale or not (cell / RESULT).exists():
            raise BadArtifact(
                f"{self.path}: '{row}' with seed {seed} is not done; run the recipe again to resume"
            )
        result = read_json(cell / RESULT)
        try:
            users = _read(cell / "users.parquet")
            report = Report(
                users,
                result["whole"],
                {
                    way: pl.read_parquet(cell / f"by {way}.parquet", glob=False)
                    for way in result["slices"]
                },
                not_asked=result["not_asked"],
                costs=tuple(StageCost(**cost) for cost in result.get("stages", ())),
                pooled=_pooled(cell, result.get("pooled", {}), len(users)),
                judged_by=result.get("judged_by", ""),
                left_out=result.get("left_out", 0),
                decided_at=result.get("decided_at"),
                roc=tuple(math.nan if r is None else r for r in result.get("roc", ())),
            )
        except (OSError, KeyError, TypeError, *POLARS_ERRORS) as error:
            raise BadArtifact(f"{cell} is broken ({error}); remove it and run again") from None
        return result, report

    def trial(self, **asked: Any) -> Path:
        """The file of one tried setting."""
        text = json.dumps(asked, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self.path / "trials" / f"{name}.json"


def _of_features(made_from: Mapping[str, Any]) -> Any:
    """What the features of a run depend on."""
    return made_from.get("recipe", {}).get("features"), made_from["data"]


def _copy(source: Path, target: Path) -> None:
    """Copy what a folder holds into another one; `shutil.copytree` hides which error it met."""
    for folder, _, files in os.walk(source, onerror=_raise):
        inside = target / Path(folder).relative_to(source)
        inside.mkdir(exist_ok=True)
        for file in files:
            shutil.copyfile(Path(folder, file), inside / file)


def _raise(error: OSError) -> None:
    raise error


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def _pooled(cell: Path, values: Mapping[str, float | None], users: int) -> dict[str, Pooled]:
    """Metrics of all held-out events together, with their resamples."""
    if not values:
        return {}
    resamples = _read(cell / RESAMPLES)
    return {
        name: Pooled(math.nan if value is None else value, resamples[name].to_numpy(), users)
        for name, value in values.items()
    }


def _read(file: Path) -> pl.DataFrame:
    return pl.read_parquet(file, glob=False)  # a row's name may hold brackets


def _of_entities(feature: AnyFeature) -> Feature | CategoricalFeature | TextFeature:
    """The feature itself, or what a feature of events has of items or users."""
    return feature.whole if isinstance(feature, EventFeature) else feature
