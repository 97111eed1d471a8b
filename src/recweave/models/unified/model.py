"""The trained network of the unified model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting
from recweave.data.interactions import behavior_code
from recweave.data.schema import BEHAVIORS
from recweave.encode.features import Features, find_item_feature
from recweave.models.base import Basis, Model, by_deciles
from recweave.models.content import ContentMap
from recweave.models.kinds import dot_products
from recweave.models.nn.reading import last_states
from recweave.models.nn.sequences import Sequences
from recweave.models.nn.weights import Weights
from recweave.models.query import Query
from recweave.models.reasons import contributions_by_removal
from recweave.models.unified.recipe import Unified


@dataclass(frozen=True, eq=False)
class UnifiedNetwork(Model):
    """Scores are dot products of item vectors and the state computed from a history.

    Attributes:
        item: The item vectors, of unit length; zero for items without events and content.
        share: g: share of each item's vector that comes from its content.
        weights: Weights of the network that reads histories.
        recipe: The settings: the network's architecture, and which events are read.
        profile: The users' features; no columns without a `user_feature`.
        numbers: The item features that are read with each event.
        clocked: Whether times are in seconds, so that gaps between events are read.
        asked: Code of the behaviour that is predicted.
        taught: Number of events of each behaviour that were targets in training.
        content: Maps features of new items to vectors; without it no items can be added.
    """

    rests_on: ClassVar[Basis] = "history"

    item: Float[Array, "items dim"]
    share: Float[Array, " items"]
    weights: Weights
    recipe: Unified
    profile: Float[Array, "users profile"]
    numbers: Float[Array, "items numbers"]
    clocked: bool
    asked: int
    taught: Int[Array, " behaviors"]
    content: ContentMap | None = None

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`; zeros for users without a history."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`."""
        return dot_products(self.vectors(query), self.item, item)

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """See `DotProduct.vectors`."""
        self.recipe.require_extras()
        codes = self.recipe.behaviors.by_code()
        return last_states(query, self.recipe.length, self.item.shape[1], codes, self._read)

    def with_items(self, features: Features, count: int) -> "UnifiedNetwork | None":
        """See `Model.with_items`.

        The numbers that are read with events are zero, as for missing ones, unless all of their
        features are given.
        """
        vectors = None if self.content is None else self.content.vectors(features, count)
        if vectors is None:
            return None
        share = np.any(vectors, axis=1) | (self.recipe.represent == "text")
        numbers = np.zeros((count, self.numbers.shape[1]), np.float32)
        if all(name in features for name in self.recipe.numbers):
            parts = [find_item_feature(features, name).vectors for name in self.recipe.numbers]
            numbers = np.concatenate([numbers[:, :0], *parts], axis=1, dtype=np.float32)
        return replace(
            self,
            item=np.concatenate([self.item, vectors]),
            share=np.concatenate([self.share, share.astype(np.float32)]),
            numbers=np.concatenate([self.numbers, numbers]),
        )

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`: how much lower the score is without each item of the history.

        The effects overlap, so their sum is not the score.
        """
        return contributions_by_removal(self.vectors, self.item, query, item)

    def sources(self, events: Int[Array, " items"]) -> Mapping[str, Float[Array, " tenths"]]:
        """See `Sourced.sources`: share of an item's vector that comes from its content."""
        content = by_deciles(self.share, events)
        return {"content": content, "behaviour": 1 - content}

    def predicting(self, behavior: str) -> "UnifiedNetwork":
        """The same network, predicting the next event of another behaviour, such as "view".

        Raises:
            UnknownName: if there is no such behaviour.
            BadSetting: if no target in training had this behaviour.
        """
        code = behavior_code(behavior)
        if not self.taught[code]:
            trained = ", ".join(name for name, n in zip(BEHAVIORS, self.taught, strict=True) if n)
            raise BadSetting(
                f"the network was not trained to predict the next {behavior}, only {trained}; fit "
                "it with other targets, or with auxiliary above 0"
            )
        return replace(self, asked=code)

    def _read(self, sequences: Sequences, user: Int[Array, " rows"]) -> Any:
        import torch

        from recweave.models.unified.net import Tokens

        net, item, numbers = self._ready
        profile = np.where(user[:, None] >= 0, self.profile[user], np.float32(0))
        predicted = np.full(sequences.item.shape, self.asked)
        tokens = Tokens.of(sequences, predicted, profile, numbers, torch.device("cpu"))
        return net(tokens, item)

    @cached_property
    def _ready(self) -> tuple[Any, Any, Any]:
        import torch

        from recweave.models.unified.net import Reader
        from recweave.models.unified.numbers import EventNumbers

        numbers = EventNumbers.of(self.recipe, self.numbers, clocked=self.clocked)
        net = self.weights.restore(
            lambda: Reader(self.recipe, self.profile.shape[1], numbers.width)
        )
        return net, torch.from_numpy(self.item), numbers
