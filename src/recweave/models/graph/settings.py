"""What recipes of graph networks have in common."""

from abc import ABC
from typing import Annotated, Literal

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.nn.settings import NetworkRecipe

Join = Literal["sum", "concat", "text", "align"]


class GraphRecipe(NetworkRecipe, ABC):
    """A network that learns a vector for each user and item and smooths them over the graph."""

    dim: Annotated[int, Tune(32, 256, log=True)] = Field(
        64, gt=0, description="length of the vectors"
    )
    layers: Annotated[int, Tune(1, 4)] = Field(
        3, ge=0, description="steps over the graph; 0 is plain factorisation"
    )
    loss: Literal["softmax", "bpr"] = Field(
        "softmax",
        description="each user's items against all others at once, or each against one drawn",
    )
    negatives: Annotated[int, Tune(256, 8192, log=True)] = Field(
        4096, gt=0, description="of softmax: items drawn in each step to stand for all others"
    )
    temperature: Annotated[float, Tune(choices=(0.0, 0.1, 0.2))] = Field(
        0.0, ge=0, description="scores are cosines over this; 0 takes dot products"
    )
    reg: Annotated[float, Tune(1e-5, 1.0, log=True)] = Field(
        0.03, ge=0, description="L2 penalty on the first layer's vectors of each pair"
    )
    lr: Annotated[float, Tune(1e-3, 3e-2, log=True)] = Field(
        5e-3, gt=0, description="step size of AdamW at its highest"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="strength of an event by its behaviour, as edge and target"
    )
