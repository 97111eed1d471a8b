"""What the checks of an audit look at: one finished run, with its data read and cut again."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.choice import Choice
from recweave.data.dataset import Dataset
from recweave.data.split import TEST, TRAIN, VALID, Split
from recweave.rank.stages import StageRecipe
from recweave.runs.summary import Summary

ALWAYS_READ = ("categories",)
"""Columns of the items that a run reads whatever its recipe says."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A dataset and its split.

    Attributes:
        dataset, split: Read and cut again as the recipe says.
    """

    dataset: Dataset
    split: Split

    @cached_property
    def pairs(self) -> Mapping[int, Int[Array, " n"]]:
        """By part of the split: its (user, item) pairs as `user · items + item`, sorted, unique."""
        parts = {TRAIN: self.split.train, VALID: self.split.valid, TEST: self.split.test}
        return {
            code: np.unique(log.user.astype(np.int64) * log.shape[1] + log.item)
            for code, log in parts.items()
        }

    @cached_property
    def held_out(self) -> Int[Array, " n"]:
        """Pairs of validation and test that are not pairs of train as well."""
        both = np.union1d(self.pairs[VALID], self.pairs[TEST])
        return np.setdiff1d(both, self.pairs[TRAIN], assume_unique=True)


@dataclass(frozen=True, eq=False)
class Case(Cut):
    """One fold of a finished run.

    Attributes:
        folder: The run folder.
        summary: What the run says of itself.
        base_dir: The folder that the recipe's relative paths start from.
        fold: None where the split has no folds.
    """

    folder: Path
    summary: Summary
    base_dir: Path
    fold: int | None = None

    def stages(self) -> Iterator[tuple[str, int, StageRecipe]]:
        """Every stage of every row: the row, the stage's position in it, and its settings.

        They are those that the run settled on, with what the stage has learned on validation.
        """
        experiment = self.summary.experiment
        settled = {row.name: row.stages for row in self.summary.rows}
        for row, entry in zip(experiment.rows(), experiment.models, strict=True):
            for position, stage in enumerate(settled.get(row) or entry.stages):
                yield row, position, stage

    @cached_property
    def has_plug_ins(self) -> bool:
        """Whether a feature or a stage is of another package, which may read any column."""
        parts: list[Choice] = [*self.summary.experiment.features.values()]
        parts += [stage for _, _, stage in self.stages()]
        return any(is_plug_in(part) for part in parts)

    def features_reading(self, column: str) -> tuple[str, ...]:
        """Features that read a column: those that name it in a setting, and what they lead to."""
        found: list[str] = []
        for name, spec in self.summary.experiment.features.items():
            names = is_plug_in(spec) or column in words(spec.model_dump(mode="json"))
            if names or any(above in found for above in spec.made_from()):
                found.append(name)
        return tuple(found)

    def stages_reading(self, column: str) -> tuple[tuple[str, int], ...]:
        """Stages that read a column of the items: row and position of each."""
        return tuple(
            (row, position)
            for row, position, stage in self.stages()
            if is_plug_in(stage) or column in words(stage.model_dump(mode="json"))
        )

    def is_read(self, column: str) -> bool:
        """Whether anything of the run may read a column."""
        return bool(
            column in ALWAYS_READ or self.features_reading(column) or self.stages_reading(column)
        )


def is_plug_in(part: Choice) -> bool:
    """Whether a feature or stage is of another package."""
    return not type(part).__module__.startswith("recweave.")


def words(settings: Any) -> set[str]:
    """Every word in the texts of some settings: a rule names its fields in the midst of a text."""
    if isinstance(settings, str):
        return {settings, *re.findall(r"[\w.-]+", settings)}
    if isinstance(settings, dict):
        return set().union(*(words(value) for value in settings.values()))
    if isinstance(settings, list | tuple):
        return set().union(*(words(value) for value in settings))
    return set()
