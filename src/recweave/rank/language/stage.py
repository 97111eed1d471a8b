"""The stage `language`: a language model re-ranks the first items of a list."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.data.interactions import Histories
from recweave.encode.features import Features
from recweave.rank.language.prompts import Prompts, in_words
from recweave.rank.language.tally import Asked, Tally
from recweave.rank.ranking import Ranking, StageCost
from recweave.rank.reasons import Reasons, StageReason

log = logging.getLogger(__name__)

FEWEST = 2
"""Candidates with a title that a list needs, to be re-ranked."""


@runtime_checkable
class Ranker(Protocol):
    """What scores the candidates of a user; `Likelihood` or `Generation`."""

    @property
    def prompts(self) -> Prompts:
        """What is written."""

    def scores(
        self, asked: Sequence[Asked], tally: Tally
    ) -> Sequence[Float[Array, " candidates"] | None]:
        """For each list a score for each candidate, higher is better.

        None where there is none, and `tally.reasons` says why: the list stays as it was.

        Args:
            asked: The lists.
            tally: Counts what was used.
        """


@dataclass(frozen=True, eq=False)
class Language:
    """Re-ranks the first `depth` items of each list by a language model.

    To the standardized scores of these items it adds `strength` times the standardized scores of
    the language model. An item without a title keeps its place among them: it gets 0. Lists of
    users without a titled history, and those with fewer than two titled candidates, stay as they
    are and count as fallbacks, as do those that the language model fails on.

    Attributes:
        ranker: Scores candidates.
        depth: Items of a list that are re-ranked; those after them stay behind.
        strength: At 0 nothing changes.
        alone: Whether the language model's scores alone order the items, whatever the strength;
            equal ones keep their order.
        label: What explanations call it.
    """

    ranker: Ranker
    depth: int
    strength: float
    alone: bool = False
    label: str = "language"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        if not self.strength and not self.alone:
            return ranking
        value, usable, tally = self.values(ranking)
        ordered = self.ordered(ranking, value, usable, self.strength)
        fallbacks = int((~usable).sum())
        cost = StageCost(self.label, 0.0, len(ranking), fallbacks, tally.usage())
        return replace(ordered, costs=(*ordered.costs, cost))

    def ordered(
        self,
        ranking: Ranking,
        value: Float[Array, "users depth"],
        usable: Bool[Array, " users"],
        strength: float,
    ) -> Ranking:
        """The lists with a strength, from what `values` gave."""
        head = ranking.top(self.depth)
        level = np.zeros(value.shape) if self.alone else head.standardized()
        score = level + (1.0 if self.alone else strength) * value
        # Lists that are left as they were keep their scores too.
        score = np.where(usable[:, None], score, head.score)
        rest = ranking.score[:, head.k :].astype(np.float64)
        if rest.shape[1]:
            lowest = np.where(head.filled, score, np.inf).min(axis=1, keepdims=True, initial=np.inf)
            below = np.minimum(lowest, rest.max(axis=1, keepdims=True))
            behind = np.isfinite(lowest) & usable[:, None]
            rest = np.where(behind, below - np.arange(1, rest.shape[1] + 1), rest)
        return ranking.ordered_by(np.concatenate([score, rest], axis=1))

    def values(
        self, ranking: Ranking
    ) -> tuple[Float[Array, "users depth"], Bool[Array, " users"], Tally]:
        """Standardized scores of the first items of each list, which lists have any, and counts."""
        head = ranking.top(self.depth)
        value, usable = np.zeros(head.item.shape), np.zeros(len(head), bool)
        tally, prompts = Tally(), self.ranker.prompts
        history = ranking.query.history
        asked: dict[int, Asked] = {}
        for row in range(len(head)):
            shown = prompts.shown(_items(history, row))
            listed = head.item[row]
            titled = np.array([bool(prompts.title(int(item))) for item in listed])
            tally.untitled += int(((listed >= 0) & ~titled).sum())
            if not shown:
                tally.reasons["no titled history"] += 1
            elif titled.sum() < FEWEST:
                tally.reasons["fewer than two titled candidates"] += 1
            else:
                asked[row] = Asked(shown, listed[titled].tolist())
        scores = self.ranker.scores(list(asked.values()), tally)
        for (row, one), found in zip(asked.items(), scores, strict=True):
            if found is not None and not np.isfinite(found).all():
                tally.reasons["a score is no finite number"] += 1
            elif found is not None:
                value[row, np.isin(head.item[row], one.candidates)] = standard(found)
                usable[row] = True
        if why := tally.stopped or tally.first_failure:
            warn(f"{self.label}: lists stay as they were: {why}")
        return value, usable, tally

    def reasons(self, before: Ranking, item: Int[Array, "users n"]) -> Reasons:
        """See `Reasoned`: how well an item follows the history, and the interests it shares."""
        reasons: list[list[list[StageReason]]] = [[[] for _ in row] for row in item]
        weight = 1.0 if self.alone else self.strength
        if not weight:
            return reasons
        value, usable, _ = self.values(before)
        prompts, history = self.ranker.prompts, before.query.history
        for row in np.flatnonzero(usable):
            shown = prompts.shown(_items(history, int(row)))
            position = {int(one): at for at, one in enumerate(before.item[row, : self.depth])}
            interests = prompts.keywords.profile(shown, prompts.profile)
            for at, one in enumerate(item[row].tolist()):
                place = position.get(one)
                if one < 0 or place is None or not value[row, place]:
                    continue
                part = float(value[row, place])
                how = "follows" if part > 0 else "does not follow"
                text = f"by its title it {how} from the last {len(shown)} items"
                if shared := [k for k in interests if prompts.keywords.has[one, k.column]]:
                    text += f" (interests: {in_words(shared)})" if part > 0 else ""
                reasons[row][at].append(StageReason(text, weight * part))
        return reasons


@lru_cache(maxsize=256)
def warn(text: str) -> None:
    """Log a warning once, not for each batch of users."""
    log.warning(text)


def _items(history: Histories, row: int) -> list[int]:
    """The items of a history, oldest first."""
    items: list[int] = history.item[history.start[row] : history.start[row + 1]].tolist()
    return items


@dataclass(frozen=True, eq=False)
class TunedLanguage(Language):
    """The same with a language model that was fine-tuned."""

    def with_items(self, features: Features, count: int) -> "TunedLanguage":
        """See `Extensible.with_items`: new items keep their place until the stage is fitted again.

        Fitting it again would train the language model again.
        """
        return self


def standard(score: Float[Array, " n"]) -> Float[Array, " n"]:
    """Scores less their mean, over their standard deviation; 0 where all are equal."""
    centred = score - score.mean()
    deviation = np.sqrt((centred**2).mean())
    return centred / deviation if deviation > 0 else np.zeros(len(score))
