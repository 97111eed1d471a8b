"""The settings of the training loop, which every recipe of a network has."""

from abc import ABC
from typing import Annotated, Literal

from pydantic import Field

from recweave.core.extras import require
from recweave.models.base import Recipe, Tune

EXTRA = "networks"


class NetworkRecipe(Recipe, ABC):
    """A recipe whose model is trained by `nn.loop.train`."""

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
    every: int = Field(1, gt=0, description="epochs between looks at validation")
    patience: int = Field(
        5, ge=0, description="looks without a gain before training stops; 0 never stops early"
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="of matrix products; bf16 is faster where the processor multiplies it"
    )
    device: str = Field("auto", description="cpu, cuda, cuda:1, …; auto takes a GPU where one is")

    def require_torch(self) -> None:
        """Fail with the command that installs it.

        Raises:
            MissingExtra: if torch is not there.
        """
        require("torch", extra=EXTRA)
