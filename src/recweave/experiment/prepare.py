"""The data of an experiment made ready: read, filtered, split, once for all its models."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Int

from recweave.bundle.make import Shared
from recweave.core.arrays import Array, digest
from recweave.core.errors import BadSetting, UnknownName
from recweave.core.measure import Cost, measured
from recweave.data.catalogue import DATASETS, get, load
from recweave.data.dataset import Dataset
from recweave.data.evaluated_users import for_users
from recweave.data.filters import Removed, apply_all
from recweave.data.impressions import Impressions
from recweave.data.readers import read
from recweave.data.split import DROPPED, PARTS, TEST, TRAIN, VALID, Split
from recweave.encode import Features
from recweave.encode.features import find_item_feature
from recweave.evaluate import (
    Catalogue,
    Report,
    evaluate_clicks,
    evaluate_impressions,
    evaluate_model,
)
from recweave.evaluate.clicks import RESAMPLES
from recweave.evaluate.fresh import FirstShown
from recweave.experiment.doubts import (
    check_features,
    check_labels,
    check_relevant,
    warn_of_few_items,
    warn_of_hidden,
)
from recweave.experiment.features import make_features
from recweave.experiment.shared_fits import SharedFits, fit_key
from recweave.features import FeatureContext
from recweave.models import Model, RatingModel, Recipe
from recweave.models.training import Checkpoints, Options, TrainingData
from recweave.rank import Stage
from recweave.rank.stages import StageContext
from recweave.runs.entry import Entry
from recweave.runs.keys import CATEGORIES
from recweave.runs.spec import Experiment, Source

log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 1.0
"""Seconds of training that an interruption may lose: epochs of small networks take milliseconds."""

STOPS = (
    "Networks stop and are selected by the test events, as published: their numbers are too good."
)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything that the rows of one table share.

    Attributes:
        experiment: What is asked.
        dataset: After the filters.
        split: What is learned from, chosen by and reported.
        features: Vectors of the items, by name.
        feature_costs: What it took to make those the recipe asks for; less where vectors of their
            texts were already on disk.
        catalogue: What metrics beyond accuracy need; from train alone.
        removed: What each filter took away.
        base_dir: The folder that relative paths start from.
        checkpoints: Where networks in training keep their state; None keeps none.
        fits: Models that were fitted before and are not fitted again.
    """

    experiment: Experiment
    dataset: Dataset
    split: Split
    features: Features
    feature_costs: Mapping[str, Cost]
    catalogue: Catalogue
    removed: tuple[Removed, ...]
    base_dir: Path = Path()
    checkpoints: Path | None = None
    fits: SharedFits = field(default_factory=SharedFits)

    def fit(self, recipe: Recipe, *, seed: int, final: bool) -> tuple[Model, Cost]:
        """A trained model and what it cost.

        The final one may also learn from validation; else it is the model that was tried, which may
        stop early by validation.
        """
        joined = final and self.experiment.refits
        key = fit_key(recipe, seed, joined=joined)
        if key in self.fits.models:
            return self.fits.models[key]
        train = self.experiment.final_events(self.split) if final else self.split.train
        valid = None if joined else self.split.test if self.stops_on_test else self.split.valid
        checkpoints = self._checkpoints()
        options = Options(
            seed=seed,
            device=self.experiment.device,
            precision=self.experiment.precision,
            checkpoints=checkpoints,
        )
        parts = (TRAIN, VALID) if joined else (TRAIN,)
        data = TrainingData(
            train,
            valid,
            self.features,
            self._rows(joined),
            impressions=self.impressions_of(*parts),
            valid_impressions=None if joined else self.impressions_of(VALID),
            positive_from=self.experiment.positive_from,
        )
        with measured() as cost:
            model = recipe.fit(data, options)
        if checkpoints:
            cost.seconds += checkpoints.seconds  # of an interrupted process
        self.fits.keep(key, model, cost)
        return model, cost

    def _checkpoints(self) -> Checkpoints | None:
        return Checkpoints(self.checkpoints, every=CHECKPOINT_EVERY) if self.checkpoints else None

    @property
    def stops_on_test(self) -> bool:
        """Whether training is stopped and selected by the test events, as MMREC was (F-TESTSEL).

        Under the protocol "paper", for click models that no validation events are held out for.
        """
        asked = self.experiment
        return asked.protocol == "paper" and asked.task == "clicks" and not len(self.split.valid)

    @cached_property
    def shared(self) -> Shared:
        """What the bundles of all rows share."""
        return Shared.of(self.dataset, self.removed)

    @cached_property
    def impressions(self) -> Impressions | None:
        """All impressions of the dataset, with and without labels; None if there are none."""
        return self.dataset.impression_log() if len(self.dataset.impressions) else None

    @cached_property
    def first_shown(self) -> FirstShown | None:
        """When each item was first shown; None without impressions."""
        return None if self.impressions is None else FirstShown.of(self.impressions)

    def impressions_of(self, *parts: int) -> Impressions | None:
        """The impressions of some parts of the split of which the clicks are known."""
        if self.impressions is None or self.split.impressions is None:
            return None
        return self.impressions[np.isin(self.split.impressions, parts)].with_labels()

    def _rows(self, joined: bool) -> Int[Array, " n"] | None:
        """Rows in the log of the events that models are fitted on."""
        if self.split.part is None:
            return None
        parts = (TRAIN, VALID) if joined else (TRAIN,)
        return np.concatenate([np.flatnonzero(self.split.part == part) for part in parts])

    def fit_stages(self, entry: Entry, model: Model | None = None) -> list[Stage]:
        """The entry's stages, made once from the training part.

        Args:
            entry: The row.
            model: The row's model, fitted on train alone, for stages that learn on validation.
        """
        asked = self.experiment
        context = StageContext(
            dataset=self.dataset,
            train=self.split.train,
            valid=self.split.valid,
            features=self.features,
            rows=self._rows(joined=False),
            model=model,
            options=Options(
                seed=asked.seeds[0],
                device=asked.device,
                precision=asked.precision,
                checkpoints=self._checkpoints(),
            ),
            relevant_from=asked.relevant_from,
            base_dir=self.base_dir,
        )
        stages = []
        for index, stage in enumerate(entry.stages):
            try:
                stages.append(stage.fit(context))
            except (BadSetting, UnknownName) as error:
                raise BadSetting(str(error), at=("stages", index)) from None
        return stages

    def evaluate(
        self,
        model: Model,
        stages: Sequence[Stage],
        *,
        on: Literal["test", "valid"],
        metrics: Sequence[str],
    ) -> Report:
        """Evaluate the model on held-out events, as the task says.

        Raises:
            BadSetting: if the task is ratings and the model predicts none.
        """
        asked = self.experiment
        if asked.task == "clicks":
            return evaluate_clicks(
                model,
                self.split,
                metrics,
                on=on,
                positive_from=asked.positive_from,
                decide_at=asked.decide_at,
                resamples=RESAMPLES if on == "test" else 0,
                protocol=asked.protocol,
            )
        if asked.task == "impressions":
            return self._evaluate_impressions(model, stages, on, metrics)
        if asked.task == "ratings" and not isinstance(model, RatingModel):
            raise BadSetting(
                f"the task is ratings, and a {type(model).__name__} predicts none; leave the row "
                "out, or set task = 'lists'"
            )
        return evaluate_model(
            model,
            self.split,
            metrics,
            on=on,
            stages=stages,
            depth=asked.depth,
            catalogue=self.catalogue,
            relevant_from=asked.relevant_from,
            slices=asked.slices if on == "test" and asked.task == "lists" else (),
            seed=asked.split_seed,
            protocol=asked.protocol,
        )

    def _evaluate_impressions(
        self,
        model: Model,
        stages: Sequence[Stage],
        on: Literal["test", "valid"],
        metrics: Sequence[str],
    ) -> Report:
        impressions = self.impressions_of(TEST if on == "test" else VALID)
        if impressions is None:
            raise BadSetting(
                f"the task is impressions, and {self.dataset.name} has none; set task = 'lists' or "
                "'clicks'"
            )
        train_only = on == "valid" or self.experiment.protocol == "paper"
        known = self.split.train if train_only else self.split.known
        return evaluate_impressions(
            model,
            impressions,
            known,
            metrics,
            train=self.split.train,
            first_shown=self.first_shown,
            fresh_hours=self.experiment.fresh_hours,
            stages=stages,
            catalogue=self.catalogue,
            slices=self.experiment.slices if on == "test" else (),
            protocol=self.experiment.protocol,
        )

    def statistics(self) -> str:
        """A hash of what metrics and slices know of items."""
        return digest(self.catalogue.events, self.catalogue.owners)

    def about(self) -> dict[str, Any]:
        """What reports say of the data."""
        split = self.split
        return {
            "name": self.dataset.name,
            "source": self.dataset.source,
            "licence": self.dataset.licence,
            "fingerprint": self.dataset.fingerprint,
            "users": split.train.shape[0],
            "items": split.train.shape[1],
            "train": len(split.train),
            "valid": len(split.valid),
            "test": len(split.test),
            "held_out": split.test.digest(),
            "dropped": split.dropped,
            "impressions": self._impression_counts(),
            "removed": [one.model_dump() for one in self.removed],
            "split": split.how,
            "remark": "\n".join(filter(None, [split.remark, STOPS * self.stops_on_test])),
            "statistics": self.statistics(),
            "folds": self.experiment.split.folds,
            "features": {
                name: {"encoder": made.encoder, "source": made.source, "of": made.of}
                for name, made in self.features.items()
                if name in self.experiment.features
            },
        }

    @cached_property
    def identity(self) -> dict[str, Any]:
        """`about`, computed once."""
        return self.about()

    def _impression_counts(self) -> dict[str, int]:
        """Impressions of each part, and what of them could not be used; empty without any."""
        if self.impressions is None or self.split.impressions is None:
            return {}
        codes = {**PARTS, "dropped": DROPPED}
        counts = {n: int((self.split.impressions == code).sum()) for n, code in codes.items()}
        whole = self.impressions
        return counts | {
            "without_labels": len(whole) - len(whole.with_labels()),
            "unknown_shown": whole.unknown_shown,
            "unknown_clicked": whole.unknown_clicked,
            "unknown_history": whole.unknown_history,
        }


def prepare(
    experiment: Experiment,
    base_dir: Path,
    fold: int | None = None,
    *,
    check: Callable[[str], None] | None = None,
) -> Prepared:
    """Read, filter, split, and make the features.

    Args:
        experiment: The recipe.
        base_dir: The folder that the recipe's relative paths start from.
        fold: Of a split with folds; the first if not given.
        check: Called with the fingerprint of the data before features are made, which may take
            minutes; it raises if the run must not go on.
    """
    check_features(experiment)
    dataset, split, removed = cut(experiment, base_dir, fold)
    if check:
        check(dataset.fingerprint)
    searched = [
        row for row, e in zip(experiment.rows(), experiment.models, strict=True) if e.search
    ]
    held_out = len(split.valid)
    if experiment.task == "impressions" and split.impressions is not None:
        held_out = int((split.impressions == VALID).sum())
    if searched and not held_out:
        raise BadSetting(
            f"'{searched[0]}' has settings to search, but the split {split.how} leaves no "
            "validation events to choose by; hold some out",
            at=("models", experiment.rows().index(searched[0]), "search"),
        )
    if experiment.task == "clicks":
        check_labels(experiment, split)
    if experiment.task == "lists":
        warn_of_hidden(split)
        warn_of_few_items(experiment, split.train.shape[1])
        check_relevant(experiment, split, choosing=bool(searched))
    context = FeatureContext(dataset, split, base_dir=base_dir)
    features, costs = make_features(experiment.features, context)
    kinds = find_item_feature(features, CATEGORIES) if CATEGORIES in features else None
    catalogue = Catalogue.of(split.train, categories=kinds, vectors=kinds)
    return Prepared(experiment, dataset, split, features, costs, catalogue, removed, base_dir)


def cut(
    experiment: Experiment, base_dir: Path, fold: int | None = None
) -> tuple[Dataset, Split, tuple[Removed, ...]]:
    """The data of a recipe, filtered and split; and what each filter took away."""
    dataset, removed = apply_all(_dataset(experiment.data, base_dir), experiment.filters)
    how = experiment.split.fold(fold or 0)
    split = dataset.split(how, seed=experiment.split_seed)
    if experiment.test_users is not None:
        if experiment.task == "impressions":
            raise BadSetting(
                "test_users draws users with test events, and the task impressions has none; leave "
                "it out",
                at=("test_users",),
            )
        split = for_users(split, experiment.test_users, experiment.split_seed)
    return dataset, split, tuple(removed)


def _dataset(data: str | Source, base_dir: Path) -> Dataset:
    if isinstance(data, str):
        inside = base_dir / data
        return load(str(inside) if inside.is_dir() else data)
    path = get(data.path) if data.path in DATASETS else base_dir / data.path
    return read(data.source, path, **data.options)
