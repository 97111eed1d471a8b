"""The unified multi-behaviour model."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from recweave.data.schema import BEHAVIORS
from recweave.models.base import Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.nn.settings import NetworkRecipe
from recweave.models.popk import PopkSettings
from recweave.models.scorer import Scorer


class Unified(PopkSettings, NetworkRecipe):
    """Content, one graph for each behaviour, and a causal transformer in one network.

    An item's vector is e = (1 − g) id + g W t: id embedding and content t, mixed by a gate g that
    depends on popularity. It is propagated over one graph for each behaviour; a learned gate lowers
    the weight of noisy edges of auxiliary behaviours. A transformer reads the events (item,
    behaviour, time since the event before, value, numbers of the item such as a price) and predicts
    the next event of a behaviour: with the state h and the mean m of the events so far, the score
    is ⟨h + a m, e⟩ / temperature. The loss is the softmax over items, where targets of auxiliary
    behaviours have a weight of their own, plus InfoNCE between content and behaviour. The scores of
    other models (`scorers`) are added with weights learned on validation events. A weight may be 0,
    so on validation the blend is never worse than its best member. Without validation events, the
    last targets of a tenth of the users are held out of training for this.

    Cold users are represented by their history (fold-in), cold items by their content. An epoch
    over n events costs O(n · dim · items), or O(n · dim · negatives) with sampled negatives.

    `fit` returns a `Blend`: the network is its first member, the scorers follow in order.
    """

    trainer: ClassVar[str] = "recweave.models.unified.fit:train_unified"

    dim: Annotated[int, Tune(32, 256, log=True)] = Field(
        64, gt=0, description="embedding dimension"
    )
    heads: int = Field(2, gt=0, description="attention heads; dim must be a multiple")
    layers: Annotated[int, Tune(1, 4)] = Field(
        2, ge=0, description="transformer blocks; 0 ignores the order"
    )
    length: int = Field(50, gt=0, description="number of newest events of a history that are read")
    dropout: Annotated[float, Tune(0.0, 0.7)] = Field(0.2, ge=0, lt=1, description="dropout rate")
    loss: Literal["softmax", "sampled"] = Field(
        "sampled", description="softmax over all items, or over sampled ones with log-Q correction"
    )
    negatives: int = Field(1024, gt=0, description="negatives sampled for each batch")
    drawn_by: float = Field(
        0.5, ge=0, le=1, description="negatives are sampled by events to this power; 0 is uniform"
    )
    temperature: Annotated[float, Tune(0.03, 0.3, log=True)] = Field(
        0.07, gt=0, description="scores are cosines divided by this"
    )
    represent: Literal["id", "text", "both"] = Field(
        "both", description="items by id embeddings, by their features, or by both with a gate"
    )
    features: tuple[str, ...] = Field((), description="item features: text, images, price")
    user_feature: str = Field(
        "", description="user feature, such as profiles; read before the history"
    )
    target: tuple[str, ...] = Field(
        (), description="behaviours whose next event is predicted; empty: all"
    )
    auxiliary: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.3, ge=0, le=1, description="weight of other behaviours as targets in training"
    )
    targets: Literal["new", "all"] = Field(
        "new", description="events to predict: items new to the user, or every next item"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(),
        description="behaviours of weight 0 are not read; other weights do nothing",
    )
    graph: int = Field(1, ge=0, description="rounds of graph convolution; 0: no graph")
    edge_dropout: float = Field(0.3, ge=0, lt=1, description="share of edges left out in each step")
    denoise: bool = Field(
        True, description="whether a gate removes noisy edges of other behaviours"
    )
    gaps: Literal["none", "digits", "log_bucket", "fourier"] = Field(
        "fourier", description="encoding of the time since the event before; needs times in seconds"
    )
    values: Literal["none", "digits", "log_bucket", "fourier"] = Field(
        "none", description="encoding of each event's value, such as a rating or a quantity"
    )
    numbers: tuple[str, ...] = Field(
        (), description="item features that are read with each event, such as an encoded price"
    )
    align: float = Field(
        0.0, ge=0, description="weight of InfoNCE between id and content embeddings of the items"
    )
    scorers: tuple[Scorer, ...] | Literal["auto"] = Field(
        (),
        description="other models whose scores are added; auto: a standard set of neighbours, "
        "closed forms, factors, and what is popular and new at the time of the query",
    )

    @model_validator(mode="after")
    def _heads_fit(self) -> "Unified":
        if self.dim % self.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of heads ({self.heads})")
        if self.popk and self.loss == "softmax":
            raise ValueError("popk gives negatives to loss = 'sampled'; leave one of them out")
        return self

    @field_validator("target")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in BEHAVIORS:
                raise ValueError(
                    f"'{name}' is no behaviour; the behaviours are {', '.join(BEHAVIORS)}"
                )
        return names

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`: those of the network and of the scorers."""
        named = () if self.scorers == "auto" else self.scorers
        scorers = [name for scorer in named for name in scorer.recipe().features_used()]
        if self.scorers == "auto":
            scorers += self.features
        return tuple(dict.fromkeys((*self.network_features(), *scorers)))

    def network_features(self) -> tuple[str, ...]:
        """The features that the network itself reads."""
        user = (self.user_feature,) if self.user_feature else ()
        return tuple(dict.fromkeys((*self.content_features(), *user, *self.numbers)))

    def content_features(self) -> tuple[str, ...]:
        """The features that represent items or are signals of edges; none if only ids are used."""
        gates_edges = bool(self.graph and self.denoise)
        return self.features if self.represent != "id" or gates_edges else ()
