"""The input of training: the data that it may read, and options (seed, device, …)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.errors import require_choice
from recweave.data.impressions import Impressions
from recweave.data.interactions import Interactions
from recweave.data.labels import yes_or_no
from recweave.encode.features import AnyFeature
from recweave.parallel import Pool, Threads

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """All that training may read; nothing of the test part (no data leakage).

    Attributes:
        train: The training events, which parameters and statistics are learned from.
        valid: The validation events, for early stopping and blend weights; other recipes ignore
            them.
        features: Vectors of items, users or events, by name, computed from the training part alone.
        rows: Row of each training event in the log of the dataset; features of events are aligned
            to these rows. None if unknown: then features of events cannot be read.
        impressions: Shown and clicked items of the training part.
        valid_impressions: The same of the validation part.
        positive_from: The label rule of click models: an event with at least this value is a
            positive. Not needed if all values are 0 or 1.
        valid_rows: Row of each validation event in the log, where features were computed from these
            events as well (all data are trained on): click models then read vectors that were
            computed without them. None where no feature was.
    """

    train: Interactions
    valid: Interactions | None = None
    features: Mapping[str, AnyFeature] = field(default_factory=dict)
    rows: Int[Array, " n"] | None = None
    impressions: Impressions | None = None
    valid_impressions: Impressions | None = None
    positive_from: float | None = None
    valid_rows: Int[Array, " m"] | None = None

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
        """The same with other events, for a recipe that holds out events itself."""
        return replace(self, train=train, valid=valid, rows=None, valid_rows=None)

    def labels(self) -> Bool[Array, " n"]:
        """Which training events are positives, for click models (see `data.labels.yes_or_no`)."""
        return yes_or_no(self.train.value, self.positive_from)

    @property
    def counts(self) -> Int[Array, " items"]:
        """Number of training events of each item."""
        return np.asarray(self.train.item_counts())


@dataclass
class Checkpoints:
    """Checkpoints of neural networks, so that an interrupted training resumes.

    A folder may hold several trainings, distinguished by model, settings, data and seed. A resumed
    training gives the same numbers as one without interruption.

    Attributes:
        folder: Created when first needed.
        seconds: Seconds of training that earlier processes did and that were resumed; the training
            loop adds to it.
        every: Seconds from one checkpoint to the next, at least; 0 saves after each epoch.
    """

    folder: Path
    seconds: float = 0.0
    every: float = 0.0


@dataclass(frozen=True, eq=False)
class Options:
    """Options of training that are not hyperparameters.

    Attributes:
        seed: Seed of all random numbers.
        pool: Runs independent tasks. The numbers do not depend on it.
        device: Device of neural networks: cpu, cuda, cuda:1, …; auto uses a GPU if there is one.
        precision: Precision of matrix products in networks. bf16 is faster on processors and GPUs
            that support it, and changes the numbers slightly.
        checkpoints: Where networks save their state; None saves nothing.
    """

    seed: int = 0
    pool: Pool = field(default_factory=Threads)
    device: str = "auto"
    precision: Precision = "fp32"
    checkpoints: Checkpoints | None = None

    def __post_init__(self) -> None:
        require_choice("precision", self.precision, get_args(Precision))
