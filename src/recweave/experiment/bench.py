"""The data of an experiment made ready: read, filtered, split, once for all its models."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from recweave.core.arrays import digest
from recweave.core.errors import BadSetting
from recweave.core.lists import pair_keys
from recweave.data.catalogue import load
from recweave.data.dataset import Dataset
from recweave.data.filters import Removed, apply_all
from recweave.data.readers import read
from recweave.data.split import Split
from recweave.encode import Features
from recweave.encode.categories import encode_categories
from recweave.evaluate import Catalogue, Report, evaluate_model
from recweave.experiment.measure import Cost, measured
from recweave.experiment.spec import Entry, Experiment, Source
from recweave.models import Model, Recipe
from recweave.models.nn.resume import taken_over
from recweave.rank import Stage

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Bench:
    """Everything that the rows of one table share.

    Attributes:
        experiment: What is asked.
        dataset: After the filters.
        split: What is learned from, chosen by and reported.
        features: Vectors of the items, by name.
        feature_costs: What it took to make those the recipe asks for; less where vectors of their
            texts were kept on disk.
        catalogue: What metrics beyond accuracy need; from train alone.
        removed: What each filter took away.
    """

    experiment: Experiment
    dataset: Dataset
    split: Split
    features: Features
    feature_costs: Mapping[str, Cost]
    catalogue: Catalogue
    removed: tuple[Removed, ...]

    def fit(self, recipe: Recipe, *, seed: int, final: bool) -> tuple[Model, Cost]:
        """A trained model and what it cost.

        The final one may also learn from validation; else it is the model that was tried, which may
        stop early by validation.
        """
        train = self.experiment.final_events(self.split) if final else self.split.train
        valid = None if final and self.experiment.refits else self.split.valid
        earlier = taken_over()
        with measured() as cost:
            model = recipe.fit(
                train,
                features=self.features,
                valid=valid,
                seed=seed,
            )
        cost.seconds += taken_over() - earlier  # by a process that was killed
        return model, cost

    def stages(self, entry: Entry) -> list[Stage]:
        """The entry's stages for this catalogue."""
        return [s.build(self.dataset, self.split.train, self.features) for s in entry.stages]

    def judge(
        self, model: Model, entry: Entry, *, on: Literal["test", "valid"], metrics: Sequence[str]
    ) -> Report:
        """The model's lists, after the entry's stages, against the held-out events."""
        asked = self.experiment
        return evaluate_model(
            model,
            self.split,
            metrics,
            on=on,
            stages=self.stages(entry),
            depth=asked.depth,
            catalogue=self.catalogue,
            relevant_from=asked.relevant_from,
            slices=asked.slices if on == "test" else (),
            seed=asked.split_seed,
            protocol=asked.protocol,
        )

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
            "dropped": split.dropped,
            "removed": [one.model_dump() for one in self.removed],
            "split": split.how,
            "statistics": digest(self.catalogue.events, self.catalogue.owners),
            "features": {
                name: {"encoder": made.encoder, "source": made.source, "of": made.of}
                for name, made in self.features.items()
                if name in self.experiment.features
            },
        }


def prepare(experiment: Experiment, beside: Path) -> Bench:
    """Read, filter, split, and make the features.

    Args:
        experiment: The recipe.
        beside: The folder that the recipe's relative paths start from.
    """
    dataset, split, removed = cut(experiment, beside)
    searched = [
        row for row, e in zip(experiment.rows(), experiment.models, strict=True) if e.search
    ]
    if searched and not len(split.valid):
        raise BadSetting(
            f"'{searched[0]}' has settings to search, but the split {split.how} leaves no "
            "validation events to choose by; hold some out"
        )
    _warn_of_hidden(split)
    features, costs = _features(experiment, dataset, split, beside)
    kinds = features.get("categories")
    catalogue = Catalogue.of(split.train, categories=kinds, vectors=kinds)
    return Bench(experiment, dataset, split, features, costs, catalogue, removed)


def cut(experiment: Experiment, beside: Path) -> tuple[Dataset, Split, tuple[Removed, ...]]:
    """The data of a recipe, filtered and split; and what each filter took away."""
    dataset, removed = apply_all(_dataset(experiment.data, beside), experiment.filters)
    return dataset, dataset.split(experiment.split, seed=experiment.split_seed), tuple(removed)


def _warn_of_hidden(split: Split) -> None:
    """Items that a user had before are hidden from lists, so held-out events of them are lost."""
    parts = (split.known, split.test)
    known, test = (pair_keys(part.user, part.item, part.shape[1]) for part in parts)
    hidden = int(np.isin(test, known).sum())
    if 2 * hidden > len(test):
        log.warning(
            "%s of %s test events are of an item that their user had before, such as a view of "
            "what is bought; lists hide these, so nobody can find them: leave_last_out with "
            "`fresh = true` keeps such views out of histories",
            f"{hidden:,}",
            f"{len(test):,}",
        )


def _features(
    experiment: Experiment, dataset: Dataset, split: Split, beside: Path
) -> tuple[Features, Mapping[str, Cost]]:
    """What the catalogue itself says of the items' kinds, and what the recipe asks for."""
    said = encode_categories(dataset)
    made = {"categories": said} if said.present.any() else {}
    costs = {}
    for name, spec in experiment.features.items():
        with measured() as costs[name]:
            made[name] = spec.build(dataset, split, made, beside)
    return made, costs


def _dataset(data: str | Source, beside: Path) -> Dataset:
    if isinstance(data, str):
        inside = beside / data
        return load(str(inside) if inside.is_dir() else data)
    return read(data.source, beside / data.path, **data.options)
