"""What a language model learns to re-rank from: instructions made of training events alone.

Two formats are PALR's (arXiv 2305.07622): `recommend` and `recommend_retrieval`, whose prompt lists
candidates. Candidates are the targets, items of their keywords and items of the same users, never
the lists of a retriever, so that what is learned does not depend on it. The third, `title`, is what
ranking by likelihood asks: the title of the next item.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal

import numpy as np
from jaxtyping import Int
from pydantic import Field

from recweave.core.arrays import Array, Csr
from recweave.data.interactions import Histories, Interactions
from recweave.models.nn.settings import LoopSettings
from recweave.rank.language.examples import titled_histories
from recweave.rank.language.prompts import OPEN, Prompts

Format = Literal["title", "recommend", "recommend_retrieval"]


class Tuning(LoopSettings):
    """Fine-tuning on instructions that are made of some users' training events.

    A user's last training items are what should be recommended, those before them the history.
    """

    share: float = Field(0.2, gt=0, le=1, description="share of the users, drawn by seed")
    users: int = Field(5000, ge=1, description="users at most")
    formats: tuple[Format, ...] = Field(
        (),
        description="title, recommend, recommend_retrieval; if empty, title to rank by "
        "likelihood and the other two for generation",
    )
    targets: int = Field(3, ge=1, description="items of an answer, at most")
    candidates: int = Field(
        20, ge=2, description="items of a candidate list: the targets and negatives like them"
    )
    swap: float = Field(
        0.1, ge=0, le=1, description="share of the answers of which one item is swapped with one "
        "of the history"
    )  # fmt: skip
    enrich: bool = Field(
        True,
        description="whether answers with too few items are filled with items of users who share "
        "items with the user (three hops in the graph of users and items)",
    )
    epochs: int = Field(1, gt=0, description="passes over the instructions")
    batch: int = Field(8, gt=0, description="instructions in a batch")
    lr: float = Field(3e-4, gt=0, description="peak learning rate of AdamW")
    warmup: float = Field(0.1, ge=0, description="epochs in which the learning rate rises to lr")
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="the learning rate after warmup: constant, or falling to 0 (cosine)"
    )
    clip: float = Field(1.0, gt=0, description="gradient clipping: largest norm of a gradient")
    patience: int = Field(0, ge=0, le=0, description="training is not stopped early")


@dataclass(frozen=True)
class Lesson:
    """One instruction as items.

    Attributes:
        format: How it is written.
        shown: The history, oldest first.
        targets: The answer, in its order.
        candidates: In the order of the prompt; none for formats without.
    """

    format: Format
    shown: tuple[int, ...]
    targets: tuple[int, ...]
    candidates: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Lessons:
    """Makes instructions.

    Attributes:
        prompts: What is written of items.
        train: The events that they are made of.
        tuning: How.
        formats: Of each user one instruction in each.
        listed: Whether the prompt of `title` lists candidates.
        seed: Of users, swaps, negatives and orders.
    """

    prompts: Prompts
    train: Interactions
    tuning: Tuning
    formats: tuple[Format, ...]
    listed: bool
    seed: int

    def made(self) -> list[Lesson]:
        """The instructions of the users that are drawn; none of users with fewer than two items."""
        return [
            lesson
            for user, items in self._users()
            for lesson in self._of_user(np.random.default_rng([self.seed, user]), items)
        ]

    def _users(self) -> Iterator[tuple[int, list[int]]]:
        """Users and their titled items of train, oldest first."""
        users = len(Histories.of(self.train))
        most = min(self.tuning.users, max(1, round(self.tuning.share * users)))
        return islice(titled_histories(self.prompts, self.train, self.seed), most)

    def _of_user(self, rng: np.random.Generator, items: list[int]) -> Iterator[Lesson]:
        for format in self.formats:
            most = 1 if format == "title" else min(self.tuning.targets, len(items) // 2)
            history, targets = items[:-most], items[-most:]
            if rng.random() < self.tuning.swap:
                one, other = rng.integers(len(history)), rng.integers(len(targets))
                history[one], targets[other] = targets[other], history[one]
            if format != "title" and self.tuning.enrich and len(targets) < self.tuning.targets:
                missing = self.tuning.targets - len(targets)
                targets += self._within_three_hops(items)[:missing]
            shown = self.prompts.shown(history)
            candidates: tuple[int, ...] = ()
            if format == "recommend_retrieval" or (format == "title" and self.listed):
                listed = [*targets, *self._negatives(rng, items, targets)]
                candidates = tuple(listed[at] for at in rng.permutation(len(listed)))
            yield Lesson(format, tuple(shown), tuple(targets), candidates)

    def _negatives(
        self, rng: np.random.Generator, items: Sequence[int], targets: Sequence[int]
    ) -> list[int]:
        """Items like the targets: half of their keywords, half of the same users; then any."""
        count = max(0, self.tuning.candidates - len(targets))
        known = {*items, *targets}
        alike = self._of_keywords(targets)
        near = np.array(self._within_three_hops(items), np.int64)[: 4 * count]
        found: list[int] = []
        for pool, until in ((alike, count // 2), (near, count), (self._titled, count)):
            for item in rng.permutation(pool).tolist():
                if len(found) >= until:
                    break
                if item not in known:
                    known.add(item)
                    found.append(item)
        return found

    def _of_keywords(self, targets: Sequence[int]) -> Int[Array, " items"]:
        """Titled items that share the rarest keyword of a target."""
        keywords = self.prompts.keywords
        pools = [np.empty(0, np.int64)]
        for target in targets:
            own = keywords.has[[target]].indices
            if len(own):
                rarest = own[np.argmax(keywords.rare[own])]
                start, end = self._by_keyword.indptr[rarest : rarest + 2]
                pools.append(self._by_keyword.indices[start:end].astype(np.int64))
        return np.intersect1d(np.concatenate(pools), self._titled)

    def _within_three_hops(self, items: Sequence[int]) -> list[int]:
        """Titled items of users who share items with the user, the most shared first."""
        users = np.unique(self._of_item[list(items)].indices)
        count = np.asarray(self._of_user_items[users].sum(axis=0)).ravel()
        count[list(items)] = 0
        count[[item for item in np.flatnonzero(count) if not self.prompts.title(int(item))]] = 0
        near = np.flatnonzero(count)
        found: list[int] = near[np.lexsort((near, -count[near]))].tolist()
        return found

    @cached_property
    def _titled(self) -> Int[Array, " items"]:
        return np.array([i for i, title in enumerate(self.prompts.titles) if title], np.int64)

    @cached_property
    def _by_keyword(self) -> Csr:
        return self.prompts.keywords.has.T.tocsr()

    @cached_property
    def _of_user_items(self) -> Csr:
        return self.train.matrix(values=False)

    @cached_property
    def _of_item(self) -> Csr:
        return self._of_user_items.T.tocsr()


def answer_of(lesson: Lesson, prompts: Prompts) -> str:
    """The text that is to be learned, after the prompt."""
    if lesson.format == "title":
        return f"{prompts.title(lesson.targets[0])}{OPEN}"
    return prompts.answer(lesson.targets)
