"""Users, histories and sums as token sequences for a language model."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.models.language.arithmetic import QUESTIONS, Sums
from recweave.models.language.number_tokens import NumberTokens, compact, ragged
from recweave.models.language.prompts import Prompt
from recweave.models.language.trie import Trie


@dataclass(frozen=True, eq=False)
class Pairs:
    """Texts and their continuations, as tokens; padded at the end with -1.

    Attributes:
        source: The text.
        target: What is learned to follow it.
    """

    source: Int[Array, "batch time"]
    target: Int[Array, "batch length"]


@dataclass(frozen=True, eq=False)
class Packed:
    """Texts in which several parts are learned; padded at the end with -1.

    Attributes:
        ids: The tokens.
        learned: Which are learned to follow all that is before them.
    """

    ids: Int[Array, "batch time"]
    learned: Bool[Array, "batch time"]


@dataclass(frozen=True, eq=False)
class NumberText:
    """The texts of one catalogue.

    Attributes:
        number: The number of each item.
        tokens: How numbers are written.
    """

    number: Int[Array, " items"]
    tokens: NumberTokens

    @cached_property
    def item(self) -> Int[Array, "items length"]:
        """The tokens of each item that tell it from all others; padded at the end with -1.

        A number that other numbers begin with (1001 and 10010) ends with the end mark.
        """
        ids = self.tokens.ids(self.number)
        length = (ids >= 0).sum(axis=1)
        begins = np.zeros(len(ids), bool)
        for size in np.unique(length):
            whole, longer = np.flatnonzero(length == size), ids[length > size, :size]
            both = np.vstack([longer, ids[whole, :size]])
            _, group = np.unique(both, axis=0, return_inverse=True)
            begins[whole] = np.isin(group.ravel()[len(longer) :], group.ravel()[: len(longer)])
        return self._ended(ids, begins)

    @cached_property
    def trie(self) -> Trie:
        """The items' tokens, as places in `symbols`."""
        place = np.searchsorted(self.symbols, np.maximum(self.item, 0))
        return Trie.of(np.where(self.item >= 0, place, -1))

    @cached_property
    def symbols(self) -> Int[Array, " symbols"]:
        """All tokens that numbers are made of: of items, and of sums of two of them."""
        return self.tokens.symbols(2 * int(self.number.max(initial=0)))

    def heads(
        self,
        prompts: tuple[Prompt, ...],
        choice: Int[Array, " batch"],
        user: Int[Array, " batch"],
    ) -> Int[Array, "batch time"]:
        """The beginning of each prompt, with gaps (-1).

        Args:
            prompts: Those to choose from.
            choice: Which one each row has.
            user: Row of the user; -1 leaves the user's number out.
        """
        before, after = (
            ragged([self.tokens.encode(prompt[part]) for prompt in prompts]) for part in (0, 1)
        )
        number = self.tokens.ids(np.where(user >= 0, user.astype(np.int64) + 1, -1))
        return np.hstack([before[choice], number, after[choice]])

    def history(
        self, item: Int[Array, "batch time"], learned: Bool[Array, "batch time"] | None = None
    ) -> tuple[Int[Array, "batch tokens"], Bool[Array, "batch tokens"]]:
        """Items one after the other, each followed by the end mark, with gaps (-1).

        Args:
            item: Rows of items; -1 is no item.
            learned: Which items are learned.

        Returns:
            The tokens, and which of them are learned: the number, not the mark after it unless
            it is needed (see `item`).
        """
        table, needed = self._followed
        ids = np.where(item[:, :, None] >= 0, table[item], -1)
        marks = np.zeros(ids.shape, bool) if learned is None else learned[:, :, None] & needed[item]
        return ids.reshape(len(item), -1), marks.reshape(len(item), -1)

    def packed(
        self,
        head: Int[Array, "batch time"],
        item: Int[Array, "batch events"],
        learned: Bool[Array, "batch events"],
    ) -> Packed:
        """Whole histories, each item learned from all before it."""
        ids, marks = self.history(item, learned)
        marks = np.hstack([np.zeros(head.shape, bool), marks])
        return Packed(*compact(np.hstack([head, ids]), marks))

    def prompt(
        self,
        head: Int[Array, "batch time"],
        item: Int[Array, "batch events"],
        question: Int[Array, "batch words"] | None = None,
        *,
        right: bool = False,
    ) -> Int[Array, "batch tokens"]:
        """What a model reads before it recommends; padded with -1, in front if `right`."""
        parts = [head, self.history(item)[0]]
        return compact(np.hstack(parts if question is None else [*parts, question]), right=right)[0]

    def sums(self, sums: Sums) -> Pairs:
        """Questions and answers of arithmetic."""
        words = [ragged([self.tokens.encode(w[part]) for w in QUESTIONS]) for part in range(4)]
        columns = [words[0][sums.kind]]
        for part in range(3):
            columns += [self.tokens.ids(sums.number[:, part]), words[part + 1][sums.kind]]
        answer = self.tokens.ids(sums.answer)
        answer = self._ended(answer, np.ones(len(answer), bool))
        return Pairs(compact(np.hstack(columns))[0], answer)

    @cached_property
    def _followed(self) -> tuple[Int[Array, "items length"], Bool[Array, "items length"]]:
        """The tokens of each item and the end mark, and which of them tell the item."""
        table = self._ended(self.tokens.ids(self.number), np.ones(len(self.number), bool))
        needed = (self.item >= 0).sum(axis=1)
        return table, np.arange(table.shape[1]) < needed[:, None]

    def _ended(
        self, ids: Int[Array, "n length"], which: Bool[Array, " n"]
    ) -> Int[Array, "n longer"]:
        """Numbers with the end mark after some of them."""
        end = np.where(which[:, None], np.array(self.tokens.end), -1)
        return compact(np.hstack([ids, end]))[0]
