"""CLLM4Rec and LLM4REC: a language model that reads users and items as tokens of their own."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.registry import resolve
from recweave.encode.features import Features
from recweave.models.base import Basis, Model, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.content import ContentMap
from recweave.models.kinds import dot_products
from recweave.models.language.backbone import BackboneSettings, TrainedBackbone
from recweave.models.nn.settings import NetworkRecipe
from recweave.models.query import Query
from recweave.models.reasons import contributions_by_removal

NET = "recweave.models.language.cllm4rec_net"


class CLLM4Rec(BackboneSettings, NetworkRecipe):
    """Users and items as soft tokens of a language model (CLLM4Rec, arXiv 2311.01343).

    Each user and item has two embeddings. The collaborative one is read in documents
    "user_i has interacted with item_a item_b …", whose items are predicted from those before. The
    content one is read in "The title of item_j is: …" and the like, whose words are predicted. Each
    is drawn towards the other. Then the model is fine-tuned to recommend: a share of each user's
    items is held out, and the state after "user_i has interacted with …, user_i will interact with"
    must give them a high multinomial likelihood. One pass scores the whole catalogue.

    With `edges` (LLM4REC, arXiv 2402.09617) a bias is added to the attention between users and
    items, by their distance in the training graph. Within a user's own documents all distances are
    the same, so use it with `leave_user_out`.

    Cold users are represented by their items alone, without a user token. Cold items need
    `features`: a ridge regression from these to the trained tokens places them.

    An epoch over n events costs O(n) tokens of the language model's first `layers` blocks, the
    documents as many tokens as are read of them.
    """

    trainer: ClassVar[str] = "recweave.models.language.cllm4rec_fit:train_cllm4rec"

    layers: int = Field(4, ge=0, description="only the first blocks are used; 0: all")
    documents: str = Field(
        "", description='feature of kind = "documents" whose texts are learned; empty: none'
    )
    second_order: bool = Field(
        False, description="whether documents list the items of a brand, and of a category"
    )
    features: tuple[str, ...] = Field(
        (), description="item features, such as text vectors, by which cold items are placed"
    )
    init: Literal["random", "words"] = Field(
        "random",
        description="initial tokens: random, or near the mean word of an item's documents",
    )
    content_epochs: int = Field(1, ge=0, description="passes over the documents at the beginning")
    rounds: int = Field(
        10, ge=0, description="passes over the histories before fine-tuning; each with documents"
    )
    content_share: float = Field(
        0.2, ge=0, le=1, description="share of the documents, sampled, that a round reads"
    )
    pretrain_lr: Annotated[float, Tune(1e-4, 1e-2, log=True)] = Field(
        1e-3, gt=0, description="learning rate before fine-tuning; lr is that of fine-tuning"
    )
    max_words: int = Field(32, gt=0, description="words (tokens) of a text that are learned")
    vocabulary: Literal["used", "all"] = Field(
        "used", description="softmax over the words that occur in the documents, or over all"
    )
    mutual: Annotated[float, Tune(1e-4, 1, log=True)] = Field(
        0.001,
        ge=0,
        description="mutual regularization: weight of the squared distance between the two "
        "embeddings, summed over the tokens of a batch",
    )
    regularized: Literal["all", "first"] = Field(
        "all",
        description="fine-tuning: all tokens and targets, or the first target alone, as the "
        "published code does by a slip",
    )
    held_out: float = Field(
        0.2, gt=0, lt=1, description="fine-tuning: share of a user's items to predict, at least one"
    )
    scale: bool = Field(
        True,
        description="whether the log-odds of items are divided by the square root of the width in "
        "training, as the states of a language model are long; false: as published",
    )
    target: Literal["heldout", "all"] = Field(
        "heldout", description="fine-tuning: items to predict, those held out or all of the user's"
    )
    order: Literal["shuffled", "fixed"] = Field(
        "shuffled", description="items of a document: in a new random order, or by row"
    )
    predict_first: bool = Field(
        True, description="whether the first item is predicted, from the prompt"
    )
    user_dropout: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the documents without the user's token; with 1, users are read by "
        "their items alone",
    )
    length: int = Field(50, gt=0, description="newest items of a history that are read")
    edges: Literal["none", "distance", "damped", "learned"] = Field(
        "none",
        description="attention bias by distance in the training graph: LLM4REC's table, the "
        "paper's formula, or learned for each head, distance, same brand and same category",
    )
    damping: float = Field(1.0, gt=0, le=1, description="edges = damped: δ")
    leave_user_out: bool = Field(
        False, description="edges: whether a user's own events are left out of the distances"
    )
    epochs: int = Field(30, gt=0, description="passes of fine-tuning over the users, at most")
    batch: int = Field(1024, gt=0, description="tokens in a batch, padding included")
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="behaviours of weight 0 are not read; others count alike"
    )

    @model_validator(mode="after")
    def _settings_have_an_effect(self) -> "CLLM4Rec":
        if self.leave_user_out and self.edges == "none":
            raise ValueError("leave_user_out has no effect; set edges")
        if not self.documents and self.second_order:
            raise ValueError("second_order needs documents, which name brands and categories")
        if not self.documents and self.init == "words":
            raise ValueError('init = "words" needs documents')
        return self

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        documents = (self.documents,) if self.documents else ()
        return tuple(dict.fromkeys((*documents, *self.features)))

    def require_extras(self) -> None:
        """See `Recipe.require_extras`."""
        self.require_backbone()


@dataclass(frozen=True, eq=False)
class SoftTokenModel(Model):
    """Scores are dot products of the state after a user's prompt and the items' tokens.

    If the query has a history, it is read, so new events count at once. Users without a token and
    a history get the score 0 for all items.

    Attributes:
        item: The items' collaborative tokens; zero for an item without events that no feature
            describes.
        user: The users' collaborative tokens; zero for a user without training events.
        recipe: The settings.
        backbone: What was trained of the language model, and the hash of the rest.
        bias: With edges: what is added to the attention, by head (one row for all) and relation.
        graph: With `leave_user_out`: the training events.
        groups: With learned edges: number of each item's brand and category; -1 for none.
        content: Maps features of new items to tokens, less `center`.
        center: The mean token of the items with events.
    """

    rests_on: ClassVar[Basis] = "history"

    item: Float[Array, "items width"]
    user: Float[Array, "users width"]
    recipe: CLLM4Rec
    backbone: TrainedBackbone
    bias: Float[Array, "heads relations"]
    graph: Csr | None = None
    groups: Int[Array, "items two"] | None = None
    content: ContentMap | None = None
    center: Float[Array, " width"] | None = None

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`."""
        return dot_products(self.vectors(query), self.item, item)

    def vectors(self, query: Query) -> Float[Array, "batch width"]:
        """See `DotProduct.vectors`."""
        vectors: Array = self._reader.vectors(query)
        return vectors

    def with_items(self, features: Features, count: int) -> "SoftTokenModel | None":
        """See `Model.with_items`."""
        new = None if self.content is None else self.content.vectors(features, count)
        if new is None or self.center is None:
            return None
        new[new.any(axis=1)] += self.center
        groups = self.groups
        if groups is not None:
            groups = np.concatenate([groups, np.full((count, 2), -1, groups.dtype)])
        graph = self.graph
        if graph is not None:
            shape = (graph.shape[0], graph.shape[1] + count)
            graph = sparse.csr_array((graph.data, graph.indices, graph.indptr), shape=shape)
        return replace(self, item=np.concatenate([self.item, new]), groups=groups, graph=graph)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`: how much lower the score is without each item of the history.

        The effects overlap, so their sum is not the score.
        """
        return contributions_by_removal(self.vectors, self.item, query, item)

    @cached_property
    def _reader(self) -> Any:
        self.recipe.require_extras()
        return resolve(f"{NET}:restore_reader")(self)
