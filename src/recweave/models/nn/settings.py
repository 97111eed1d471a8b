"""The hyperparameters of the training loop, which every neural network has."""

from abc import ABC
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recweave.core.extras import require
from recweave.core.value import Value
from recweave.models.base import Recipe, Tune

EXTRA = "networks"


class LoopSettings(Value):
    """The settings of `nn.loop.train`."""

    epochs: int = Field(50, gt=0, description="passes over the events, at most")
    batch: int = Field(4096, gt=0, description="events in a batch, about")
    lr: Annotated[float, Tune(1e-4, 1e-2, log=True)] = Field(
        1e-3, gt=0, description="peak learning rate of AdamW"
    )
    weight_decay: Annotated[float, Tune(1e-6, 0.1, log=True)] = Field(
        0.0, ge=0, description="weight decay of AdamW (decoupled L2 regularization)"
    )
    warmup: float = Field(1.0, ge=0, description="epochs in which the learning rate rises to lr")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="the learning rate after warmup: constant, or falling to 0 (cosine)"
    )
    clip: float = Field(5.0, gt=0, description="gradient clipping: largest norm of a gradient")
    every: int = Field(1, gt=0, description="epochs between validation checks")
    patience: int = Field(
        5, ge=0, description="early stopping: checks without a gain before it stops; 0 never stops"
    )
    min_epochs: int = Field(
        0,
        ge=0,
        description="early stopping: checks up to this epoch neither stop the training nor choose "
        "the network that is kept",
    )


class NetworkRecipe(LoopSettings, Recipe, ABC):
    """A recipe whose model is trained by `nn.loop.train`.

    With validation events it uses early stopping: training stops when NDCG@10 of the full ranking
    (click models: `stop_by`) no longer rises, and the best weights are kept.
    """

    uses_validation: ClassVar[bool] = True

    def require_extras(self) -> None:
        """See `Recipe.require_extras`: torch."""
        require("torch", extra=EXTRA)
