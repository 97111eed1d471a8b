"""The settings of the training loop, which every network has."""

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
    batch: int = Field(4096, gt=0, description="events in a step, about")
    lr: Annotated[float, Tune(1e-4, 1e-2, log=True)] = Field(
        1e-3, gt=0, description="step size of AdamW at its highest"
    )
    weight_decay: Annotated[float, Tune(1e-6, 0.1, log=True)] = Field(
        0.0, ge=0, description="decoupled weight decay of AdamW"
    )
    warmup: float = Field(1.0, ge=0, description="epochs over which the step size rises to lr")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="what the step size does after that: cosine falls to 0 at the end"
    )
    clip: float = Field(5.0, gt=0, description="largest length of a step's gradient")
    every: int = Field(1, gt=0, description="epochs between validation checks")
    patience: int = Field(
        5, ge=0, description="checks without a gain before training stops; 0 never stops early"
    )


class NetworkRecipe(LoopSettings, Recipe, ABC):
    """A recipe whose model is trained by `nn.loop.train`.

    Trained with validation events, it stops when NDCG@10 of its real ranking does (early stopping)
    and keeps the best weights.
    """

    uses_validation: ClassVar[bool] = True

    def require_extras(self) -> None:
        """See `Recipe.require_extras`: torch."""
        require("torch", extra=EXTRA)
