"""Candidates in a conversation: what somebody stated, and what they did before, to a list."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from recweave.chat.wish import Condition, Wish, conditions, find_items
from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.encoder import TextEncoder
from recweave.encode.features import Feature
from recweave.models.base import Model
from recweave.models.blend import standardized
from recweave.models.kinds import ItemScores
from recweave.models.query import Query
from recweave.rank.ranking import Ranking
from recweave.rank.recommend import recommend


@dataclass(frozen=True)
class Relaxed:
    """A condition, and how many items there would be without it."""

    text: str
    items: int


@dataclass(frozen=True, eq=False)
class Advice:
    """What a conversation has come to.

    Attributes:
        ranking: One list; nothing in it breaks a condition or is in the history of the user.
        items: How many items might be shown.
        relax: Where there are none: the conditions that alone stand in the way, those first that
            would leave most without them.
    """

    ranking: Ranking
    items: int
    relax: tuple[Relaxed, ...] = ()

    @property
    def why_empty(self) -> str:
        """Why there is nothing, and what to drop; "" where there is something."""
        if self.items:
            return ""
        if not self.relax:
            return "no item fits, and dropping any one condition would not help: drop several"
        ways = "; ".join(f"without '{way.text}' there are {way.items:,}" for way in self.relax)
        return f"no item fits: {ways}"


@dataclass(frozen=True, eq=False)
class Adviser:
    """A catalogue and a model that conversations draw on.

    A score is the model's for the user, plus `liked_weight` times what the liked items would change
    for somebody new, less `disliked_weight` times the same of the disliked ones, plus `text_weight`
    times the cosine of the free words with an item's text; each standardized over the items.

    Attributes:
        dataset: Whose catalogue; nothing else is ever shown.
        model: What scores. It may be one that gives the same to everybody.
        cold_model: What scores for cold-start users, such as popularity: most models know nothing
            of them, and give all items the same score.
        behavior: What liking an item counts as for the model: one that it was trained on.
        text: Vectors of the items' texts, for free words.
        encoder: What made them.
        text_weight, liked_weight, disliked_weight: See above.
    """

    dataset: Dataset
    model: Model
    cold_model: Model | None = None
    behavior: str = "purchase"
    text: Feature | None = None
    encoder: TextEncoder | None = None
    text_weight: float = 1.0
    liked_weight: float = 1.0
    disliked_weight: float = 1.0

    def advise(self, wish: Wish, query: Query, k: int = 10) -> Advice:
        """The best items that fulfil the wish.

        Items of the history, and those that were named as liked or disliked, are not shown.

        Args:
            wish: What was stated so far, in all.
            query: One user; a cold-start user is row -1 without events.
            k: Length of the list at most.

        Raises:
            BadSetting, UnknownId, UnknownName: for what the catalogue does not have (see
                `conditions`, `find_items`), or free words without an encoder.
        """
        if len(query) != 1:
            raise ValueError("a conversation is with one person at a time")
        asked = conditions(self.dataset, wish)
        liked = find_items(self.dataset, wish.liked)
        disliked = find_items(self.dataset, wish.disliked)
        open_ = np.ones(query.history.items, bool)
        open_[[*query.history.item.tolist(), *liked, *disliked]] = False
        allow = _all(asked, open_)
        scorer = self.model
        if self.cold_model is not None and not len(query.history.item):
            scorer = self.cold_model
        given = np.asarray(scorer.scores(query), np.float32)
        hidden = np.isneginf(given[0])
        score = _scaled(given)
        score += self.liked_weight * self._effect(liked, query)
        score -= self.disliked_weight * self._effect(disliked, query)
        if wish.said.strip():
            score += self.text_weight * self._text_similarity(wish.said)
        allow &= ~hidden
        made = ItemScores(np.where(hidden, -np.inf, score).astype(np.float32))
        ranking = recommend(made, query, min(k, len(allow)), allow=allow)
        left = int(allow.sum())
        return Advice(ranking, left, () if left else _relaxed(asked, open_ & ~hidden))

    def _effect(self, items: list[int], query: Query) -> Float[Array, " items"]:
        """How having these changes what somebody new is shown."""
        count = query.history.items
        if not items:
            return np.zeros(count, np.float32)
        time = int(query.now[0]) - len(items) + np.arange(len(items))
        log = Interactions.of(
            np.zeros(len(items)), items, time=time, behavior=self.behavior, shape=(1, count)
        )
        some = replace(Query.of(log, now=query.now), user=np.array([-1], np.int32))
        none = replace(Query.of(log[:0], now=query.now), user=np.array([-1], np.int32))
        with_, without = (_scaled(self.model.scores(asked)) for asked in (some, none))
        return np.asarray(with_ - without)

    def _text_similarity(self, said: str) -> Float[Array, " items"]:
        if self.text is None or self.encoder is None:
            raise BadSetting("free words need the items' texts and their encoder: give both")
        vector = self.encoder.encode([said])[0]
        if self.encoder.name != self.text.encoder or len(vector) != self.text.vectors.shape[1]:
            raise BadSetting(
                f"the texts were encoded by {self.text.encoder}, the free words by "
                f"{self.encoder.name} to {len(vector)} numbers; take one that encodes a text by "
                "itself (not tfidf) for both"
            )
        there = self.text.present
        length = np.linalg.norm(self.text.vectors[there], axis=1)
        cosine = self.text.vectors[there] @ vector / np.maximum(length, 1e-9)
        similarity = np.zeros(len(there), np.float32)
        similarity[there] = standardized(cosine[None])[0][0]
        return similarity


def _scaled(scores: Float[Array, "1 items"]) -> Float[Array, " items"]:
    """Scores for one user on one scale; 0 for what is not to be shown."""
    scaled, _ = standardized(np.asarray(scores, np.float32))
    return np.where(np.isneginf(scaled[0]), np.float32(0), scaled[0])


def _all(asked: list[Condition], open_: Bool[Array, " items"]) -> Bool[Array, " items"]:
    return np.asarray(np.all([open_, *(one.mask for one in asked)], axis=0))


def _relaxed(asked: list[Condition], open_: Bool[Array, " items"]) -> tuple[Relaxed, ...]:
    """Each condition left out in turn; those without which there is something."""
    ways = [
        Relaxed(one.text, int(_all([c for c in asked if c is not one], open_).sum()))
        for one in asked
    ]
    return tuple(sorted((way for way in ways if way.items), key=lambda way: -way.items))
