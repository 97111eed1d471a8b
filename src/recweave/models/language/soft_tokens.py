"""Soft tokens: users and items as tokens of their own, beside the words of a tokenizer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput

SOFT = re.compile(r"(user_[0-9]+|item_[0-9]+)")


@dataclass(frozen=True, eq=False)
class SoftTokenizer:
    """A tokenizer with one atomic token for each user and each item (CLLM4Rec, arXiv 2311.01343).

    With N words, I users and J items, user i has the id N + i and item j the id N + I + j.

    Attributes:
        words: The tokenizer of the language model.
        size: N: number of rows of its embedding table.
        users, items: I and J.
    """

    words: Any
    size: int
    users: int
    items: int

    def encode(self, text: str) -> list[int]:
        """The ids of a text in which `user_3` and `item_5` are users and items.

        For prompts that we write. Texts of others go through `encode_words`: what looks like an
        id in them is only words.

        Raises:
            BadInput: for a user or an item that does not exist.
        """
        ids: list[int] = []
        for piece in SOFT.split(text):
            if SOFT.fullmatch(piece):
                kind, _, number = piece.partition("_")
                ids.append(self._soft(kind, int(number)))
            elif piece.rstrip():
                # Trailing white space would be a token of its own before an id.
                ids += self.encode_words([piece.rstrip()])[0]
        return ids

    def encode_words(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of the words of texts; no text gives users or items."""
        if not texts:
            return []
        encoded: list[list[int]] = self.words(list(texts), add_special_tokens=False)["input_ids"]
        return encoded

    def user(self, row: Int[Array, "*shape"]) -> Int[Array, "*shape"]:
        """The ids of users."""
        return np.asarray(np.asarray(row, np.int64) + self.size)

    def item(self, row: Int[Array, "*shape"]) -> Int[Array, "*shape"]:
        """The ids of items."""
        return np.asarray(np.asarray(row, np.int64) + (self.size + self.users))

    @cached_property
    def end(self) -> int:
        """The id of the token that ends a text."""
        return int(self.words.eos_token_id)

    def _soft(self, kind: str, number: int) -> int:
        count = self.users if kind == "user" else self.items
        if number >= count:
            raise BadInput(f"there is no {kind}_{number}: the {kind}s are 0 to {count - 1}")
        return number + self.size + (self.users if kind == "item" else 0)
