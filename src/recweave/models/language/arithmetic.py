"""The arithmetic corpus: sums over the numbers of the items, which teach that numbers are near."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.models.language.numbering import FIRST

Corpus = Literal["arithmetic", "permuted", "prompts"]

QUESTIONS = (
    ("", " plus ", "", " is"),
    ("", " minus ", "", " is"),
    ("the number after ", "", "", " is"),
    ("the number before ", "", "", " is"),
    ("of ", " and ", "", ", the larger is"),
    ("of ", " and ", "", ", the smaller is"),
    ("nearer to ", ": ", " or ", "? it is"),
)
"""The words before, between and after up to three numbers; the answer follows."""

NUMBERS = (2, 2, 1, 1, 2, 2, 3)
"""How many numbers each question has."""
PLUS, MINUS, AFTER, BEFORE, LARGER, SMALLER, NEARER = range(7)
NEAR = 20
"""In every other question about two numbers or more, they are at most this far apart."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Questions with their answers.

    Attributes:
        kind: Of each question, its place in `QUESTIONS`.
        number: Its numbers; -1 where it has fewer than three.
        answer: The number that answers it.
    """

    kind: Int[Array, " samples"]
    number: Int[Array, "samples 3"]
    answer: Int[Array, " samples"]

    def __len__(self) -> int:
        return len(self.kind)

    def rows(self, rows: Int[Array, " some"]) -> "Sums":
        """Some of the questions."""
        return Sums(self.kind[rows], self.number[rows], self.answer[rows])


def make_sums(items: int, samples: int, seed: int, *, permuted: bool = False) -> Sums:
    """Random questions over the numbers `FIRST` to `FIRST` + items − 1.

    Kinds are equally frequent: a + b; a − b with a > b; the number after a, and before; the larger
    and the smaller of two; which of two is nearer to a third (never equally near).

    Args:
        items: Items of the catalogue.
        samples: Number of questions.
        seed: Of all random numbers.
        permuted: Whether the answers are permuted among the questions of a kind (control).

    Raises:
        BadSetting: with fewer than 3 items.
    """
    if items < 3:
        raise BadSetting(
            f"sums about the numbers of {items} items have no three different numbers; leave "
            "pretrain out, or filter less"
        )
    rng = np.random.default_rng([seed, samples])
    kind = rng.integers(0, len(QUESTIONS), samples)
    a, b, c = _different(rng, items, samples)
    a, b = (
        np.where(kind == MINUS, np.maximum(a, b), a),
        np.where(kind == MINUS, np.minimum(a, b), b),
    )
    nearer = np.where(np.abs(a - b) < np.abs(a - c), b, c)
    # A number in the middle of two is moved next to one of them.
    tie = (kind == NEARER) & (np.abs(a - b) == np.abs(a - c))
    a, nearer = np.where(tie, b, a), np.where(tie, b, nearer)
    answers = (a + b, a - b, a + 1, a - 1, np.maximum(a, b), np.minimum(a, b), nearer)
    answer = np.choose(kind, answers)
    if permuted:
        for one in range(len(QUESTIONS)):
            rows = np.flatnonzero(kind == one)
            answer[rows] = answer[rng.permutation(rows)]
    number = np.stack([a, b, c], axis=1)
    number[np.arange(3) >= np.array(NUMBERS)[kind][:, None]] = -1
    return Sums(kind, number, answer)


def _different(
    rng: np.random.Generator, items: int, samples: int
) -> tuple[Int[Array, " n"], Int[Array, " n"], Int[Array, " n"]]:
    """Three different numbers for each sample; in half of them near each other."""
    span = np.where(rng.random(samples) < 0.5, min(items, NEAR), items)
    base = FIRST + rng.integers(0, items - span + 1)
    a = rng.integers(0, span)
    b = (a + 1 + rng.integers(0, span - 1)) % span
    step = rng.integers(0, span - 2)
    low, high = np.minimum(a, b), np.maximum(a, b)
    c = step + (step >= low)
    c = c + (c >= high)
    return base + a, base + b, base + c
