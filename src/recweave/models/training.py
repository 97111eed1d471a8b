"""What a recipe is trained with: the data it may see, and the options of the machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.data.impressions import Impressions
from recweave.data.interactions import Interactions
from recweave.data.labels import yes_or_no
from recweave.encode.features import AnyFeature
from recweave.parallel import Pool, Threads

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """All that training may see. Nothing of the test part is in it.

    Attributes:
        train: The events that parameters and statistics are learned from.
        valid: Held-out events for early stopping and for weights; recipes without either ignore
            them.
        features: Vectors of items, users or events by name, made from the training part alone.
        rows: Row of each training event in the log of the dataset, which features of events are
            aligned to. None where they are not known: then no such feature can be read.
        impressions: What was shown and what of it was clicked, in the training part.
        valid_impressions: The same of the validation part.
        positive_from: The label rule of click models: the least value of an event that is a yes.
            Not needed where all values are 0 or 1.
    """

    train: Interactions
    valid: Interactions | None = None
    features: Mapping[str, AnyFeature] = field(default_factory=dict)
    rows: Int[Array, " n"] | None = None
    impressions: Impressions | None = None
    valid_impressions: Impressions | None = None
    positive_from: float | None = None

    def __post_init__(self) -> None:
        if self.rows is not None and len(self.rows) != len(self.train):
            raise ValueError(f"{len(self.rows)} rows for {len(self.train)} training events")

    def __repr__(self) -> str:
        held_out = 0 if self.valid is None else len(self.valid)
        named = f", features {', '.join(self.features)}" if self.features else ""
        return (
            f"<TrainingData: {len(self.train):,} training, {held_out:,} validation events{named}>"
        )

    def replace(self, train: Interactions, valid: Interactions | None) -> "TrainingData":
        """The same with other events, for a recipe that holds some out by itself."""
        return replace(self, train=train, valid=valid, rows=None)

    def labels(self) -> Bool[Array, " n"]:
        """Which training events are a yes, for click models (see `data.labels.yes_or_no`)."""
        return yes_or_no(self.train.value, self.positive_from)

    @property
    def counts(self) -> Int[Array, " items"]:
        """Training events of each item."""
        return np.asarray(self.train.item_counts())


@dataclass
class Checkpoints:
    """Where networks in training keep their state, so that an interrupted training resumes.

    A folder may hold several trainings, told apart by what is trained, with which settings, on
    which data and by which seed. One that was killed, at any moment, ends with the numbers it
    would have had.

    Attributes:
        folder: Made when first needed.
        seconds: Seconds of training that were resumed from earlier processes, not done again;
            counted up by the training loop.
    """

    folder: Path
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Options:
    """What training needs to know that is no hyperparameter.

    Attributes:
        seed: Of whatever is drawn at random.
        pool: Where independent pieces of work are done. The numbers do not depend on it.
        device: Where networks train: cpu, cuda, cuda:1, …; auto takes a GPU where there is one.
        precision: Of networks' products. bf16 is faster on processors and GPUs that multiply it
            and moves the numbers a little.
        checkpoints: Where networks keep their state; None keeps none.
    """

    seed: int = 0
    pool: Pool = field(default_factory=Threads)
    device: str = "auto"
    precision: Precision = "fp32"
    checkpoints: Checkpoints | None = None
