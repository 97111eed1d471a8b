"""Examples of other users, made from their training events: for prompts and for fine-tuning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from recweave.data.interactions import Histories, Interactions
from recweave.rank.language.prompts import OPEN, Form, Prompts


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
        drawn = islice(titled_histories(prompts, train, seed), count)
        found = (Example(prompts.shown(items[:-1]), items[-1]) for _, items in drawn)
        return cls(prompts, tuple(found))

    def continuations(self) -> str:
        """As texts that end with the title; "" without examples."""
        return "".join(
            f"{self.prompts.continuation(one.shown)}{self.prompts.title(one.target)}{OPEN}\n\n"
            for one in self.of
        )

    def requests(self, form: Form = "quoted") -> str:
        """As instructions with their answers, in a form; "" without examples."""
        return "".join(
            f"{self.prompts.request(one.shown, (), 1, form)}\nAnswer: "
            f"{self.prompts.answer([one.target], form)}\n\n"
            for one in self.of
        )


def titled_histories(
    prompts: Prompts, train: Interactions, seed: int
) -> Iterator[tuple[int, list[int]]]:
    """Users in random order, each with the items of train that have a title, oldest first.

    Each item once, as of its first event. Users with fewer than two of them are left out.
    """
    histories = Histories.of(train)
    for user in np.random.default_rng(seed).permutation(len(histories)).tolist():
        items = histories.item[histories.start[user] : histories.start[user + 1]].tolist()
        titled = [item for item in dict.fromkeys(items) if prompts.title(item)]
        if len(titled) > 1:
            yield user, titled
