"""The deep and cross network, version 2 (DCN-v2)."""

from typing import Annotated, ClassVar

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.ctr.settings import ClickNetworkRecipe


class DCN(ClickNetworkRecipe):
    """DCN-v2: cross layers beside an MLP (Wang et al. 2021).

    x0 holds the dense columns, the reduced groups and the embeddings in a row. A cross layer
    computes x0 ⊙ (W x + b) + x, so each adds products with one more input. With `rank`, W = U V
    has this rank. The deep part is an MLP on x0. The log-odds are linear in the outputs of both.
    Hidden layers of MLPs have ReLU and dropout. `ClickNetworkRecipe` describes inputs and training.
    """

    trainer: ClassVar[str] = "recweave.models.ctr.fit:train_network"

    cross: Annotated[int, Tune(1, 4)] = Field(2, ge=0, description="cross layers")
    rank: int = Field(0, ge=0, description="rank of the matrices of cross layers; 0: full rank")
    deep: tuple[int, ...] = Field((64, 32), description="hidden layers of the deep part")
