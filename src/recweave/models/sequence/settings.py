"""What recipes of sequence networks have in common, and how they are trained."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.nn.settings import NetworkRecipe


class SequenceRecipe(NetworkRecipe, ABC):
    """A network that reads a history and scores the next item at every place of it at once."""

    trainer: ClassVar[str] = "recweave.models.sequence.fit:train_sequence"

    dim: Annotated[int, Tune(32, 256, log=True)] = Field(
        64, gt=0, description="length of the vectors"
    )
    layers: Annotated[int, Tune(1, 4)] = Field(2, gt=0, description="blocks or layers")
    length: int = Field(50, gt=0, description="events of a history that are read, the newest")
    dropout: Annotated[float, Tune(0.0, 0.7)] = Field(
        0.2, ge=0, lt=1, description="share of numbers left out at random in training"
    )
    loss: Literal["softmax", "sampled", "gbce", "bpr"] = Field(
        "softmax",
        description="over all items; over drawn ones, corrected by log Q; calibrated binary; pairs",
    )
    negatives: Annotated[int, Tune(1, 1024, log=True)] = Field(
        256, gt=0, description="items drawn, once for each batch, where the loss draws"
    )
    drawn_by: float = Field(
        0.5, ge=0, le=1, description="they are drawn by their events to this power; 0 is uniformly"
    )
    calibration: float = Field(0.75, ge=0, le=1, description="t of gbce")
    temperature: Annotated[float, Tune(0.03, 0.3, log=True)] = Field(
        0.0, ge=0, description="scores are cosines over this; 0 takes dot products"
    )
    represent: Literal["id", "text", "both"] = Field(
        "id", description="items by vectors of their own, by their features', or by both, gated"
    )
    features: tuple[str, ...] = Field((), description="vectors of the items that text and both use")
    targets: Literal["new", "all"] = Field(
        "new", description="what is learned to be told: items new to the user, or any next one"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event as a target; 0 leaves it out altogether"
    )

    @abstractmethod
    def encoder(self) -> Any:
        """The untrained network between vectors of events and states."""

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`; none where items are represented by their ids alone."""
        return () if self.represent == "id" else self.features
