"""Numbers as tokens: digit by digit, or in a tokenizer's own pieces; and the words around them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting

Encode = Callable[[str], list[int]]
"""A text to token ids, without special tokens."""

PAD = "<pad>"
DIGITS = "0123456789"
END = ","
"""What follows each number in a history, and after which a number is whole."""


def vocabulary(texts: Sequence[str]) -> tuple[str, ...]:
    """The tokens of a network that is trained from scratch: digits, marks, and these words."""
    words = sorted({word for text in texts for word in _split(text)} - set(DIGITS) - {END})
    return (PAD, *DIGITS, END, *words)


def word_encoder(words: Sequence[str]) -> Encode:
    """Texts to places in this vocabulary; each digit and each mark is a token."""
    place = {word: row for row, word in enumerate(words)}
    return lambda text: [place[word] for word in _split(text)]


def _split(text: str) -> list[str]:
    return re.findall(r"\d|[^\W\d]+|[^\w\s]", text.lower())


@dataclass(frozen=True, eq=False)
class NumberTokens:
    """How numbers are written.

    Attributes:
        encode: Of words.
        digit: The token of each digit; empty where numbers are written in pieces.
        end: The tokens after each number.
    """

    encode: Encode
    digit: Int[Array, " digits"]
    end: tuple[int, ...]

    @classmethod
    def of(
        cls, encode: Encode, name: str, *, pieces: bool = False, end: int | None = None
    ) -> "NumberTokens":
        """For a tokenizer.

        Args:
            encode: Of the tokenizer.
            name: Of the model, for errors.
            pieces: Whether numbers are written in the tokenizer's pieces ("1001" may be "100" and
                "1"), as in OpenP5, instead of digit by digit.
            end: The token that ends a number; without it, that of `END`.

        Raises:
            BadSetting: if numbers are to be read digit by digit and the tokenizer joins digits.
        """
        # Some tokenizers put a token of a space before a text: it is no part of a digit or mark.
        after = (end,) if end is not None else tuple(encode(END)[-1:])
        if pieces:
            return cls(encode, np.zeros(0, np.int64), after)
        digit = [encode(one)[-1:] for one in DIGITS]
        every = "".join(a + b for a in DIGITS for b in DIGITS)
        text = every if end is not None else f"{every}{END}{every}{END}"
        ids = [token for one in every for token in digit[int(one)]]
        ids = ids if end is not None else [*ids, *after] * 2
        if len({tuple(one) for one in digit}) < 10 or encode(text)[-len(ids) :] != ids:
            raise BadSetting(
                f"{name}: its tokenizer does not read numbers digit by digit; use another model, "
                "or set pieces = true to write numbers as its tokenizer does"
            )
        return cls(encode, np.concatenate(digit).astype(np.int64), after)

    def ids(self, number: Int[Array, " n"]) -> Int[Array, "n length"]:
        """The tokens of numbers, without an end; padded at the end with -1. No token for -1."""
        if not len(self.digit):
            rows = [self.encode(str(one)) if one >= 0 else [] for one in number.tolist()]
            return ragged(rows)
        width = len(str(int(number.max(initial=0))))
        place = 10 ** np.arange(width)[::-1]
        values = number[:, None] // place
        tokens = self.digit[values % 10]
        tokens[(values == 0) & (place > 1)] = -1
        tokens[number < 0] = -1
        return compact(tokens)[0]

    def symbols(self, most: int) -> Int[Array, " symbols"]:
        """All tokens that numbers from 0 to `most` are made of, ends included; in order."""
        used = self.digit if len(self.digit) else self.ids(np.arange(most + 1))
        return np.unique(np.concatenate([used[used >= 0], self.end]))


def ragged(rows: Sequence[Sequence[int]]) -> Int[Array, "rows length"]:
    """Rows of different lengths as one array, padded at the end with -1."""
    table = np.full((len(rows), max(map(len, rows), default=0)), -1, np.int64)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table


def compact(
    ids: Int[Array, "rows length"],
    mark: Bool[Array, "rows length"] | None = None,
    *,
    right: bool = False,
) -> tuple[Int[Array, "rows shorter"], Bool[Array, "rows shorter"]]:
    """The tokens of each row without the gaps (-1) between them.

    Args:
        ids: Tokens and gaps.
        mark: A mark for each token, moved with it.
        right: Whether the padding comes first.

    Returns:
        The tokens, padded with -1, and their marks.
    """
    gap = ids < 0
    order = np.argsort(~gap if right else gap, axis=1, kind="stable")
    longest = int((~gap).sum(axis=1).max(initial=0))
    order = order[:, ids.shape[1] - longest :] if right else order[:, :longest]
    marks = np.zeros_like(gap) if mark is None else mark & ~gap
    return np.take_along_axis(ids, order, 1), np.take_along_axis(marks, order, 1)
