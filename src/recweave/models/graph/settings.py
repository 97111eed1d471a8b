"""Hyperparameters shared by all graph networks."""

from abc import ABC
from typing import Annotated, Literal

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.nn.settings import NetworkRecipe

Join = Literal["sum", "concat", "text", "align"]


class GraphRecipe(NetworkRecipe, ABC):
    """A network that learns user and item embeddings and propagates them over the graph."""

    dim: Annotated[int, Tune(32, 256, log=True)] = Field(
        64, gt=0, description="embedding dimension"
    )
    layers: Annotated[int, Tune(1, 4)] = Field(
        3, ge=0, description="graph convolution layers; 0 is matrix factorization"
    )
    loss: Literal["softmax", "bpr"] = Field(
        "softmax",
        description="softmax over all items, or BPR with one sampled negative for each event",
    )
    negatives: Annotated[int, Tune(256, 8192, log=True)] = Field(
        4096,
        gt=0,
        description="negatives sampled in each step of the softmax",
    )
    temperature: Annotated[float, Tune(choices=(0.0, 0.1, 0.2))] = Field(
        0.0, ge=0, description="scores are cosines divided by this; 0: scores are dot products"
    )
    reg: Annotated[float, Tune(1e-5, 1.0, log=True)] = Field(
        0.03, ge=0, description="L2 regularization of the initial embeddings of each pair"
    )
    lr: Annotated[float, Tune(1e-3, 3e-2, log=True)] = Field(
        5e-3, gt=0, description="peak learning rate of AdamW"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event by its behaviour, as edge and as target"
    )
