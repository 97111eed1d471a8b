"""What a language model took, and how often it was of no use."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.rank.language.position import position_correlation
from recweave.rank.ranking import LEFT


@dataclass(frozen=True)
class Asked:
    """One list to be scored.

    Attributes:
        shown: Rows of the items of the history that are shown, oldest first; at least one.
        candidates: Rows of items with a title, in the retriever's order; at least two.
    """

    shown: Sequence[int]
    candidates: Sequence[int]


@dataclass
class Tally:
    """Counts over the lists of one call.

    Attributes:
        asked: Prompts that were read; results that a process keeps are not asked for again.
        prompt_tokens, answer_tokens: Read and written for them.
        dropped: Items of histories that did not fit into the context, the oldest ones.
        untitled: Candidates without a title, which keep their place.
        invented: Titles in answers that are no candidate.
        consumed: Titles in answers that are of the history.
        repeated: Titles that an answer had already named.
        unreadable: Answers without any candidate.
        correlations: Of the position in a prompt and the rank, for each prompt that lists
            candidates.
        reasons: Why lists were left as they were.
        first_failure: What went wrong with the first question that had no usable answer.
        stopped: Why a server was not asked any more; "" if it was.
    """

    asked: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    dropped: int = 0
    untitled: int = 0
    invented: int = 0
    consumed: int = 0
    repeated: int = 0
    unreadable: int = 0
    correlations: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    first_failure: str = ""
    stopped: str = ""

    def position(self, order: Int[Array, " n"], score: Float[Array, " n"]) -> None:
        """Count one prompt: its candidates in their order, and the scores of the candidates."""
        self.correlations.append(position_correlation(order, score))

    def usage(self) -> dict[str, float]:
        """As numbers by name, for `StageCost`."""
        counts = ("asked", "prompt_tokens", "answer_tokens", "dropped", "untitled")
        found = {name: float(getattr(self, name)) for name in counts}
        if self.correlations:
            found["order_bias"] = round(float(np.mean(self.correlations)), 4)
        written = {
            n: float(getattr(self, n)) for n in ("invented", "consumed", "repeated", "unreadable")
        }
        left = {f"{LEFT}{reason}": float(count) for reason, count in self.reasons.items()}
        return found | written | left
