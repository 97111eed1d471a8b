"""From a trained model to a bundle: ids, catalogue and histories come from the dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from recweave.bundle.base import REMOVED_COLUMNS
from recweave.bundle.bundle import Bundle
from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.filters import Removed
from recweave.data.interactions import Interactions
from recweave.data.split import BETWEEN, TEST, TRAIN, VALID, LeaveLastOut, Split
from recweave.encode.features import AnyFeature, Feature
from recweave.models.base import Model, Recipe
from recweave.models.popularity import Popularity
from recweave.models.recipes import RECIPES
from recweave.models.training import Options, TrainingData
from recweave.rank.ranking import Stage


@dataclass(frozen=True, eq=False)
class Shared:
    """The parts that all bundles of one dataset share: catalogue, histories, fallback.

    Attributes:
        dataset: Catalogue and users, a line for each row; no events.
        log: Every event of the dataset.
        fallback: What answers users without a usable history: the most popular items.
        removed: Users that filters took out, with the filter (see `BundleBase.removed`).
    """

    dataset: Dataset
    log: Interactions
    fallback: Model
    removed: pl.DataFrame

    @classmethod
    def of(cls, dataset: Dataset, removed: Sequence[Removed] = ()) -> "Shared":
        """From the dataset that models are trained on, and what filters took out of it before."""
        log = dataset.interactions()
        return cls(standing_alone(dataset), log, Popularity().fit(log), _removed_users(removed))


def make_bundle(
    dataset: Dataset | Shared,
    model: Model,
    *,
    name: str,
    stages: Sequence[Stage] = (),
    features: Mapping[str, AnyFeature] | None = None,
    depth: int = 100,
    about: Mapping[str, Any] | None = None,
) -> Bundle:
    """What a model needs to answer by itself: ids, catalogue, and everybody's histories.

    Args:
        dataset: The training data of the model; all of its events become histories. Give `Shared`
            if several models of one dataset become bundles.
        model: Trained on rows of this dataset.
        name: The source of its lists.
        stages: Applied to the lists.
        features: Vectors that similar items are found by, and that new items may be placed by.
        depth: Length of the lists that stages are handed.
        about: Recipe, data and versions. Plain JSON.
    """
    shared = dataset if isinstance(dataset, Shared) else Shared.of(dataset)
    vectors = {name: one for name, one in (features or {}).items() if isinstance(one, Feature)}
    return Bundle(
        name=name,
        model=model,
        dataset=shared.dataset,
        log=shared.log,
        fallback=shared.fallback,
        removed=shared.removed,
        known_users=shared.log.shape[0],
        stages=tuple(stages),
        features={name: one for name, one in vectors.items() if one.of == "item"},
        depth=depth,
        about=about or {},
    )


def _removed_users(removed: Sequence[Removed]) -> pl.DataFrame:
    parts = [
        pl.DataFrame({"user_id": one.user_ids, "filter": [one.label()] * len(one.user_ids)})
        for one in removed
    ]
    whole = pl.concat([pl.DataFrame(schema=REMOVED_COLUMNS), *parts], how="vertical_relaxed")
    return whole.select(pl.col(name).cast(kind) for name, kind in REMOVED_COLUMNS.items())


def fit_bundle(
    recipe: Recipe,
    dataset: Dataset,
    *,
    features: Mapping[str, AnyFeature] | None = None,
    options: Options | None = None,
    name: str = "",
) -> Bundle:
    """Train a recipe on all events of a dataset, with the settings as they are.

    Recipes that stop or weigh by validation events keep each user's last event out of training
    for that; it is part of the histories all the same.

    Args:
        recipe: What is trained.
        dataset: Whose events.
        features: That the recipe reads, by name.
        options: See `Recipe.fit`.
        name: The source of its lists; the recipe's name without it.
    """
    data = everything(dataset, recipe, features or {})
    called = name or RECIPES.name_of(type(recipe)).rpartition(":")[2]
    return make_bundle(
        dataset,
        recipe.fit(data, options),
        name=called,
        features=features,
        about={
            "recipe": {"name": called, "settings": recipe.model_dump(mode="json")},
            "data": dataset.fingerprint,
        },
    )


def everything(
    dataset: Dataset,
    recipe: Recipe,
    features: Mapping[str, AnyFeature],
    *,
    positive_from: float | None = None,
    split: Split | None = None,
) -> TrainingData:
    """All events and impressions as training data, less validation where the recipe stops by it.

    Args:
        dataset: Whose.
        recipe: What is trained.
        features: That it may read.
        positive_from: The label rule of click models.
        split: Of the dataset: its test part is that validation, and what comes before it is
            trained on. Each user's last event without it.
    """
    log = dataset.interactions()
    shown = dataset.impression_log() if len(dataset.impressions) else None
    whole = TrainingData(
        log,
        features=features,
        rows=np.arange(len(log)),
        positive_from=positive_from,
        impressions=None if shown is None else shown.with_labels(),
    )
    if not recipe.uses_validation:
        return whole
    try:
        split = split or dataset.split(LeaveLastOut(n=1, valid=0))
    except BadSetting:  # no user has two events, so nothing can be held out
        return whole
    learned, held_out = (TRAIN, VALID, BETWEEN), (TEST,)
    if split.impressions is not None and shown is not None:
        parts = (shown[np.isin(split.impressions, part)] for part in (learned, held_out))
        train, valid = (part.with_labels() for part in parts)
        whole = replace(whole, impressions=train, valid_impressions=valid)
    if split.part is None:
        return whole
    rows = np.flatnonzero(np.isin(split.part, learned))
    last = np.flatnonzero(np.isin(split.part, held_out))
    return replace(whole, train=log[rows], valid=split.test, rows=rows, valid_rows=last)


def standing_alone(dataset: Dataset) -> Dataset:
    """Catalogue and users with a line for each row, in the order of rows, and nothing else."""
    return Dataset(
        dataset.name,
        items=_aligned(dataset.item_ids.ids, "item_id", dataset.items),
        users=_aligned(dataset.user_ids.ids, "user_id", dataset.users),
        source=dataset.source,
        licence=dataset.licence,
        numbering="table",
    )


def _aligned(ids: pl.Series, column: str, table: pl.DataFrame) -> pl.DataFrame:
    rows = pl.DataFrame({column: ids})
    return rows.join(table, on=column, how="left", maintain_order="left")
