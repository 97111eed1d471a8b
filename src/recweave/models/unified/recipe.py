"""The unified multi-behaviour model."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from recweave.data.schema import BEHAVIORS
from recweave.models.base import Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.nn.settings import NetworkRecipe
from recweave.models.unified.scorer import Scorer


class Unified(NetworkRecipe):
    """Content, a graph for each behaviour, and a causal transformer in one.

    An item is e = (1 − g) id + g W t with a gate g by popularity, smoothed over one graph for each
    behaviour, whose auxiliary edges a learned gate thins out. A transformer reads (item, behaviour,
    time since the event before, its value, and numbers of the item such as a price) and is asked
    for the next event of a behaviour; the state h and the mean m of the events so far give
    ⟨h + a m, e⟩ / temperature. Trained by the softmax over items, with targets of other behaviours
    at a weight of their own, plus InfoNCE between content and behaviour. Other models' scores
    (`scorers`) take part by weights that validation gives, which may be 0: the whole is never worse
    there than its best part. Without validation events, the last targets of a tenth of the users
    are held out of training for that.

    New users are read by their history, new items by their content. An epoch over n events takes
    O(n · dim · items), or O(n · dim · negatives).

    `fit` gives a `Blend`: the network is its first member, scorers follow in order.
    """

    trainer: ClassVar[str] = "recweave.models.unified.fit:train_unified"

    dim: Annotated[int, Tune(32, 256, log=True)] = Field(
        64, gt=0, description="length of the vectors"
    )
    heads: int = Field(2, gt=0, description="attention heads; dim must be a multiple")
    layers: Annotated[int, Tune(1, 4)] = Field(2, ge=0, description="blocks; 0 reads no sequence")
    length: int = Field(50, gt=0, description="events of a history that are read, the newest")
    dropout: Annotated[float, Tune(0.0, 0.7)] = Field(
        0.2, ge=0, lt=1, description="share of numbers left out at random in training"
    )
    loss: Literal["softmax", "sampled"] = Field(
        "sampled", description="over all items, or over drawn ones, corrected by log Q"
    )
    negatives: int = Field(1024, gt=0, description="items drawn for each batch")
    drawn_by: float = Field(
        0.5, ge=0, le=1, description="they are drawn by their events to this power; 0 is uniformly"
    )
    temperature: Annotated[float, Tune(0.03, 0.3, log=True)] = Field(
        0.07, gt=0, description="scores are cosines over this"
    )
    represent: Literal["id", "text", "both"] = Field(
        "both", description="items by vectors of their own, by their features', or by both, gated"
    )
    features: tuple[str, ...] = Field(
        (), description="vectors of the items: words, pictures, price"
    )
    user_feature: str = Field(
        "", description="vectors of the users, such as their profiles, read before their history"
    )
    target: tuple[str, ...] = Field(
        (), description="behaviours whose next event is asked for; all if empty"
    )
    auxiliary: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.3, ge=0, le=1, description="weight of events of other behaviours as targets in training"
    )
    targets: Literal["new", "all"] = Field(
        "new", description="what is learned to be told: items new to the user, or any next one"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="behaviours of weight 0 are left out; others do not matter"
    )
    graph: int = Field(1, ge=0, description="rounds from items to users and back; 0 has no graph")
    edge_dropout: float = Field(0.3, ge=0, lt=1, description="share of edges left out of a step")
    denoise: bool = Field(True, description="whether a gate thins out edges of other behaviours")
    gaps: Literal["none", "digits", "log_bucket", "fourier"] = Field(
        "fourier", description="code of the time since the event before; needs a clock in seconds"
    )
    values: Literal["none", "digits", "log_bucket", "fourier"] = Field(
        "none", description="code of each event's own value, such as a rating or a quantity"
    )
    numbers: tuple[str, ...] = Field(
        (), description="features of items that are read with each event, such as a coded price"
    )
    align: float = Field(
        0.0, ge=0, description="weight of InfoNCE between content and behaviour of the items"
    )
    scorers: tuple[Scorer, ...] = Field((), description="other models whose scores take part")

    @model_validator(mode="after")
    def _heads_fit(self) -> "Unified":
        if self.dim % self.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of heads ({self.heads})")
        return self

    @field_validator("target")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in BEHAVIORS:
                raise ValueError(f"'{name}' is no behaviour; there are {', '.join(BEHAVIORS)}")
        return names

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`: of the network, and of the other scorers."""
        scorers = (name for scorer in self.scorers for name in scorer.recipe().features_used())
        return tuple(dict.fromkeys((*self.network_features(), *scorers)))

    def network_features(self) -> tuple[str, ...]:
        """The features that the network itself reads."""
        user = (self.user_feature,) if self.user_feature else ()
        return tuple(dict.fromkeys((*self.content_features(), *user, *self.numbers)))

    def content_features(self) -> tuple[str, ...]:
        """The features that represent items, or weigh edges; none where both go by ids alone."""
        weighs_edges = bool(self.graph and self.denoise)
        return self.features if self.represent != "id" or weighs_edges else ()
