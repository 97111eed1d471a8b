"""Hyperparameters shared by all sequence networks."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from recweave.models.base import Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.nn.settings import NetworkRecipe
from recweave.models.popk import PopkSettings


class SequenceRecipe(PopkSettings, NetworkRecipe, ABC):
    """A network that reads a history and predicts the next item at every position of it."""

    trainer: ClassVar[str] = "recweave.models.sequence.fit:train_sequence"

    dim: Annotated[int, Tune(32, 256, log=True)] = Field(
        64, gt=0, description="embedding dimension"
    )
    layers: Annotated[int, Tune(1, 4)] = Field(2, gt=0, description="number of layers")
    length: int = Field(50, gt=0, description="number of newest events of a history that are read")
    dropout: Annotated[float, Tune(0.0, 0.7)] = Field(0.2, ge=0, lt=1, description="dropout rate")
    loss: Literal["softmax", "sampled", "gbce", "bpr"] = Field(
        "softmax",
        description="softmax over all items; over sampled ones with log-Q correction; gBCE; BPR",
    )
    negatives: Annotated[int, Tune(1, 1024, log=True)] = Field(
        256, gt=0, description="negatives sampled for each batch (not with softmax)"
    )
    drawn_by: float = Field(
        0.5,
        ge=0,
        le=1,
        description="negatives are sampled by events to this power; 0 is uniform",
    )
    calibration: float = Field(0.75, ge=0, le=1, description="t of gbce")
    temperature: Annotated[float, Tune(0.03, 0.3, log=True)] = Field(
        0.0, ge=0, description="scores are cosines divided by this; 0: scores are dot products"
    )
    represent: Literal["id", "text", "both"] = Field(
        "id", description="items by id embeddings, by their features, or by both with a gate"
    )
    features: tuple[str, ...] = Field((), description="item features, for represent = text or both")
    targets: Literal["new", "all"] = Field(
        "new", description="events to predict: items new to the user, or every next item"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(),
        description="weight of an event as a target; with 0 it is not read either",
    )

    @model_validator(mode="after")
    def _has_negatives(self) -> "SequenceRecipe":
        if self.popk and self.loss == "softmax":
            raise ValueError(
                "popk gives negatives, and the softmax over all items has all of them; set loss = "
                "'sampled', 'gbce' or 'bpr'"
            )
        return self

    @abstractmethod
    def encoder(self) -> Any:
        """The untrained network, from vectors of events to states."""

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`; none where ids alone represent the items."""
        return () if self.represent == "id" else self.features
