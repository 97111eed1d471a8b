"""Examples of other users, made from their training events: for prompts, and to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recweave.data.interactions import Histories, Interactions
from recweave.rank.language.prompts import OPEN, Prompts


@dataclass(frozen=True)
class Example:
    """A user whose last training item is the answer.

    Attributes:
        shown: Rows of items before it, oldest first.
        target: The last item.
    """

    shown: Sequence[int]
    target: int


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples that stand before a prompt (few-shot).

    Attributes:
        prompts: What is written.
        of: The examples.
    """

    prompts: Prompts
    of: tuple[Example, ...]

    @classmethod
    def drawn(cls, prompts: Prompts, train: Interactions, count: int, seed: int) -> "Examples":
        """Some users at random, each with their newest titled items of train.

        Users need two items with a title: one of them is the answer.
        """
        if not count:
            return cls(prompts, ())
        histories = Histories.of(train)
        found: list[Example] = []
        for user in np.random.default_rng(seed).permutation(len(histories)).tolist():
            items = histories.item[histories.start[user] : histories.start[user + 1]].tolist()
            titled = [item for item in dict.fromkeys(items) if prompts.title(item)]
            if len(titled) > 1:
                found.append(Example(prompts.shown(titled[:-1]), titled[-1]))
            if len(found) == count:
                break
        return cls(prompts, tuple(found))

    def continuations(self) -> str:
        """As texts that end with the title; "" without examples."""
        return "".join(
            f"{self.prompts.continuation(one.shown)}{self.prompts.title(one.target)}{OPEN}\n\n"
            for one in self.of
        )

    def requests(self) -> str:
        """As instructions with their answers; "" without examples."""
        return "".join(
            f"{self.prompts.request(one.shown, (), 1)}\nAnswer: "
            f"{self.prompts.listed([one.target])}\n\n"
            for one in self.of
        )
