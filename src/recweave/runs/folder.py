"""A run on disk. Each piece is written whole or not at all, so a killed run goes on from there."""

import hashlib
import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from recweave.core import atomic
from recweave.core.atomic import atomic_folder, clear_drafts, write_json
from recweave.core.errors import BadArtifact, BadSetting
from recweave.core.measure import Cost
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.encode import Features
from recweave.encode.features import AnyFeature, EventFeature, Feature
from recweave.evaluate import Report
from recweave.evaluate.resampled import Pooled
from recweave.rank.ranking import StageCost
from recweave.runs.provenance import PROVENANCE, write_provenance

MADE_FROM = "made_from.json"
RESULT = "result.json"
RESAMPLES = "resamples.parquet"
METRICS = "metrics.json"
FEATURES = "features.json"
REPORT = "report.html"


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it has done.

    made_from.json (recipe, data, version), environment.json, features.json and provenance.parquet
    (what features cost and rest on), trials/ (validation values of tried settings), cells/ROW.SEED/
    or, of a split with folds, cells/ROW.SEED.FOLD/ (result.json, users.parquet, by SLICE.parquet;
    of clicks, resamples.parquet), bundles/ROW/ (what answers for the row, of the first seed and
    fold), metrics.json, per_user.parquet (each user's values by id), report.html; during it,
    checkpoints/ (of networks in training).
    """

    path: Path

    def start(self, made_from: dict[str, Any], environment: dict[str, Any]) -> None:
        """Make the folder, or make sure that it holds a run of the same recipe and data.

        Raises:
            BadSetting: if it holds something else.
        """
        clear_drafts(self.path)
        there = self.path / MADE_FROM
        if there.exists():
            held = read_json(there)
            differing = [key for key in made_from if held.get(key) != made_from[key]]
            if differing:
                raise BadSetting(
                    f"{self.path} holds a run of another {', '.join(differing)}; "
                    "remove it or choose another folder with --out"
                )
        elif self.path.exists() and any(self.path.iterdir()):
            raise BadSetting(
                f"{self.path} is not empty and no run; choose another folder with --out"
            )
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
        told = {
            name: {
                "seconds": cost.seconds,
                "present": int(_of_entities(features[name]).present.sum()),
                "encoder": features[name].encoder,
                "source": features[name].source,
            }
            for name, cost in costs.items()
        }
        write_json(self.path / FEATURES, told)

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

    def bundle(self, row: str) -> Path:
        """The folder of a row's bundle."""
        return self.path / "bundles" / row

    def keep_cell(
        self,
        row: str,
        seed: int,
        result: dict[str, Any],
        report: Report,
        fold: int | None = None,
    ) -> None:
        """Write a finished cell; `result.json` comes last and says that it is whole."""
        cell = self.cell(row, seed, fold)
        cell.mkdir(parents=True, exist_ok=True)
        report.per_user.write_parquet(cell / "users.parquet")
        if report.pooled:
            drawn = {name: one.drawn for name, one in report.pooled.items()}
            pl.DataFrame(drawn).write_parquet(cell / RESAMPLES)
        for way, table in report.slices.items():
            table.write_parquet(cell / f"by {way}.parquet")
        write_json(
            cell / RESULT,
            result
            | {
                "whole": dict(report.whole),
                "slices": list(report.slices),
                "not_asked": report.not_asked,
                "stages": [cost.to_json() for cost in report.costs],
                "pooled": {name: _finite(one.value) for name, one in report.pooled.items()},
                "judged_by": report.judged_by,
                "left_out": report.left_out,
            },
        )

    def copy_cell(self, row: str, seed: int, other: int, fold: int | None = None) -> None:
        """The cell of another seed, where nothing was drawn; appears whole or not at all."""
        with atomic_folder(self.cell(row, other, fold), replace=True) as draft:
            shutil.copytree(self.cell(row, seed, fold), draft, dirs_exist_ok=True)
            result = read_json(draft / RESULT)
            write_json(draft / RESULT, result | {"seed": other})

    def read_cell(
        self, row: str, seed: int, fold: int | None = None
    ) -> tuple[dict[str, Any], Report]:
        """What `keep_cell` wrote.

        Raises:
            BadArtifact: if the cell is not there or not whole.
        """
        cell = self.cell(row, seed, fold)
        if not (cell / RESULT).exists():
            raise BadArtifact(
                f"{self.path}: '{row}' with seed {seed} is not done; run the recipe again, "
                "it goes on where it stopped"
            )
        result = read_json(cell / RESULT)
        try:
            report = Report(
                pl.read_parquet(cell / "users.parquet"),
                result["whole"],
                {way: pl.read_parquet(cell / f"by {way}.parquet") for way in result["slices"]},
                not_asked=result["not_asked"],
                costs=tuple(StageCost(**cost) for cost in result.get("stages", ())),
                pooled=_pooled(cell, result.get("pooled", {})),
                judged_by=result.get("judged_by", ""),
                left_out=result.get("left_out", 0),
            )
        except (OSError, *POLARS_ERRORS) as error:
            raise BadArtifact(f"{cell} is broken ({error}); remove it and run again") from None
        return result, report

    def trial(self, **asked: Any) -> Path:
        """The file of one tried setting."""
        text = json.dumps(asked, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self.path / "trials" / f"{name}.json"


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def _pooled(cell: Path, values: Mapping[str, float | None]) -> dict[str, Pooled]:
    """Metrics of all held-out events together, with their resamples."""
    if not values:
        return {}
    drawn = pl.read_parquet(cell / RESAMPLES)
    return {
        name: Pooled(math.nan if value is None else value, drawn[name].to_numpy())
        for name, value in values.items()
    }


def _of_entities(feature: AnyFeature) -> Feature:
    """The feature itself, or what a feature of events has of items or users."""
    return feature.whole if isinstance(feature, EventFeature) else feature


def read_json(path: Path) -> Any:
    """Read a JSON file of a run.

    Raises:
        BadArtifact: if it is missing or broken.
    """
    return atomic.read_json(path, remedy="run the recipe again")
